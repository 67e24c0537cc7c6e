"""ResourceQuotas, LimitRanges and VerticalPodAutoscalers: how they are read, and what they object to."""

from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.api.report import TargetReference
from podvigil.remediate.guards.limit_range_allows import limit_range_allows
from podvigil.remediate.guards.not_autoscaled import not_autoscaled
from podvigil.remediate.guards.quota_allows import quota_allows
from podvigil.remediate.guards.resize_served import resize_served
from podvigil.remediate.observe.limits import Limits, Quota, bounds, quota, setting_resources, with_defaults
from podvigil.remediate.observe.place import Place, limits_of
from podvigil.remediate.targets.workload import WorkloadState
from unit.remediate.test_actions_run_job import cronjob
from unit.remediate.world import NOW, SCALE_DOWN, SCALE_UP, context, deployment, pod, request

Json = dict[str, Any]
SMALL: Json = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}
SURGING: Json = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
TARGET = TargetReference(api_version="apps/v1", kind="Deployment", name="web", uid="u1")


def set_to(method: str = "InPlace", **values: Json) -> Json:
    resources = {"container": "app", "method": method, **values}
    return {"spec.plan.action": "SetResources", "spec.plan.parameters": {"resources": resources}}


def web(resources: Json | None = None, running: int = 4, **change: Any) -> WorkloadState:
    container = {"name": "app", "image": "shop", "resources": SMALL if resources is None else resources}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    pods = tuple(pod(f"web-{n}", spec__containers=[container]) for n in range(running))
    return deployment(pods=pods, spec__template=template, **change)


def limits(hard: Json | None = None, used: Json | None = None, *ranges: Json, **spec: Any) -> Limits:
    found: tuple[Quota, ...] = ()
    if hard is not None:
        body = {"metadata": {"name": "team"}, "spec": {"hard": hard, **spec}, "status": {"used": used or {}}}
        found = (quota(body),)
    body = {"metadata": {"name": "small"}, "spec": {"limits": list(ranges)}}
    return Limits(quotas=found, bounds=bounds(body))


CROSS_NAMESPACE: Json = {
    "matchExpressions": [{"scopeName": "CrossNamespacePodAffinity", "operator": "Exists"}]
}

QUOTAS = [
    # 2 more pods of 100m: 400m + 200m = 600m
    pytest.param(SCALE_UP, {"requests.cpu": "600m"}, {"requests.cpu": "400m"}, {}, None, id="just-fits"),
    pytest.param(
        SCALE_UP,
        {"requests.cpu": "599m"},
        {"requests.cpu": "400m"},
        {},
        "ResourceQuota team: requests.cpu would be 600m of 599m (used 400m, the change adds 200m)",
        id="a-millicore-short",
    ),
    pytest.param(
        SCALE_UP,
        {"cpu": "500m"},
        {"cpu": "400m"},
        {},
        "ResourceQuota team: cpu would be 600m of 500m",
        id="the-old-name-of-requests",
    ),
    pytest.param(
        SCALE_UP,
        {"limits.memory": "1Gi"},
        {"limits.memory": "1Gi"},
        {},
        "ResourceQuota team: limits.memory would be 1536Mi of 1024Mi",
        id="memory-limits",
    ),
    pytest.param(
        SCALE_UP, {"pods": "5"}, {"pods": "4"}, {}, "ResourceQuota team: pods would be 6 of 5", id="pods"
    ),
    pytest.param(SCALE_DOWN, {"pods": "1"}, {"pods": "4"}, {}, None, id="fewer-pods-always-fit"),
    pytest.param(
        SCALE_UP, {"pods": "5"}, {"pods": "4"}, {"scopes": ["BestEffort"]}, None, id="counts-other-pods-only"
    ),
    pytest.param(
        SCALE_UP,
        {"pods": "5"},
        {"pods": "4"},
        {"scopes": ["NotBestEffort", "NotTerminating"]},
        "ResourceQuota team: pods would be 6 of 5",
        id="scopes-that-count-them",
    ),
    pytest.param(
        SCALE_UP,
        {"pods": "5"},
        {"pods": "4"},
        {
            "scopeSelector": {
                "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]
            }
        },
        None,
        id="of-another-priority",
    ),
    pytest.param(
        SCALE_UP,
        {"pods": "0"},
        {},
        {"scopeSelector": CROSS_NAMESPACE},
        None,
        id="of-pods-that-look-at-other-namespaces",
    ),
    # 4 running pods get 250m more each
    pytest.param(
        set_to(limits={"cpu": "750m"}),
        {"limits.cpu": "2500m"},
        {"limits.cpu": "2"},
        {},
        "ResourceQuota team: limits.cpu would be 3 of 2500m (used 2, the change adds 1)",
        id="larger-limits-in-place",
    ),
    pytest.param(
        set_to(limits={"cpu": "250m"}),
        {"limits.cpu": "1"},
        {"limits.cpu": "2"},
        {},
        None,
        id="smaller-limits",
    ),
    pytest.param(
        set_to("Template", limits={"cpu": "750m"}),
        {"limits.cpu": "2500m"},
        {"limits.cpu": "2"},
        {},
        "ResourceQuota team: limits.cpu would be 3 of 2500m",
        id="larger-limits-by-rollout",
    ),
]


@pytest.mark.parametrize(("request_change", "hard", "used", "spec", "said"), QUOTAS)
def test_quota_allows(request_change: Json, hard: Json, used: Json, spec: Json, said: str | None) -> None:
    ctx = context(target=web(), limits=limits(hard, used, **spec), request_change=request_change)
    refusal = quota_allows(ctx, NOW)
    assert (refusal is not None) == (said is not None)
    if refusal and said:
        assert refusal.reason is Reason.QUOTA_BLOCKS
        assert refusal.message.startswith(said)
        assert refusal.retry_after


def test_a_rollout_that_may_only_surge_needs_room_for_a_pod() -> None:
    full = limits({"pods": "4"}, {"pods": "4"})
    assert quota_allows(context(target=web(), limits=full), NOW) is None  # it may take one away first
    refusal = quota_allows(context(target=web(spec__strategy=SURGING), limits=full), NOW)
    assert refusal is not None
    assert "pods would be 5 of 4" in refusal.message


@pytest.mark.parametrize(
    ("job", "said"),
    [
        pytest.param({}, "pods would be 5 of 4 (used 4, the change adds 1)", id="one-pod"),
        pytest.param({"parallelism": 3}, "the change adds 3", id="side-by-side"),
        pytest.param({"parallelism": 3, "completions": 2}, "the change adds 2", id="no-more-than-are-wanted"),
        pytest.param({"parallelism": 0}, None, id="suspended"),
    ],
)
def test_a_job_needs_room_for_its_pods(job: Json, said: str | None) -> None:
    full = limits({"pods": "4"}, {"pods": "4"})
    refusal = quota_allows(
        context(target=cronjob(**{f"spec__jobTemplate__spec__{k}": v for k, v in job.items()}), limits=full),
        NOW,
    )
    assert (refusal is not None) == (said is not None)
    if refusal and said:
        assert said in refusal.message


def test_what_a_job_needs_is_read() -> None:
    plan = request({"spec.plan.action": "RunJob", "spec.plan.target.kind": "CronJob"}).spec.plan
    body = {"metadata": {"name": "team"}, "spec": {"hard": {"pods": "4"}}}
    assert limits_of(plan, Place(quotas=(body,))).quotas != ()


def test_a_pod_without_requests_counts_with_the_defaults_of_a_limit_range() -> None:
    default: Json = {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "300m"}}
    bounded = limits({"requests.cpu": "2"}, {"requests.cpu": "1500m"}, default)
    refusal = quota_allows(context(target=web({}), limits=bounded, request_change=SCALE_UP), NOW)
    assert refusal is not None
    assert "the change adds 600m" in refusal.message  # 2 x 300m


def test_a_limit_of_its_own_is_the_request_before_any_default() -> None:
    spec = {"containers": [{"name": "app", "resources": {"limits": {"cpu": "1"}}}]}
    default: Json = {"type": "Container", "defaultRequest": {"cpu": "300m", "memory": "64Mi"}}
    completed = with_defaults(spec, limits(None, None, default).bounds)
    assert completed["containers"][0]["resources"]["requests"] == {"cpu": "1", "memory": "64Mi"}


RANGES = [
    pytest.param({"type": "Container", "max": {"cpu": "750m"}}, None, id="at-the-most"),
    pytest.param(
        {"type": "Container", "max": {"cpu": "600m"}},
        "LimitRange small: container app would have limits.cpu 750m, at most 600m is allowed",
        id="too-large",
    ),
    pytest.param(
        {"type": "Container", "min": {"memory": "200Mi"}},
        "LimitRange small: container app would have requests.memory 128Mi, at least 200Mi is allowed",
        id="too-small",
    ),
    pytest.param(
        {"type": "Container", "maxLimitRequestRatio": {"cpu": "5"}},
        "LimitRange small: container app would have a cpu limit 7.5 times its request, at most 5 times is allowed",
        id="too-far-above-its-request",
    ),
    pytest.param(
        {"type": "Pod", "max": {"cpu": "700m"}},
        "LimitRange small: the pod would have limits.cpu 750m, at most 700m is allowed",
        id="pod-too-large",
    ),
    pytest.param({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}, None, id="not-about-pods"),
]


@pytest.mark.parametrize(("item", "said"), RANGES)
def test_limit_range_allows(item: Json, said: str | None) -> None:
    ctx = context(
        target=web(), limits=limits(None, None, item), request_change=set_to(limits={"cpu": "750m"})
    )
    refusal = limit_range_allows(ctx, NOW)
    assert (refusal.message if refusal else None) == said
    assert limit_range_allows(context(target=web(), limits=ctx.limits), NOW) is None  # a restart sets nothing


VERTICALS = [
    pytest.param({}, True, id="auto-by-default"),
    pytest.param({"updatePolicy": {"updateMode": "Initial"}}, True, id="sets-new-pods"),
    pytest.param({"updatePolicy": {"updateMode": "Off"}}, False, id="recommends-only"),
    pytest.param(
        {"resourcePolicy": {"containerPolicies": [{"containerName": "app", "mode": "Off"}]}},
        False,
        id="not-this-container",
    ),
    pytest.param(
        {"resourcePolicy": {"containerPolicies": [{"containerName": "*", "mode": "Off"}]}},
        False,
        id="none-of-them",
    ),
    pytest.param({"targetRef": {"kind": "Deployment", "name": "other"}}, False, id="of-another-workload"),
]


@pytest.mark.parametrize(("spec", "owns"), VERTICALS)
def test_a_vertical_autoscaler_sets_the_resources(spec: Json, owns: bool) -> None:
    body = {"metadata": {"name": "vpa"}, "spec": {"targetRef": {"kind": "Deployment", "name": "web"}, **spec}}
    found = setting_resources([body], TARGET, "app")
    assert found == (("vpa",) if owns else ())
    ctx = context(target=web(), limits=Limits(verticals=found), request_change=set_to(limits={"cpu": "750m"}))
    refusal = not_autoscaled(ctx, NOW)
    assert (refusal is not None and refusal.reason is Reason.AUTOSCALED) is owns


def test_without_pods_resize_the_other_method_is_named() -> None:
    ctx = context(
        target=web(), limits=Limits(can_resize=False), request_change=set_to(limits={"cpu": "750m"})
    )
    refusal = resize_served(ctx, NOW)
    assert refusal is not None
    assert refusal.reason is Reason.RESIZE_UNAVAILABLE
    assert "Template" in refusal.message


HERE: Json = {"topologyKey": "zone", "labelSelector": {}}


@pytest.mark.parametrize(
    ("term", "is_counted"),
    [
        pytest.param(HERE, False, id="its-own-namespace"),
        pytest.param({**HERE, "namespaces": ["shop-b"]}, True, id="namespaces-by-name"),
        pytest.param({**HERE, "namespaceSelector": {}}, True, id="all-namespaces"),
        pytest.param({**HERE, "namespaces": []}, False, id="an-empty-list"),
    ],
)
@pytest.mark.parametrize("kind", ["podAffinity", "podAntiAffinity"])
@pytest.mark.parametrize("is_required", [True, False])
def test_pods_that_ask_for_pods_of_other_namespaces(
    kind: str, is_required: bool, term: Json, is_counted: bool
) -> None:
    when = "DuringSchedulingIgnoredDuringExecution"
    rules = {f"required{when}": [term]} if is_required else {f"preferred{when}": [{"podAffinityTerm": term}]}
    scoped = {"metadata": {"name": "team"}, "spec": {"hard": {"pods": "0"}, "scopeSelector": CROSS_NAMESPACE}}
    assert quota(scoped).counts({"containers": [], "affinity": {kind: rules}}) is is_counted
