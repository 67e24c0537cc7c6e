"""The API server as the rest of the operator sees it: objects in, objects out, never a thread blocked.

Every call is one HTTP request with time-outs and no retry; what it raises is `errors.ClusterError`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial
from typing import Any, Final

import msgspec
from kubernetes import client

from podvigil.api.resources import NoSuchName, Resource
from podvigil.cluster.errors import BadRequest, ClusterError, NotFound, not_json
from podvigil.cluster.paging import Pages, next_token
from podvigil.cluster.transport import JSON, Answer, TimeOuts, Transport

Json = dict[str, Any]

FIELD_MANAGER: Final = "podvigil"
THREADS: Final = 8
"""Calls in flight. The rest wait in the executor's queue, each held by a coroutine that awaits it."""

PAGE_SIZE: Final = 500
"""Objects per page, as kubectl asks: 1-5 MiB of pods, and the API server keeps its memory."""

_METADATA_LIST: Final = f"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"


class PatchKind(Enum):
    """How a patch is read by the server."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"
    """Server-side apply. The body is JSON, which is YAML."""


class Cluster:
    """An async facade over one kubernetes `ApiClient`.

    With `dry_run` every write is a server-side dry run: admission and validation happen, nothing is kept.
    """

    def __init__(
        self,
        api_client: client.ApiClient,
        *,
        field_manager: str = FIELD_MANAGER,
        dry_run: bool = False,
        time_outs: TimeOuts | None = None,
    ) -> None:
        self._client = api_client
        self._field_manager = field_manager
        self._dry_run = dry_run
        self._transport = Transport(api_client, time_outs or TimeOuts(), user_agent=field_manager)
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="cluster")

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing that is written is kept."""
        return self._dry_run

    # -- reading

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, subresource: str | None = None
    ) -> Json:
        """Read one object. Raises: NotFound, and any other ClusterError."""
        return _object(await self._call("GET", _path(resource, namespace, name, subresource)))

    async def find(
        self, resource: Resource, name: str, namespace: str | None = None, subresource: str | None = None
    ) -> Json | None:
        """Read one object; None when there is none (or no such kind)."""
        try:
            return await self.get(resource, name, namespace, subresource)
        except NotFound:
            return None

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[Json]:
        """Read a whole collection, each object once; `apiVersion` and `kind` are filled in."""
        found: dict[str, Json] = {}
        async for page in self.pages(resource, namespace, label_selector, field_selector):
            for item in msgspec.json.decode(page).get("items") or ():
                # The server leaves these out of the items of a list.
                body = {"apiVersion": resource.api_version, "kind": resource.kind, **item}
                found[item["metadata"]["uid"]] = body
        return list(found.values())

    async def pages(
        self,
        resource: Resource,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        *,
        as_metadata: bool = False,
    ) -> AsyncIterator[bytes]:
        """Read a collection as the raw pages of 500 objects that the server sends, for a typed decoder.

        With `as_metadata` the server sends only each object's metadata. When a continue token expires
        on the way (410), the list goes on with the token that the server offers, else it starts once
        more: then an object can come twice, and readers key by uid.
        """
        query = {"limit": str(PAGE_SIZE)}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        path = _path(resource, namespace)
        state = Pages()
        while state.more:
            asked = {**query, "continue": state.token} if state.token else query
            try:
                answer = await self._call("GET", path, asked, accept=_METADATA_LIST if as_metadata else JSON)
            except ClusterError as error:
                state = state.after_error(error)
                continue
            # Read before it is handed out: a page that is none reaches no reader.
            state = state.after(next_token(answer.body, answer.call))
            yield answer.body

    # -- writing

    async def create(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        namespace: str | None = None,
        dry_run: bool = False,
        subresource: str | None = None,
        name: str | None = None,
    ) -> Json:
        """Create an object, or post to a subresource of one (an eviction, a token request)."""
        path = _path(resource, namespace, name, subresource)
        return _object(await self._call("POST", path, self._write_query(dry_run), msgspec.json.encode(body)))

    async def patch(
        self,
        resource: Resource,
        name: str,
        body: Mapping[str, Any] | Sequence[Json],
        namespace: str | None = None,
        subresource: str | None = None,
        kind: PatchKind = PatchKind.MERGE,
        dry_run: bool = False,
        force: bool = False,
        field_manager: str | None = None,
    ) -> Json:
        """Change an object. A `metadata.uid` or `resourceVersion` in `body` makes a mismatch a Conflict.

        `force` is for APPLY alone: it takes fields from other managers. `field_manager` stands in for our usual
        name: an apply owns exactly what it says, so what is applied apart needs a name apart.
        """
        query = self._write_query(dry_run)
        if field_manager is not None:
            query["fieldManager"] = field_manager
        if kind is PatchKind.APPLY:
            query["force"] = "true" if force else "false"
        elif force:
            raise ValueError("force belongs to server-side apply")
        path = _path(resource, namespace, name, subresource)
        return _object(await self._call("PATCH", path, query, msgspec.json.encode(body), kind.value))

    async def replace(
        self,
        resource: Resource,
        name: str,
        body: Mapping[str, Any],
        namespace: str | None = None,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Json:
        """Put an object as it shall be; with its resourceVersion, a change in between is a Conflict."""
        path = _path(resource, namespace, name, subresource)
        return _object(await self._call("PUT", path, self._write_query(dry_run), msgspec.json.encode(body)))

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        uid: str | None = None,
        dry_run: bool = False,
    ) -> None:
        """Delete an object, in the background; with `uid` only that very one, else Conflict."""
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if dry_run or self._dry_run:
            # With a body the server reads the options there and not in the query.
            options["dryRun"] = ["All"]
        await self._call("DELETE", _path(resource, namespace, name), None, msgspec.json.encode(options))

    # -- asking about ourselves; reviews are answered, not stored, so a dry run asks them too

    async def can_i(
        self,
        verb: str,
        resource: Resource | None = None,
        *,
        group: str = "",
        plural: str = "",
        namespace: str | None = None,
        name: str | None = None,
        subresource: str | None = None,
    ) -> bool:
        """Whether the server would let us; an unanswerable question is a no.

        Name the kind by `resource`, or a virtual one (no such kind is served) by `group` and `plural`.
        Without `namespace` the question is about all namespaces.
        """
        attributes = {
            "verb": verb,
            "group": resource.group if resource else group,
            "resource": resource.plural if resource else plural,
            "namespace": namespace,
            "name": name,
            "subresource": subresource,
        }
        spec = {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
        status = await self._review("authorization.k8s.io", "SelfSubjectAccessReview", spec)
        return status.get("allowed") is True

    async def my_rules(self, namespace: str) -> Sequence[Json] | None:
        """The rules that give us rights on resources in a namespace; None when the server cannot list them all."""
        spec = {"namespace": namespace}
        status = await self._review("authorization.k8s.io", "SelfSubjectRulesReview", spec)
        return None if status.get("incomplete") else tuple(status.get("resourceRules") or ())

    async def whoami(self) -> str:
        """Our user name, as the server knows us, e.g. `system:serviceaccount:podvigil:analyst`."""
        status = await self._review("authentication.k8s.io", "SelfSubjectReview", None)
        said = status.get("userInfo") or {}
        if "username" not in said:
            raise ClusterError(
                200, "NoUser", "the answer to who we are names no user", call="SelfSubjectReview"
            )
        return str(said["username"])

    async def serves(self, resource: Resource, subresource: str | None = None) -> bool:
        """Whether the server has such a kind, or such a subresource of it."""
        prefix = f"/apis/{resource.group}/" if resource.group else "/api/"
        try:
            said = _object(await self._call("GET", prefix + resource.version))
        except NotFound:
            return False
        name = f"{resource.plural}/{subresource}" if subresource else resource.plural
        return any(found.get("name") == name for found in said.get("resources") or ())

    async def version(self) -> tuple[int, int]:
        """The server's (major, minor)."""
        said = _object(await self._call("GET", "/version"))
        # Some vendors write the minor as "30+".
        major, minor = (re.match(r"\d+", str(said.get(part, ""))) for part in ("major", "minor"))
        if major is None or minor is None:
            raise ClusterError(200, "NoVersion", f"the server calls its version {said}", call="GET /version")
        return int(major[0]), int(minor[0])

    async def aclose(self) -> None:
        """Let go of the connections. Calls not yet begun are cancelled; those under way end by their time-out."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    # -- how

    async def _review(self, group: str, kind: str, spec: Json | None) -> Json:
        body: Json = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {}}
        if spec is not None:
            body["spec"] = spec
        path = Resource(group, "v1", kind.lower() + "s", kind, namespaced=False).path()
        answer = _object(await self._call("POST", path, None, msgspec.json.encode(body)))
        status: Json = answer.get("status") or {}
        return status

    def _write_query(self, dry_run: bool) -> dict[str, str]:
        query = {"fieldManager": self._field_manager}
        if dry_run or self._dry_run:
            query["dryRun"] = "All"
        return query

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Answer:
        call = partial(
            self._transport.request,
            method,
            path,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
        )
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)


def _path(
    resource: Resource, namespace: str | None = None, name: str | None = None, subresource: str | None = None
) -> str:
    """Where the object is. Raises: BadRequest for a name that no object can have, without asking the server."""
    try:
        return resource.path(namespace, name, subresource)
    except NoSuchName as error:
        raise BadRequest(400, "NoSuchName", str(error), call=f"name {resource.plural}") from error


def _object(answer: Answer) -> Json:
    try:
        decoded = msgspec.json.decode(answer.body)
    except msgspec.DecodeError as error:
        raise not_json(answer.status, answer.body, answer.call) from error
    if not isinstance(decoded, dict):
        said = f"the answer is a {type(decoded).__name__}"
        raise ClusterError(answer.status, "NotAnObject", said, call=answer.call)
    return decoded
