"""The way back once an owner has put our value into a manifest, as we advise: it is theirs, and stays."""

import json
from typing import Any

import pytest

from podvigil.api.actions import ActionName
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Undo
from podvigil.remediate.ownership.owners import LAST_APPLIED
from unit.remediate.test_set_resources import BIG, SET, SMALL, THREE, change_of, plan, running, web
from unit.remediate.world import NOW, SCALE_UP, UID, deployment, request

Json = dict[str, Any]
SCALE = ACTIONS[ActionName.SCALE]
COUNT = request(SCALE_UP).spec.plan


def managed(manager: str, operation: str = "Apply") -> dict[str, object]:
    fields: dict[str, object] = {"f:spec": {"f:replicas": {}}}
    return {"metadata__managedFields": [{"manager": manager, "operation": operation, "fieldsV1": fields}]}


def last_applied(text: str) -> dict[str, object]:
    return {"metadata__annotations": {LAST_APPLIED: text}}


@pytest.mark.parametrize(
    ("since", "undo"),
    [
        pytest.param(managed("podvigil", "Update"), Undo.DUE, id="ours-alone"),
        pytest.param(managed("argocd-controller"), Undo.NOT_OURS, id="a-manifest-applies-it-now"),
        pytest.param(last_applied('{"spec": {"replicas": 4}}'), Undo.DUE, id="the-old-count-in-a-manifest"),
        pytest.param(last_applied('{"spec": {"replicas": 6}}'), Undo.NOT_OURS, id="ours-in-a-manifest"),
        pytest.param(last_applied('{"spec": {}}'), Undo.DUE, id="a-manifest-without-a-count"),
        pytest.param(last_applied("[1, "), Undo.DUE, id="no-manifest-at-all"),
    ],
)
def test_a_count_that_its_owner_has_adopted_is_not_ours(since: dict[str, object], undo: Undo) -> None:
    change = SCALE.change(deployment(), COUNT, token=UID, now=NOW)
    target = deployment(spec__replicas=6, metadata__generation=4, **since)
    assert SCALE.undo(target, COUNT, change) is undo


@pytest.mark.parametrize(
    ("generation", "declared", "undo"),
    [
        pytest.param(4, BIG, Undo.NOT_OURS, id="the-owner-has-put-ours-into-the-template"),
        pytest.param(4, SMALL, Undo.DUE, id="the-owner-has-changed-something-else"),
        pytest.param(3, BIG, Undo.DUE, id="the-template-had-it-before-us"),
    ],
)
def test_new_pods_with_their_owners_value_are_left_alone(generation: int, declared: Json, undo: Undo) -> None:
    target = web(
        running("web-8", BIG), running("web-9", BIG), resources=declared, metadata__generation=generation
    )
    assert SET.undo(target, plan(), change_of(web(*THREE))) is undo


def test_a_request_that_the_template_leaves_to_its_limit_is_that_limit() -> None:
    cpu = {"cpu": "750m"}
    target = web(
        running("web-9", {"requests": cpu, "limits": cpu}),
        resources={"limits": {"cpu": "0.75"}},
        metadata__generation=4,
    )
    old = running("web-1", {"requests": {"cpu": "500m"}, "limits": {"cpu": "500m"}})
    what = plan(requests=cpu, limits=cpu)
    assert SET.undo(target, what, change_of(web(old), what)) is Undo.NOT_OURS


@pytest.mark.parametrize(
    ("owner", "declared", "undo"),
    [
        pytest.param("podvigil-resources", None, Undo.DUE, id="ours-alone"),
        pytest.param("argocd-controller", None, Undo.NOT_OURS, id="a-manifest-applies-it-now"),
        pytest.param("podvigil-resources", "0.75", Undo.NOT_OURS, id="kubectl-has-applied-it"),
        pytest.param("podvigil-resources", "500m", Undo.DUE, id="a-manifest-with-the-old-value"),
        pytest.param("podvigil-resources", "much", Undo.DUE, id="a-manifest-with-no-quantity"),
    ],
)
def test_a_value_that_its_owner_has_adopted_is_not_ours(owner: str, declared: str | None, undo: Undo) -> None:
    limits: Json = {"f:resources": {"f:limits": {"f:cpu": {}}}}
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': limits}}}}}
    annotations = {}
    if declared is not None:
        app = {"name": "app", "resources": {"limits": {"cpu": declared}}}
        manifest = {"spec": {"template": {"spec": {"containers": [{"name": "log"}, app]}}}}
        annotations = {LAST_APPLIED: json.dumps(manifest)}
    target = web(
        resources=BIG,
        metadata__generation=4,
        metadata__annotations=annotations,
        metadata__managedFields=[{"manager": owner, "operation": "Apply", "fieldsV1": fields}],
    )
    what = plan("Template")
    assert SET.undo(target, what, change_of(web(), what)) is undo


def test_a_value_that_was_not_changed_may_be_anothers() -> None:
    f_memory: Json = {"f:resources": {"f:limits": {"f:memory": {}}}}
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': f_memory}}}}}
    entry = {"manager": "kubectl", "operation": "Apply", "fieldsV1": fields}
    target = web(resources=BIG, metadata__generation=4, metadata__managedFields=[entry])
    what = plan("Template", limits={"cpu": "750m", "memory": "256Mi"})
    assert SET.undo(target, what, change_of(web(), what)) is Undo.DUE
