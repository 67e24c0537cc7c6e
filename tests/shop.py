"""A small world on a real API server: workloads, the reports about them, requests, and the people who decide."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from localcluster.controlplane import ControlPlane
from localcluster.process import wait_until
from podvigil.api.actions import ActionName

ROOT: Final = Path(__file__).parents[1]
SYSTEM: Final = "podvigil-system"
ANALYST: Final = f"system:serviceaccount:{SYSTEM}:podvigil-analyst"
EXECUTOR: Final = f"system:serviceaccount:{SYSTEM}:podvigil-executor"
APPROVER: Final = f"system:serviceaccount:{SYSTEM}:podvigil-approver"
POLICY: Final = "podvigil-approval"
TOKEN: Final = "podvigil.io/remediation"

DEADLINE_SECONDS: Final = 120
"""For anything that the tests wait for; a busy machine is slow, and a failure costs this much. Longer than a preflight
may be old: what was true for a moment at the first look is seen to be gone at the next."""

KUBECTL_SECONDS: Final = DEADLINE_SECONDS + 10
"""For one kubectl: longer than what it waits for by itself."""

WINDOW: Final = "10m"
"""In which a change is validated: longer than any machine takes to judge it, and ended by `Shop.wait_end`."""

Json = dict[str, Any]

_APPS: Final = "apis/apps/v1/namespaces/{namespace}"
_OURS: Final = "apis/podvigil.io/v1alpha1/namespaces/{namespace}"
PATHS: Final = {
    "pod": "api/v1/namespaces/{namespace}/pods",
    "node": "api/v1/nodes",
    "deployment": f"{_APPS}/deployments",
    "statefulset": f"{_APPS}/statefulsets",
    "daemonset": f"{_APPS}/daemonsets",
    "rollout": "apis/argoproj.io/v1alpha1/namespaces/{namespace}/rollouts",
    "remreq": f"{_OURS}/remediationrequests",
    "anomalyreport": f"{_OURS}/anomalyreports",
}
"""What tests ask for again and again, by the word kubectl takes: read without a kubectl each time."""
_numbers = itertools.count(1)


def now(seconds: float = 0) -> str:
    """The time so many seconds from now, as the API server writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


APPROVERS: Final = {f"shop-{a.lower()}": f"podvigil-approver-{a.lower()}" for a in ActionName}
"""ClusterRoleBindings of `install`, by name: alice's group may decide about every action, everywhere."""


def forget_monitor(cluster: ControlPlane, namespace: str) -> None:
    """Delete the monitor of a `Shop`, if there is one: else every analyst that starts later works for all of them."""
    monitor = ("delete", "anomalymonitor", monitor_of(namespace), "--wait=false")
    cluster.kubectl(*monitor, check=False)  # a test without our kinds has none


def monitor_of(namespace: str) -> str:
    """Name of the monitor of a `Shop`."""
    return f"monitor-{namespace}"


def end_window(cluster: ControlPlane, namespace: str, request: str) -> None:
    """Let the window end in which a change is validated, as time does: who waits for it would race with the machine.

    Nothing is done where nothing was changed yet.
    """
    where = f"/apis/podvigil.io/v1alpha1/namespaces/{namespace}/remediationrequests/{request}"
    if "validation" in (cluster.read(where).get("status") or {}):
        body = json.dumps({"status": {"validation": {"until": now()}}})
        patch = ("patch", "remreq", request, "--subresource=status", "--type=merge", "-p", body)
        cluster.kubectl(*patch, f"--namespace={namespace}")


def install(cluster: ControlPlane) -> None:
    """Apply the installation and the people's rights, and wait until the gate refuses."""
    cluster.kubectl("apply", "-k", str(ROOT / "deploy/overlays/local"))
    for name, role in APPROVERS.items():
        bind = ("create", "clusterrolebinding", name, f"--clusterrole={role}", "--group=sre")
        cluster.kubectl(*bind, check=False)
    # A new kind's storage answers 429 at first.
    listed = ("get", "anmon,anom,remreq", "--all-namespaces")
    wait_until(
        lambda: cluster.kubectl(*listed, check=False).returncode == 0,
        "our kinds can be listed",
        deadline_seconds=DEADLINE_SECONDS,
    )
    wait_until(lambda: gate_refuses(cluster), "the gate refuses", deadline_seconds=DEADLINE_SECONDS)
    # The policy that fills in the approver fails every decision until it has learned of the new kind.
    wait_until(lambda: _gate_lets_alice(cluster), "alice may decide", deadline_seconds=DEADLINE_SECONDS)


def gate_refuses(cluster: ControlPlane) -> bool:
    """Whether the policy refuses a request that claims another requester."""
    body = request_body("gate-trial", "default", {"name": "x", "uid": "u", "generation": 1}, requested_by="x")
    tried = cluster.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(body), check=False)
    return POLICY in tried.stderr


def _gate_lets_alice(cluster: ControlPlane) -> bool:
    """Whether a decision of someone with the right passes; tried by a dry run on a request made for it."""
    trial = ("remreq", "gate-trial", "--namespace=default")
    body = request_body(
        "gate-trial", "default", {"name": "x", "uid": "u", "generation": 1}, requested_by="admin"
    )
    cluster.kubectl("create", "-f", "-", input=json.dumps(body), check=False)
    approval = json.dumps({"spec": {"approval": {"decision": "Approved", "approvedBy": "alice"}}})
    tried = cluster.kubectl(
        "patch", *trial, "--type=merge", "--dry-run=server", "-p", approval, user="alice", check=False
    )
    if tried.returncode == 0:
        cluster.kubectl("delete", *trial)
    return tried.returncode == 0


def request_body(
    name: str,
    namespace: str,
    target: Json,
    *,
    requested_by: str = ANALYST,
    action: str = "Restart",
    report: Json | None = None,
    monitor: str = "shop",
    **plan: Any,
) -> Json:
    """A RemediationRequest as the analyst creates it."""
    about = {"apiVersion": "apps/v1", "kind": "Deployment", **target}
    return {
        "apiVersion": "podvigil.io/v1alpha1",
        "kind": "RemediationRequest",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "requestedBy": requested_by,
            "plan": {
                "action": action,
                "target": about,
                "report": {"name": "none", "uid": "none", "signal": "MemoryHigh", **(report or {})},
                "monitor": monitor,
                "message": "for a test",
                "expiresAt": now(300),
                "validationWindow": WINDOW,
                **plan,
            },
        },
    }


class Shop:
    """One namespace with workloads in trouble, and a monitor whose rules apply to it."""

    def __init__(self, cluster: ControlPlane, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.monitor = monitor_of(namespace)
        self.set_rules()
        self.watch()

    def set_rules(self, **remediation: Any) -> None:
        """Write the monitor."""
        rules = {"cooldown": "0s", "validationWindow": WINDOW, **remediation}
        self.apply(
            {
                "apiVersion": "podvigil.io/v1alpha1",
                "kind": "AnomalyMonitor",
                "metadata": {"name": self.monitor},
                "spec": {"namespaces": [self.namespace], "interval": "5s", "remediation": rules},
            }
        )

    def watch(self, **said: Any) -> None:
        """Have the analyst say how the monitor fares: calm, and long at work, but for what is said otherwise."""
        status = {
            "podsWatched": 100,
            "podsAffected": 1,
            "workloadsAffected": 1,
            "ticksSinceChange": 100,
            **said,
        }
        self.patch("anomalymonitor", self.monitor, {"status": status}, "--subresource=status", user=ANALYST)

    def apply(self, body: Json) -> None:
        """Apply an object as admin."""
        self.cluster.kubectl("apply", "-f", "-", input=json.dumps(body))

    def deploy(self, name: str = "web", replicas: int = 2, kind: str = "Deployment", **spec: Any) -> Json:
        """Make a workload and wait until it is ready."""
        labels = {"app": name}
        more: Json = {"serviceName": name} if kind == "StatefulSet" else {}
        if kind != "DaemonSet":
            more["replicas"] = replicas
        self.apply(
            {
                "apiVersion": "apps/v1",
                "kind": kind,
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {
                            "containers": [{"name": "app", "image": "shop"}],
                            "terminationGracePeriodSeconds": 0,
                        },
                    },
                    **more,
                    **spec,
                },
            }
        )
        self.kubectl("rollout", "status", f"{kind.lower()}/{name}", f"--timeout={DEADLINE_SECONDS}s")
        return self.get(kind.lower(), name)

    def report(self, workload: Json, signal: str = "MemoryHigh") -> Json:
        """Report a workload as the analyst does; active, evaluated now."""
        name = f"{workload['metadata']['name']}-{signal.lower()}-{next(_numbers)}"
        target = {"apiVersion": workload["apiVersion"], "kind": workload["kind"]}
        target |= {key: workload["metadata"][key] for key in ("name", "uid")}
        body = {
            "apiVersion": "podvigil.io/v1alpha1",
            "kind": "AnomalyReport",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"monitor": self.monitor, "signal": signal, "target": target},
        }
        self.kubectl("create", "-f", "-", input=json.dumps(body), user=ANALYST)
        self.judge(name, active=True)
        return self.get("anomalyreport", name)

    def judge(self, report: str, *, active: bool, seconds: float = 0, pods: int = 2) -> None:
        """Have the analyst say how the trouble stands, and when it looked (seconds from now)."""
        condition = {
            "type": "Active",
            "status": "True" if active else "False",
            "reason": "AnomalyObserved" if active else "AnomalyGone",
            "message": "said by a test",
            "lastTransitionTime": now(),
        }
        status = {
            "conditions": [condition],
            "firstSeen": now(-60),
            "lastEvaluated": now(seconds),
            "scoreMilli": 9000 if active else 500,
            "probabilityPermille": 950 if active else 10,
            "podsEvaluated": pods,
            "summary": "trouble",
        }
        self.patch("anomalyreport", report, {"status": status}, "--subresource=status", user=ANALYST)

    def request(self, workload: Json, report: Json | None, action: str = "Restart", **plan: Any) -> str:
        """Propose a plan as the analyst does; returns the request's name. Without a report the admin asks."""
        # Names sort as they are made: of two requests of one second the first comes first.
        name = f"{workload['metadata']['name']}-{action.rpartition('/')[2].lower()}-{next(_numbers):05}"
        target = {key: workload["metadata"][key] for key in ("name", "uid")}
        target["generation"] = workload["metadata"].get("generation", 0)  # a node has none
        body = request_body(
            name,
            self.namespace,
            {"apiVersion": workload["apiVersion"], "kind": workload["kind"], **target},
            action=action,
            report=_answered(report) if report else None,
            monitor=self.monitor,
            **plan,
        )
        if report is None:
            del body["spec"]["plan"]["report"]
            body["spec"]["requestedBy"] = "admin"
        user = ANALYST if report else "admin"
        self.kubectl("create", "-f", "-", input=json.dumps(body), user=user)
        return name

    def trouble(self, action: str = "Restart", replicas: int = 2, **plan: Any) -> tuple[Json, Json, str]:
        """A workload, the report about it, and the request that answers it."""
        workload = self.deploy(f"web-{next(_numbers)}", replicas)
        report = self.report(workload, "CPUHigh" if action == "Scale" else "MemoryHigh")
        return workload, report, self.request(workload, report, action, **plan)

    def decide(self, request: str, decision: str = "Approved", user: str = "alice") -> None:
        """Have a person decide, with kubectl patch."""
        self.patch(
            "remreq", request, {"spec": {"approval": {"decision": decision, "approvedBy": user}}}, user=user
        )

    def patch(self, kind: str, name: str, body: Json, *flags: str, user: str = "admin") -> None:
        """Patch an object of this namespace."""
        self.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(body), *flags, user=user)

    def kubectl(self, *arguments: str, user: str = "admin", input: str | None = None) -> str:
        """Run kubectl in this namespace and return what it says."""
        return self.cluster.kubectl(
            *arguments, f"--namespace={self.namespace}", user=user, input=input, timeout=KUBECTL_SECONDS
        ).stdout

    def get(self, kind: str, name: str) -> Json:
        """Read an object of this namespace. Raises: LocalClusterError when it is not there."""
        if kind in PATHS:
            return self.cluster.read(f"/{PATHS[kind]}/{name}".replace("{namespace}", self.namespace))
        found: Json = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def all(self, kind: str) -> list[Json]:
        """List the objects of a kind of `PATHS` in this namespace."""
        found: list[Json] = self.cluster.read(f"/{PATHS[kind]}".replace("{namespace}", self.namespace))[
            "items"
        ]
        return found

    def status(self, request: str) -> Json:
        """Read a request's status."""
        found: Json = self.get("remreq", request).get("status") or {}
        return found

    def conditions(self, request: str) -> dict[str, str]:
        """Each condition of a request as `status reason`."""
        found = self.status(request).get("conditions") or ()
        return {c["type"]: f"{c['status']} {c['reason']}" for c in found}

    def wait(self, request: str, kind: str, value: str, seconds: float = DEADLINE_SECONDS) -> dict[str, str]:
        """Wait until a condition is `status reason` (or begins so); returns all conditions."""
        self.until(
            lambda: self.conditions(request).get(kind, "").startswith(value),
            f"{request}: {kind}={value}",
            seconds,
        )
        return self.conditions(request)

    def wait_end(self, request: str, seconds: float = DEADLINE_SECONDS) -> dict[str, str]:
        """Wait until a request has ended; returns all conditions. The window to validate in ends now."""
        end_window(self.cluster, self.namespace, request)
        self.until(lambda: "finishedAt" in self.status(request), f"{request} ends", seconds)
        return self.conditions(request)

    def until(self, holds: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
        """Wait for something, for a bounded time."""
        wait_until(holds, what, deadline_seconds=seconds)

    def rolled(self, workload: Json) -> Json:
        """Wait until a workload's newest revision is everywhere; returns it."""
        kind, name = workload["kind"].lower(), workload["metadata"]["name"]
        self.kubectl("rollout", "status", f"{kind}/{name}", f"--timeout={DEADLINE_SECONDS}s")
        return self.get(kind, name)

    def changes(self, workload: Json) -> list[Json]:
        """Every write to a workload by the executor that the API server accepted, from its audit log."""
        name = workload["metadata"]["name"]
        found = []
        for line in self.cluster.audit_log.read_text().splitlines():
            entry = json.loads(line)
            about = entry.get("objectRef") or {}
            if (
                about.get("name") == name
                and about.get("namespace") == self.namespace
                and about.get("apiGroup") == "apps"
                and entry["verb"] in ("patch", "update", "delete", "create")
                and entry["user"]["username"] == EXECUTOR
                and entry["responseStatus"]["code"] < 300
                and "dryRun" not in entry["requestURI"]
            ):
                found.append(entry)
        return found


def _answered(report: Json) -> Json:
    """A plan's reference to the report that it answers."""
    metadata = report["metadata"]
    return {"name": metadata["name"], "uid": metadata["uid"], "signal": report["spec"]["signal"]}
