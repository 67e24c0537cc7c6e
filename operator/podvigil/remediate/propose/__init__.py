"""From a report to a plan: which action, how much of it, and when none. Used by the analyst."""
