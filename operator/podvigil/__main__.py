"""`python -m podvigil` is the `podvigil` command."""

from podvigil.cli.main import app

app()
