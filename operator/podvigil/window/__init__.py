"""The in-memory window over all pods: which row is whose, the trailing samples, and gaps in them."""
