"""Who may decide: whether the gate stands, that we cannot pass it ourselves, and what a rule approves."""
