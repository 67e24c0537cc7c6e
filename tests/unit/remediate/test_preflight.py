"""The preflight: what an action objects to is shown, and what cannot be done is not tried."""

from typing import Any

import pytest
from kubernetes import client

from faults.loopback import Loopback, Reply
from podvigil.api.reasons import Reason
from podvigil.cluster.client import Cluster
from podvigil.remediate.observe.context import Context
from podvigil.remediate.preflight import preflight, rehearse
from unit.remediate.node_world import asked, state
from unit.remediate.world import NOW, context, deployment


def about(action: str, parameters: dict[str, Any] | None = None, **change: Any) -> Context:
    """The undecided request for another action, about a target that differs."""
    plan = {"spec.plan.action": action, "spec.plan.parameters": parameters or {}, "spec.approval": None}
    return context(request_change=plan, target=deployment(**change))


EDITED = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}
"""A template that no ReplicaSet has."""

MORE = {"container": "other", "method": "InPlace", "limits": {"memory": "1Gi"}}


@pytest.mark.parametrize(
    ("ctx", "reason"),
    [
        pytest.param(
            about("Rollback", spec__paused=True, spec__template=EDITED),
            Reason.ROLLOUT_RUNNING,
            id="edited-while-it-is-paused",
        ),
        pytest.param(
            about("Rollback", spec__template=EDITED), Reason.ROLLOUT_RUNNING, id="its-controller-is-behind"
        ),
        pytest.param(about("Scale", {"replicas": 4}), Reason.NO_CHANGE, id="so-many-already"),
        pytest.param(about("Restart", spec__replicas=0), Reason.NO_CHANGE, id="no-pods"),
        pytest.param(
            about("SetResources", {"resources": MORE}), Reason.UNSUPPORTED_TARGET, id="no-such-container"
        ),
        pytest.param(asked("Uncordon", state()), Reason.NO_CHANGE, id="not-cordoned"),
    ],
)
async def test_what_the_action_objects_to_is_shown_and_not_tried(ctx: Context, reason: Reason) -> None:
    with Loopback(lambda _: Reply(status=500)) as server:
        cluster = Cluster(client.ApiClient(client.Configuration(host=server.url)))
        found = await preflight(cluster, ctx, now=NOW)
        tried = await rehearse(cluster, ctx, now=NOW)
    assert [r.reason for r in found.refusals].count(reason) == 1
    assert [r.reason for r in tried.refusals] == [reason]
    assert server.asked == []
