"""Owners, quotas and LimitRanges on a real API server: what it records in managedFields is what the guards read."""

import json
from typing import Any

import pytest

from executors import ThreadedExecutor
from localcluster.controlplane import ControlPlane
from shop import Shop

Json = dict[str, Any]
SMALL: Json = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}
VPA_KIND: Json = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "verticalpodautoscalers.autoscaling.k8s.io",
        # The API server asks for it of every kind in a group of Kubernetes' own.
        "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
    },
    "spec": {
        "group": "autoscaling.k8s.io",
        "scope": "Namespaced",
        "names": {"kind": "VerticalPodAutoscaler", "plural": "verticalpodautoscalers"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


@pytest.fixture
def shop(installed: ControlPlane, namespace: str) -> Shop:
    shop = Shop(installed, namespace)
    shop.set_rules(allowedActions=["Restart", "Scale", "SetResources"])
    return shop


def manifest(shop: Shop, replicas: int | None = 2, **metadata: Any) -> Json:
    spec: Json = {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "app", "image": "shop", "resources": SMALL}],
                "terminationGracePeriodSeconds": 0,
            },
        },
    }
    if replicas is not None:
        spec["replicas"] = replicas
    about = {"name": "web", "namespace": shop.namespace, **metadata}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": spec}


def applied_by(shop: Shop, manager: str, body: Json) -> Json:
    """Apply as a GitOps tool does: by server-side apply under its own name."""
    flags = ("--server-side", f"--field-manager={manager}")
    shop.kubectl("apply", *flags, "-f", "-", input=json.dumps(body))
    return shop.rolled(body)


def refused(shop: Shop, request: str, reason: str) -> str:
    """Wait until the preflight objects, and return with what words."""
    shop.wait(request, "Preflighted", f"False {reason}")
    refusals = shop.status(request)["preflight"]["refusals"]
    return str(next(r["message"] for r in refusals if r["reason"] == reason))


def scale(shop: Shop, workload: Json) -> str:
    return shop.request(workload, shop.report(workload, "CPUHigh"), "Scale", parameters={"replicas": 3})


def set_cpu(shop: Shop, workload: Json, cpu: str, method: str) -> str:
    resources = {"container": "app", "method": method, "limits": {"cpu": cpu}}
    report = shop.report(workload, "CPUThrottling")
    return shop.request(workload, report, "SetResources", parameters={"resources": resources})


def test_what_git_declares_is_refused_with_the_line_to_commit(shop: Shop, executor: ThreadedExecutor) -> None:
    marks: Json = {"annotations": {"argocd.argoproj.io/tracking-id": "shop-prod:apps/Deployment:shop/web"}}
    workload = applied_by(shop, "argocd-controller", manifest(shop, **marks))
    said = refused(shop, scale(shop, workload), "OwnedElsewhere")
    assert said == (
        "the Argo CD application shop-prod owns spec.replicas; change it there: spec.replicas: 2 → 3"
    )
    said = refused(shop, set_cpu(shop, workload, "750m", "Template"), "OwnedElsewhere")
    assert said.endswith("spec.template.spec.containers[app].resources.limits.cpu: 500m → 750m")


def test_a_restart_is_no_fight_with_git(shop: Shop, executor: ThreadedExecutor) -> None:
    labels = {
        "kustomize.toolkit.fluxcd.io/name": "shop",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }
    body = manifest(shop, labels=labels)
    workload = applied_by(shop, "kustomize-controller", body)
    request = shop.request(workload, shop.report(workload), "Restart")
    shop.wait(request, "Preflighted", "True PreflightPassed")
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    # The next reconciliation leaves the annotation, and so the new pods, alone.
    restarted = shop.rolled(workload)
    again = applied_by(shop, "kustomize-controller", body)
    assert (
        again["spec"]["template"]["metadata"]["annotations"]
        == (restarted["spec"]["template"]["metadata"]["annotations"])
    )
    assert again["metadata"]["generation"] == restarted["metadata"]["generation"]


def test_what_git_leaves_open_can_be_scaled(shop: Shop, executor: ThreadedExecutor) -> None:
    marks: Json = {"annotations": {"argocd.argoproj.io/tracking-id": "shop-prod:apps/Deployment:shop/web"}}
    workload = applied_by(shop, "argocd-controller", manifest(shop, replicas=None, **marks))
    request = scale(shop, workload)
    shop.wait(request, "Preflighted", "True PreflightPassed")


def test_a_persons_manifest_is_a_note(shop: Shop, executor: ThreadedExecutor) -> None:
    shop.apply(manifest(shop))
    workload = shop.rolled(manifest(shop))
    request = scale(shop, workload)
    shop.wait(request, "Preflighted", "True PreflightPassed")
    (note,) = shop.status(request)["preflight"]["notes"]
    assert "kubectl-client-side-apply" in note
    assert note.endswith("spec.replicas: 2 → 3")


def test_a_quota_without_room_is_told_with_its_numbers(shop: Shop, executor: ThreadedExecutor) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team", "namespace": shop.namespace},
        "spec": {"hard": {"limits.cpu": "1200m", "pods": "10"}},
    }
    shop.apply(quota)
    shop.until(lambda: "used" in (shop.get("resourcequota", "team").get("status") or {}), "it is counted")
    shop.apply(manifest(shop))
    workload = shop.rolled(manifest(shop))
    shop.until(
        lambda: shop.get("resourcequota", "team")["status"]["used"]["limits.cpu"] == "1",
        "both pods are counted",
    )
    said = refused(shop, scale(shop, workload), "QuotaBlocks")
    assert said == ("ResourceQuota team: limits.cpu would be 1500m of 1200m (used 1, the change adds 500m)")
    said = refused(shop, set_cpu(shop, workload, "750m", "InPlace"), "QuotaBlocks")
    assert "the change adds 500m" in said


def test_a_limit_range_is_told_before_new_pods_fail(shop: Shop, executor: ThreadedExecutor) -> None:
    limits = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "small", "namespace": shop.namespace},
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "600m"}}]},
    }
    shop.apply(limits)
    shop.apply(manifest(shop))
    workload = shop.rolled(manifest(shop))
    said = refused(shop, set_cpu(shop, workload, "750m", "InPlace"), "LimitRangeBlocks")
    assert said == "LimitRange small: container app would have limits.cpu 750m, at most 600m is allowed"


def test_a_vertical_autoscaler_and_one_of_keda_are_named(shop: Shop, executor: ThreadedExecutor) -> None:
    shop.apply(VPA_KIND)
    shop.cluster.wait_for("--for=condition=Established", f"crd/{VPA_KIND['metadata']['name']}")
    shop.apply(manifest(shop))
    workload = shop.rolled(manifest(shop))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    maker = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "name": "web",
        "uid": "k",
        "controller": True,
    }
    shop.apply(
        {
            "apiVersion": "autoscaling.k8s.io/v1",
            "kind": "VerticalPodAutoscaler",
            "metadata": {"name": "web", "namespace": shop.namespace},
            "spec": {"targetRef": target},
        }
    )
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    shop.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "keda-hpa-web", "namespace": shop.namespace, "ownerReferences": [maker]},
            "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5, "metrics": [metric]},
        }
    )
    said = refused(shop, scale(shop, workload), "Autoscaled")
    assert said.startswith("HorizontalPodAutoscaler keda-hpa-web (of ScaledObject web) owns")
    said = refused(shop, set_cpu(shop, workload, "750m", "InPlace"), "Autoscaled")
    assert said.startswith("VerticalPodAutoscaler web sets the resources")
