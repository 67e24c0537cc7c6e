"""Who owns a field, and which owners are a reason to keep away: managedFields, marks, last applied manifests."""

import json
from dataclasses import replace
from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.api.request import Plan
from podvigil.remediate.guards.not_owned_elsewhere import not_owned_elsewhere
from podvigil.remediate.ownership.claims import claims, notes
from podvigil.remediate.ownership.owners import Kind, Owner, is_declared, owners, source
from podvigil.remediate.targets.revisions import Revision, without_hash
from podvigil.remediate.targets.workload import WorkloadState
from unit.remediate.world import NOW, SCALE_UP, context, deployment, request

Json = dict[str, Any]
REPLICAS = ("spec", "replicas")
CPU = ("spec", "template", "spec", "containers", "[app]", "resources", "limits", "cpu")
APP = 'k:{"name":"app"}'
F_REPLICAS: Json = {"f:spec": {"f:replicas": {}}}
F_CPU: Json = {
    "f:spec": {
        "f:template": {
            "f:spec": {"f:containers": {APP: {".": {}, "f:resources": {"f:limits": {"f:cpu": {}}}}}}
        }
    }
}
F_RESTARTED: Json = {
    "f:spec": {"f:template": {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}}
}
ARGO = {"argocd.argoproj.io/tracking-id": "shop-prod:apps/Deployment:shop/web"}
FLUX = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
HELM = {"app.kubernetes.io/managed-by": "Helm"}
RELEASE = {"meta.helm.sh/release-name": "shop"}

RESTART = request().spec.plan
SCALE = request(SCALE_UP).spec.plan
ROLLBACK = request({"spec.plan.action": "Rollback"}).spec.plan


def set_resources(method: str, cpu: str = "750m") -> Plan:
    resources = {"container": "app", "method": method, "limits": {"cpu": cpu}}
    change = {"spec.plan.action": "SetResources", "spec.plan.parameters": {"resources": resources}}
    return request(change).spec.plan


def by(manager: str, fields: Json, operation: str = "Update", **more: str) -> Json:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def web(*entries: Json, applied: Json | None = None, **change: Any) -> WorkloadState:
    annotations = dict(change.pop("annotations", {}))
    if applied is not None:
        annotations["kubectl.kubernetes.io/last-applied-configuration"] = json.dumps(applied)
    container = {"name": "app", "resources": {"limits": {"cpu": "500m"}}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    return deployment(
        spec__template=template,
        metadata__managedFields=list(entries),
        metadata__annotations=annotations,
        metadata__labels=change.pop("labels", {}),
        **change,
    )


@pytest.mark.parametrize(
    ("fields", "path", "owns"),
    [
        pytest.param(F_REPLICAS, REPLICAS, True, id="the-field"),
        pytest.param(F_REPLICAS, CPU, False, id="another-field"),
        pytest.param(F_CPU, CPU, True, id="a-value-of-a-list-item"),
        pytest.param(F_CPU, (*CPU[:-1], "memory"), False, id="its-neighbour"),
        pytest.param(F_CPU, ("spec", "template"), True, id="a-part-of-it"),
        pytest.param({"f:spec": {}}, REPLICAS, True, id="all-of-what-it-is-in"),
        pytest.param(
            {"f:spec": {"f:template": {"f:spec": {"f:containers": {".": {}}}}}}, CPU, False, id="the-list"
        ),
        pytest.param({}, REPLICAS, False, id="nothing"),
    ],
)
def test_who_owns_a_field(fields: Json, path: tuple[str, ...], owns: bool) -> None:
    assert bool(owners(web(by("someone", fields)).body, path)) is owns


def test_what_the_status_is_written_by_owns_no_spec() -> None:
    entry = by("someone", F_REPLICAS, subresource="status")
    assert owners(web(entry).body, REPLICAS) == ()


@pytest.mark.parametrize(
    ("manager", "kind"),
    [
        ("podvigil", Kind.OURS),
        ("podvigil-resources", Kind.OURS),
        ("argocd-controller", Kind.RECONCILER),
        ("kustomize-controller", Kind.RECONCILER),
        ("helm", Kind.RECONCILER),
        ("Terraform", Kind.RECONCILER),
        ("pulumi-kubernetes-ab12", Kind.RECONCILER),
        ("keda-operator", Kind.RECONCILER),
        ("helmet", Kind.OTHER),
        ("kube-controller-manager", Kind.OTHER),
        ("kubectl-client-side-apply", Kind.PERSON),
        ("kubectl", Kind.PERSON),
    ],
)
def test_what_kind_of_writer(manager: str, kind: Kind) -> None:
    assert Owner(manager, applies=False).kind is kind


@pytest.mark.parametrize(
    ("marks", "name", "restores"),
    [
        pytest.param(
            {"annotations": ARGO}, "the Argo CD application shop-prod", True, id="argo-by-annotation"
        ),
        pytest.param(
            {"labels": {"argocd.argoproj.io/instance": "shop"}},
            "the Argo CD application shop",
            True,
            id="argo-by-label",
        ),
        pytest.param({"labels": FLUX}, "the Flux Kustomization flux-system/shop", True, id="flux"),
        pytest.param({"labels": HELM, "annotations": RELEASE}, "the Helm release shop", False, id="helm"),
    ],
)
def test_where_an_object_comes_from(marks: Json, name: str, restores: bool) -> None:
    found = source(web(**marks).body)
    assert found is not None
    assert (found.name, found.restores) == (name, restores)
    assert source(web().body) is None


def test_what_a_manifest_declared() -> None:
    manifest = {
        "spec": {"template": {"spec": {"containers": [{"name": "app", "resources": {"limits": {"cpu": 1}}}]}}}
    }
    assert is_declared(web(applied=manifest).body, CPU) is True
    assert is_declared(web(applied=manifest).body, REPLICAS) is False
    assert is_declared(web().body, CPU) is None
    broken = web(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{"})
    assert is_declared(broken.body, CPU) is None


MADE = [{"apiVersion": "x/v1", "kind": "Prometheus", "name": "main", "uid": "p", "controller": True}]
TEMPLATE, IN_PLACE = set_resources("Template"), set_resources("InPlace")
SAME = set_resources("Template", "0.5")

CLAIMS = [
    pytest.param(SCALE, web(), None, id="nobody"),
    pytest.param(SCALE, web(by("podvigil", F_REPLICAS)), None, id="we-scaled-it-before"),
    pytest.param(
        SCALE,
        web(by("argocd-controller", F_REPLICAS), annotations=ARGO),
        "the Argo CD application shop-prod owns spec.replicas; change it there: spec.replicas: 4 → 6",
        id="argo",
    ),
    pytest.param(
        SCALE, web(by("kustomize-controller", F_REPLICAS, "Apply")), "Flux owns", id="flux-by-manager"
    ),
    pytest.param(
        SCALE,
        web(by("argocd-controller", F_CPU, "Apply"), annotations=ARGO),
        None,
        id="argo-without-replicas",
    ),
    pytest.param(
        SCALE,
        # Argo's update took the default along; its manifest says nothing of replicas.
        web(by("argocd-controller", F_REPLICAS), applied={"spec": {}}, annotations=ARGO),
        None,
        id="argo-owns-a-default-only",
    ),
    pytest.param(
        SCALE,
        web(
            by("kubectl", F_REPLICAS, subresource="scale"),
            applied={"spec": {"replicas": 4}},
            annotations=ARGO,
        ),
        "the Argo CD application shop-prod keeps spec.replicas",
        id="argo-lost-it-to-a-person",
    ),
    pytest.param(
        SCALE,
        web(by("kubectl-edit", F_REPLICAS), labels=FLUX),
        "the Flux Kustomization flux-system/shop keeps Deployment shop/web, where kubectl-edit has set",
        id="drift-under-flux",
    ),
    pytest.param(
        SCALE, web(by("helm", F_REPLICAS), annotations=RELEASE), "the Helm release shop owns", id="helm"
    ),
    pytest.param(
        SCALE, web(by("kubectl-edit", F_REPLICAS), annotations=RELEASE), None, id="helm-restores-nothing"
    ),
    pytest.param(SCALE, web(by("Terraform", F_REPLICAS)), "Terraform owns", id="terraform"),
    pytest.param(
        SCALE,
        web(by("my-operator", F_REPLICAS, "Apply")),
        "field manager my-operator applies",
        id="any-applier",
    ),
    pytest.param(SCALE, web(by("my-script", F_REPLICAS)), None, id="a-script-once"),
    pytest.param(SCALE, web(by("kubectl-client-side-apply", F_REPLICAS)), None, id="a-persons-manifest"),
    pytest.param(
        SCALE,
        web(metadata__ownerReferences=MADE),
        "Prometheus main, which made Deployment shop/web,",
        id="made",
    ),
    pytest.param(RESTART, web(metadata__ownerReferences=MADE), None, id="restart-of-what-was-made"),
    pytest.param(
        RESTART, web(by("argocd-controller", F_CPU), annotations=ARGO), None, id="restart-under-argo"
    ),
    pytest.param(
        RESTART, web(by("kubectl-rollout", F_RESTARTED), labels=FLUX), None, id="restart-under-flux"
    ),
    pytest.param(
        RESTART, web(by("kustomize-controller", F_RESTARTED, "Apply")), "Flux owns", id="restart-in-git"
    ),
    pytest.param(TEMPLATE, web(), None, id="template-of-nobody"),
    pytest.param(SAME, web(by("kubectl-client-side-apply", F_CPU)), None, id="the-same-value-has-two-owners"),
    pytest.param(
        TEMPLATE,
        web(by("kubectl-client-side-apply", F_CPU)),
        "field manager kubectl-client-side-apply owns "
        "spec.template.spec.containers[app].resources.limits.cpu; change it there: "
        "spec.template.spec.containers[app].resources.limits.cpu: 500m → 750m",
        id="template-is-never-taken",
    ),
    pytest.param(
        IN_PLACE, web(by("argocd-controller", F_CPU), annotations=ARGO), None, id="pods-are-nobodys"
    ),
]


@pytest.mark.parametrize(("plan", "target", "said"), CLAIMS)
def test_claims(plan: Plan, target: WorkloadState, said: str | None) -> None:
    found = claims(plan, target)
    assert bool(found) is (said is not None)
    if said:
        assert str(found[0]).startswith(said)


def test_the_guard_names_the_owner_and_the_line() -> None:
    target = web(by("argocd-controller", F_REPLICAS), annotations=ARGO)
    refusal = not_owned_elsewhere(context(target=target, request_change=SCALE_UP), NOW)
    assert refusal is not None
    assert refusal.reason is Reason.OWNED_ELSEWHERE
    assert refusal.retry_after is None
    assert refusal.message.endswith("spec.replicas: 4 → 6")


def test_who_keeps_the_template_is_told_what_a_rollback_changes_in_it() -> None:
    target = web(by("argocd-controller", F_CPU), annotations=ARGO)
    present = without_hash(target.body["spec"]["template"])
    smaller = {"name": "app", "resources": {"limits": {"cpu": "250m"}}}
    before = {**present, "spec": {"containers": [smaller]}}
    revisions = (Revision(1, "web-1", "rs1", NOW, "", before), Revision(2, "web-2", "rs2", NOW, "", present))
    (claim,) = claims(ROLLBACK, replace(target, revisions=revisions))
    assert str(claim) == (
        "the Argo CD application shop-prod owns spec.template; change it there: "
        "spec.template.spec.containers.0.resources.limits.cpu: 500m → 250m"
    )


def test_notes_say_what_belongs_into_the_manifest() -> None:
    assert notes(SCALE, web(by("kubectl-client-side-apply", F_REPLICAS))) == (
        "spec.replicas was last written by kubectl-client-side-apply: what comes from a manifest has to be changed "
        "there too, or the next one puts it back: spec.replicas: 4 → 6",
    )
    (said,) = notes(IN_PLACE, web(by("argocd-controller", F_CPU), annotations=ARGO))
    assert "(of the Argo CD application shop-prod)" in said
    assert said.endswith("containers[app].resources.limits.cpu: 500m → 750m")
    assert notes(RESTART, web(by("kubectl-rollout", F_RESTARTED))) == ()
