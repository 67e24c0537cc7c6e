"""How a person's command reaches the cluster: their own kubeconfig, context and namespace, as with kubectl."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from podvigil.api.request import RemediationRequest
from podvigil.api.resources import REMEDIATIONREQUESTS
from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect, context_namespace
from podvigil.cluster.errors import ClusterError, NotFound
from podvigil.remediate.observe.gather import Unreadable, read

T = TypeVar("T")

Kubeconfig = Annotated[
    Path | None, typer.Option(help="kubeconfig file; else KUBECONFIG, else ~/.kube/config.")
]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig; else its current one.")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace; else the context's, else default.")
]

REFUSED = 1
"""Exit code when the cluster says no, or it makes no sense any more."""

UNUSABLE = 2
"""Exit code when the command or the kubeconfig is wrong, or no API server of ours answers."""

NOT_INSTALLED = (
    "Podvigil's kinds are not installed in this cluster, or this is another cluster: "
    "`kubectl get crd | grep podvigil.io` lists them"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command looks."""

    kubeconfig: Path | None
    context: str | None
    namespace: str | None

    def chosen_namespace(self) -> str:
        """Return the namespace as kubectl would choose it; an unusable kubeconfig ends the command."""
        try:
            return self.namespace or context_namespace(self.kubeconfig, self.context) or "default"
        except ClusterError as error:
            fail(str(error), UNUSABLE)

    def call(self, work: Callable[[Cluster], Awaitable[T]]) -> T:
        """Do something with the cluster; what it says no to ends the command with a message."""

        server = ""

        async def connected() -> T:
            nonlocal server
            client = connect(self.kubeconfig, self.context)
            server = client.configuration.host
            cluster = Cluster(client, field_manager="podvigil-cli")
            try:
                return await work(cluster)
            finally:
                await cluster.aclose()

        try:
            return asyncio.run(connected())
        except Unreadable as error:
            fail(str(error))
        except NotFound as error:
            if is_about_an_object(error):
                fail(str(error))
            fail(NOT_INSTALLED, UNUSABLE)
        except ClusterError as error:
            if (why := _no_answer(error)) is not None:
                asked_back = "is it the right --context, and is the cluster reachable from here?"
                fail(f"no answer from {server} ({why}): {asked_back}", UNUSABLE)
            # Below 400: no answer, or one that is not the API server's.
            fail(str(error), UNUSABLE if error.status < 400 else REFUSED)


def _no_answer(error: ClusterError) -> str | None:
    """Return why the server did not answer, in the system's words; None: it did, or it was not asked."""
    if error.status != 0 or error.reason == "BadCredentials":
        return None
    why, cause = error.message, error.__cause__
    while cause is not None:
        if isinstance(cause, OSError):
            why = getattr(cause, "verify_message", None) or cause.strerror or str(cause) or why
        cause = cause.__cause__ or cause.__context__
    return why[:1].lower() + why[1:]


def is_about_an_object(error: NotFound) -> bool:
    """Whether an object is missing and not its kind: only then the answer names it."""
    return bool(error.details.get("name"))


async def request_of(cluster: Cluster, name: str, namespace: str) -> RemediationRequest | None:
    """Read one request; None when there is none. Raises: ClusterError, Unreadable."""
    try:
        return read(RemediationRequest, await cluster.get(REMEDIATIONREQUESTS, name, namespace))
    except NotFound as error:
        if is_about_an_object(error):
            return None
        raise


def fail(message: str, code: int = REFUSED) -> NoReturn:
    """End the command with a message."""
    typer.echo(f"podvigil: {message}", err=True)
    raise typer.Exit(code)
