"""How people ask: the `podvigil` command."""
