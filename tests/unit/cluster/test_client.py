"""What the facade sends and how it reads answers, against a real HTTP server on loopback."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from kubernetes import client

from faults.loopback import Asked, Loopback, Reply
from podvigil.api.resources import ANOMALYMONITORS, DEPLOYMENTS, PODS, REMEDIATIONREQUESTS
from podvigil.cluster import errors
from podvigil.cluster.client import Cluster, PatchKind
from podvigil.cluster.transport import TimeOuts

QUICK = TimeOuts(connect=1.0, read=5.0, total=5.0)


def cluster_at(url: str, *, dry_run: bool = False, time_outs: TimeOuts = QUICK) -> Cluster:
    configuration = client.Configuration(host=url)
    configuration.api_key["BearerToken"] = "Bearer t0ken"
    return Cluster(client.ApiClient(configuration), dry_run=dry_run, time_outs=time_outs)


def echo(asked: Asked) -> Reply:
    return Reply({"kind": "Any", "asked": asked.path})


Write = Callable[[Cluster], Awaitable[Any]]
WRITES = [
    pytest.param(lambda c: c.create(PODS, {"a": 1}, "shop"), id="create"),
    pytest.param(lambda c: c.create(PODS, {}, "shop", subresource="eviction", name="web-1"), id="evict"),
    pytest.param(lambda c: c.patch(DEPLOYMENTS, "web", {"spec": {}}, "shop"), id="merge"),
    pytest.param(lambda c: c.patch(DEPLOYMENTS, "web", {}, "shop", kind=PatchKind.APPLY), id="apply"),
    pytest.param(lambda c: c.patch(DEPLOYMENTS, "web", {}, "shop", "scale"), id="scale"),
    pytest.param(lambda c: c.replace(DEPLOYMENTS, "web", {"a": 1}, "shop"), id="replace"),
    pytest.param(lambda c: c.delete(PODS, "web-1", "shop", uid="u1"), id="delete"),
]


@pytest.mark.parametrize("write", WRITES)
async def test_every_write_of_a_dry_run_client_is_a_dry_run(write: Write) -> None:
    with Loopback(echo) as server:
        await write(cluster_at(server.url, dry_run=True))
        [asked] = server.asked
    assert _dry_run(asked) == ["All"]


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_is_real_unless_said_otherwise(write: Write) -> None:
    with Loopback(echo) as server:
        await write(cluster_at(server.url))
        [asked] = server.asked
    assert _dry_run(asked) is None
    if asked.method != "DELETE":
        assert asked.query["fieldManager"] == "podvigil"


async def test_a_name_of_no_object_is_refused_without_asking() -> None:
    with Loopback(echo) as server:
        with pytest.raises(errors.BadRequest, match="no name of an object"):
            await cluster_at(server.url).find(PODS, "..", "shop")
        assert list(server.asked) == []


def _dry_run(asked: Asked) -> Any:
    if asked.method == "DELETE":
        return asked.json.get("dryRun")
    return [asked.query["dryRun"]] if "dryRun" in asked.query else None


async def test_a_call_carries_the_token_and_the_path() -> None:
    with Loopback(echo) as server:
        await cluster_at(server.url).get(PODS, "web-1", "shop", "status")
        [asked] = server.asked
    assert asked.path == "/api/v1/namespaces/shop/pods/web-1/status"
    assert asked.headers["authorization"] == "Bearer t0ken"
    assert asked.headers["user-agent"] == "podvigil"


async def test_patch_kinds_send_what_the_server_expects() -> None:
    with Loopback(echo) as server:
        cluster = cluster_at(server.url)
        await cluster.patch(REMEDIATIONREQUESTS, "r", [{"op": "test"}], "shop", "status", PatchKind.JSON)
        await cluster.patch(ANOMALYMONITORS, "m", {}, kind=PatchKind.APPLY, force=True)
        json_patch, apply = server.asked
    assert json_patch.headers["content-type"] == "application/json-patch+json"
    assert json_patch.json == [{"op": "test"}]
    assert apply.headers["content-type"] == "application/apply-patch+yaml"
    assert apply.query == {"fieldManager": "podvigil", "force": "true"}
    with pytest.raises(ValueError, match="server-side apply"):
        await cluster.patch(PODS, "p", {}, "shop", force=True)


async def test_delete_names_the_uid_it_means() -> None:
    with Loopback(echo) as server:
        await cluster_at(server.url).delete(PODS, "web-1", "shop", uid="u1")
        [asked] = server.asked
    assert asked.json["preconditions"] == {"uid": "u1"}


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "BadRequest", errors.BadRequest),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Expired", errors.Gone),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.Throttled),
        (500, "InternalError", errors.Unavailable),
        (504, "Timeout", errors.Unavailable),
        (405, "MethodNotAllowed", errors.ClusterError),
    ],
)
async def test_a_refusal_is_a_named_error(status: int, reason: str, kind: type[errors.ClusterError]) -> None:
    said = {"kind": "Status", "reason": reason, "message": "why", "details": {"causes": [{"reason": "C"}]}}
    refusal = Reply(said, status, {"Retry-After": "7"})
    with Loopback(lambda _: refusal) as server, pytest.raises(errors.ClusterError) as caught:
        await cluster_at(server.url).get(PODS, "web-1", "shop")
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.reason, error.message) == (status, reason, "why")
    assert (error.retry_after, error.causes) == (7.0, ("C",))
    assert str(error) == f"GET /api/v1/namespaces/shop/pods/web-1: {status} {reason}: why"


async def test_a_proxy_page_is_still_a_named_error() -> None:
    page = Reply(b"<html>bad gateway</html>", 502)
    said = pytest.raises(errors.Unavailable, match="502 HTTP502: <html>bad gateway")
    with Loopback(lambda _: page) as server, said:
        await cluster_at(server.url).get(PODS, "web-1", "shop")


@pytest.mark.parametrize("body", [b"not json", b"[1]", b'"text"', b"\xff"])
async def test_an_answer_that_is_no_object_is_an_error(body: bytes) -> None:
    with Loopback(lambda _: Reply(body)) as server, pytest.raises(errors.ClusterError, match="the answer is"):
        await cluster_at(server.url).get(PODS, "web-1", "shop")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(
            b"<!doctype html><p>Sign in", "200 NotJSON.*begins with '<!doctype html>.*login page", id="html"
        ),
        pytest.param(b"", "200 NotJSON", id="nothing"),
        pytest.param(b'{"error": "sign in"}', "200 NotAList", id="another-service"),
        pytest.param(b"[]", "200 NotAList", id="no-object"),
    ],
)
async def test_a_list_that_is_none_does_not_pass_for_an_empty_one(body: bytes, said: str) -> None:
    with Loopback(lambda _: Reply(body)) as server:
        cluster = cluster_at(server.url)
        with pytest.raises(errors.ClusterError, match=f"GET /api/v1/pods: {said}"):
            await cluster.list(PODS)
        with pytest.raises(errors.ClusterError, match=said):
            [page async for page in cluster.pages(PODS)]


async def test_who_we_are_must_be_said() -> None:
    with Loopback(lambda _: Reply({})) as server, pytest.raises(errors.ClusterError, match="names no user"):
        await cluster_at(server.url).whoami()


async def test_nobody_there_is_unavailable() -> None:
    with Loopback(echo) as server:
        url = server.url
    with pytest.raises(errors.Unavailable) as caught:
        await cluster_at(url).get(PODS, "web-1", "shop")
    assert caught.value.status == 0


async def test_a_body_cut_short_is_unavailable() -> None:
    cut = Reply(b'{"kind":', headers={"Content-Length": "500", "Connection": "close"})
    with Loopback(lambda _: cut) as server, pytest.raises(errors.Unavailable):
        await cluster_at(server.url, time_outs=TimeOuts(read=0.2)).get(PODS, "web-1", "shop")


async def test_find_says_none_for_not_found_alone() -> None:
    with Loopback(lambda asked: Reply({}, 404 if asked.path.endswith("gone") else 403)) as server:
        cluster = cluster_at(server.url)
        assert await cluster.find(PODS, "gone", "shop") is None
        with pytest.raises(errors.Forbidden):
            await cluster.find(PODS, "secret", "shop")


def _page(names: list[str], token: str = "") -> Reply:
    return Reply(
        {"metadata": {"continue": token}, "items": [{"metadata": {"uid": n, "name": n}} for n in names]}
    )


async def test_a_list_follows_its_pages_and_names_its_kind() -> None:
    with Loopback(lambda a: _page(["b"]) if a.query.get("continue") else _page(["a"], "t")) as server:
        found = await cluster_at(server.url).list(PODS, "shop", "app=web", "status.phase=Running")
        first, second = server.asked
    assert [(one["kind"], one["metadata"]["name"]) for one in found] == [("Pod", "a"), ("Pod", "b")]
    wanted = {"limit": "500", "labelSelector": "app=web", "fieldSelector": "status.phase=Running"}
    assert first.query == wanted
    assert second.query == {**wanted, "continue": "t"}


async def test_metadata_pages_ask_for_metadata() -> None:
    with Loopback(lambda _: _page(["a"])) as server:
        pages = [page async for page in cluster_at(server.url).pages(PODS, as_metadata=True)]
        [asked] = server.asked
    assert "as=PartialObjectMetadataList" in asked.headers["accept"]
    assert len(msgspec.json.decode(pages[0])["items"]) == 1


async def test_a_list_whose_token_expired_goes_on_with_the_one_offered() -> None:
    def answer(asked: Asked) -> Reply:
        token = asked.query.get("continue")
        if token == "old":
            return Reply({"reason": "Expired", "metadata": {"continue": "new"}}, 410)
        return _page(["b"]) if token == "new" else _page(["a"], "old")

    with Loopback(answer) as server:
        found = await cluster_at(server.url).list(PODS)
    assert [one["metadata"]["name"] for one in found] == ["a", "b"]


async def test_a_list_starts_again_once_when_no_token_is_offered() -> None:
    with Loopback(lambda a: Reply({}, 410) if a.query.get("continue") else _page(["a"], "old")) as server:
        with pytest.raises(errors.Gone):
            await cluster_at(server.url).list(PODS)
        assert [asked.query.get("continue") for asked in server.asked] == [None, "old", None, "old"]


async def test_can_i_asks_for_exactly_one_right() -> None:
    with Loopback(lambda _: Reply({"status": {"allowed": True}})) as server:
        cluster = cluster_at(server.url, dry_run=True)
        assert await cluster.can_i("patch", DEPLOYMENTS, namespace="shop", subresource="scale")
        assert await cluster.can_i(
            "approve", group="podvigil.io", plural="remediationactions", name="Restart"
        )
        first, second = (asked.json["spec"]["resourceAttributes"] for asked in server.asked)
        assert "dryRun" not in server.asked[0].query
    assert first == {
        "verb": "patch",
        "group": "apps",
        "resource": "deployments",
        "namespace": "shop",
        "subresource": "scale",
    }
    assert second == {
        "verb": "approve",
        "group": "podvigil.io",
        "resource": "remediationactions",
        "name": "Restart",
    }


@pytest.mark.parametrize("answer", [{}, {"status": {}}, {"status": {"allowed": "true"}}, {"status": None}])
async def test_an_unclear_review_is_a_no(answer: dict[str, Any]) -> None:
    with Loopback(lambda _: Reply(answer)) as server:
        assert not await cluster_at(server.url).can_i("get", PODS)


async def test_a_field_manager_of_its_own_stands_in_for_ours() -> None:
    with Loopback(echo) as server:
        cluster = cluster_at(server.url)
        await cluster.patch(DEPLOYMENTS, "web", {}, "shop", kind=PatchKind.APPLY, field_manager="apart")
        [asked] = server.asked
    assert asked.query["fieldManager"] == "apart"
    assert asked.query["force"] == "false"


@pytest.mark.parametrize(
    ("resources", "serves"),
    [
        pytest.param([{"name": "pods"}, {"name": "pods/resize"}], True, id="listed"),
        pytest.param([{"name": "pods"}, {"name": "pods/eviction"}], False, id="an-older-server"),
        pytest.param(None, False, id="none-at-all"),
    ],
)
async def test_what_a_server_serves_is_in_its_own_list(resources: list[Any] | None, serves: bool) -> None:
    with Loopback(lambda _: Reply({"kind": "APIResourceList", "resources": resources})) as server:
        assert await cluster_at(server.url).serves(PODS, "resize") is serves
        assert server.asked[0].path == "/api/v1"


async def test_a_group_that_is_not_there_serves_nothing() -> None:
    with Loopback(lambda _: Reply({"kind": "Status", "reason": "NotFound"}, status=404)) as server:
        assert await cluster_at(server.url).serves(REMEDIATIONREQUESTS) is False
        assert server.asked[0].path == "/apis/podvigil.io/v1alpha1"


async def test_version_reads_what_vendors_write() -> None:
    with Loopback(lambda _: Reply({"major": "1", "minor": "30+"})) as server:
        assert await cluster_at(server.url).version() == (1, 30)


async def test_an_unreadable_token_file_is_no_call_at_all() -> None:
    with Loopback(echo) as server:
        configuration = client.Configuration(host=server.url)
        configuration.api_key["BearerToken"] = "Bearer old"

        def refresh(_: Any) -> None:
            raise FileNotFoundError("token")

        configuration.refresh_api_key_hook = refresh
        with pytest.raises(errors.Unavailable, match="BadCredentials"):
            await Cluster(client.ApiClient(configuration), time_outs=QUICK).get(PODS, "p", "shop")
        assert server.asked == []


async def test_credentials_are_asked_for_once_and_anew_after_a_401() -> None:
    said = iter([200, 200, 401, 200])
    with Loopback(lambda _: Reply({"kind": "Status", "reason": "Unauthorized"}, status=next(said))) as server:
        configuration = client.Configuration(host=server.url)
        tokens = itertools.count(1)

        def refresh(refreshed: client.Configuration) -> None:
            refreshed.api_key["BearerToken"] = f"Bearer {next(tokens)}"

        configuration.refresh_api_key_hook = refresh
        configuration.api_key["BearerToken"] = "Bearer 0"
        cluster = Cluster(client.ApiClient(configuration), time_outs=QUICK)
        for _ in range(2):
            await cluster.get(PODS, "p", "shop")
        with pytest.raises(errors.Unauthorized):
            await cluster.get(PODS, "p", "shop")
        await cluster.get(PODS, "p", "shop")
        first, *others, last = [asked.headers["authorization"] for asked in server.asked]
        assert set(others) == {first}
        assert last != first
