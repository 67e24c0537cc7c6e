"""When it all runs: one folder for each kind, each thin: observe, call a decision, write what it said."""
