"""The approver: approves what a monitor's rules name, and can do nothing else."""
