"""`kubectl podvigil …`: the commands for people alone, without those that run the operator."""

import typer

from podvigil.cli.people.commands import add_to

app = typer.Typer(
    name="kubectl podvigil",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="See what Podvigil proposes, and decide about it.",
)
add_to(app)
