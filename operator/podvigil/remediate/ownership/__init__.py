"""Who else writes what an action would write, and would put it back."""
