"""`podvigil requests | show | approve | deny | cancel | rollback`."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from podvigil.api.conditions import find_condition
from podvigil.api.request import RemediationRequest, RequestCondition
from podvigil.api.resources import REMEDIATIONREQUESTS
from podvigil.cli.people.connection import (
    UNUSABLE,
    Context,
    Kubeconfig,
    Namespace,
    Place,
    fail,
    request_of,
)
from podvigil.cli.people.shown import lines, printable, target
from podvigil.cli.people.words import Word, is_as_seen, objection, patch_of, question, what_follows
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import Conflict
from podvigil.remediate.observe.gather import read

TRIES: Final = 5
"""The executor writes a request's status now and then; a decision about what was shown is tried again."""

Name = Annotated[str, typer.Argument(help="Name of the RemediationRequest.")]
Why = Annotated[str | None, typer.Option("--reason", help="Why, for those who read it later.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask back.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to an app."""
    app.command("requests")(requests_command)
    app.command("show")(show_command)
    for word in Word:
        app.command(word.value, help=HELP[word])(_command(word))


def requests_command(
    namespace: Namespace = None,
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="In every namespace.")
    ] = False,
    ended: Annotated[bool, typer.Option("--ended", help="Those that have ended, too.")] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """List the requests that wait for somebody or are under way."""
    place = Place(kubeconfig, context, namespace)

    async def listed(cluster: Cluster) -> list[RemediationRequest]:
        where = None if all_namespaces else place.chosen_namespace()
        bodies = await cluster.list(REMEDIATIONREQUESTS, where)
        found = [read(RemediationRequest, body) for body in bodies]
        return [request for request in found if ended or request.status.finished_at is None]

    found = place.call(listed)
    if not found:
        where = "any namespace" if all_namespaces else f"namespace {place.chosen_namespace()}"
        typer.echo(f"No {'' if ended else 'open '}requests in {where}.", err=True)
        return
    for line in table(found, datetime.now(UTC)):
        typer.echo(line)


def show_command(
    name: Name, namespace: Namespace = None, kubeconfig: Kubeconfig = None, context: Context = None
) -> None:
    """Show what a request would do, what it disturbs, and the way back."""
    place = Place(kubeconfig, context, namespace)
    for line in lines(_found(place, name), datetime.now(UTC)):
        typer.echo(line)


HELP: Final = {
    Word.APPROVE: "Approve a request, after showing what it would do.",
    Word.DENY: "Deny a request: it is not asked again for a while.",
    Word.CANCEL: "Cancel a request: what has not begun does not begin, what is under way stops and is put back.",
    Word.ROLLBACK: "Ask for the old state back, also after a request has ended.",
}


def _command(word: Word) -> Callable[..., None]:
    def command(
        name: Name,
        namespace: Namespace = None,
        reason: Why = None,
        yes: Yes = False,
        kubeconfig: Kubeconfig = None,
        context: Context = None,
    ) -> None:
        _say(word, name, Place(kubeconfig, context, namespace), reason, is_sure=yes)

    return command


def _say(word: Word, name: str, place: Place, reason: str | None, *, is_sure: bool) -> None:
    seen = _found(place, name)
    for line in lines(seen, datetime.now(UTC)):
        typer.echo(line)
    if (why_not := objection(seen, word, datetime.now(UTC))) is not None:
        fail(f"cannot {word} {name}: {printable(why_not)}")
    if not is_sure:
        _ask(word, seen)
    namespace = place.chosen_namespace()

    async def say(cluster: Cluster) -> str | None:
        me, current = await cluster.whoami(), seen
        for _ in range(TRIES):
            body = patch_of(word, current, me, reason)
            try:
                await cluster.patch(REMEDIATIONREQUESTS, name, body, namespace)
            except Conflict:
                now = await request_of(cluster, name, namespace)
                if now is None:
                    return "it is gone"
                if not is_as_seen(seen, now):
                    return "it is not as it was shown any more: look at it again"
                current = now
            else:
                return None
        return "it changes too often: try again"

    if (why_not := place.call(say)) is not None:
        fail(f"cannot {word} {name}: {why_not}")
    typer.echo(f"{name} {printable(what_follows(word, name, seen))}")


def _ask(word: Word, seen: RemediationRequest) -> None:
    if not sys.stdin.isatty():
        fail(f"not a terminal, so nobody can be asked: say --yes to {word} without a question", UNUSABLE)
    if not typer.confirm(question(word, seen)):
        fail("nothing was said")


def _found(place: Place, name: str) -> RemediationRequest:
    namespace = place.chosen_namespace()
    found = place.call(lambda cluster: request_of(cluster, name, namespace))
    if found is None:
        fail(f"no request {name} in namespace {namespace}: `podvigil requests -A` lists all")
    return found


def table(requests: list[RemediationRequest], now: datetime) -> Iterator[str]:
    """Yield one line for each request, the oldest first."""
    rows = [("NAMESPACE", "NAME", "ACTION", "TARGET", "STATE", "EXPIRES")]
    for request in sorted(requests, key=lambda r: str(r.metadata.get("creationTimestamp", ""))):
        summary = find_condition(request.status.conditions, RequestCondition.SUCCEEDED)
        left = int((request.spec.plan.expires_at - now).total_seconds() // 60)
        rows.append(
            (
                str(request.metadata["namespace"]),
                str(request.metadata["name"]),
                request.spec.plan.action,
                target(request),
                summary.reason if summary else "New",
                "" if request.status.finished_at else f"{left}m" if left > 0 else "now",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield printable(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
