"""`make demo`: a pod goes wrong, a report shows it, a person approves, it is fixed; every step is checked."""

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from demo import manifests, operator
from demo.screen import DemoError, Screen
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from localcluster.errors import LocalClusterError

ROOT: Final = Path(__file__).resolve().parents[3]
SHOP: Final = manifests.SHOP

APPROVE: Final = '{"spec":{"approval":{"decision":"Approved"}}}'
REPORT_SECONDS: Final = 120
"""The report must be there within two minutes of the fault."""


class Demo:
    """The story, a method for each chapter."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane
        self._cluster = KwokCluster(control_plane, scrape_interval_seconds=5)
        self._screen = Screen(control_plane)

    def run(self) -> None:
        """Tell it. Raises: DemoError, LocalClusterError when a step did not happen."""
        self._install()
        self._open_the_shop()
        self._start_the_operator()
        pod = self._break_a_pod()
        report = self._see_the_report(pod)
        request = self._see_the_request(report)
        self._refuse(request)
        self._approve(request)
        self._see_it_repaired(pod, report, request)

    def _install(self) -> None:
        screen = self._screen
        screen.heading(f"A real Kubernetes {self._control_plane.version} runs; Podvigil is installed in it")
        self._cluster.start_nodes(3)
        screen.kubectl("apply", "-k", str(ROOT / "deploy" / "overlays" / "local"))

    def _open_the_shop(self) -> None:
        screen = self._screen
        screen.heading("A small shop opens; alice may approve restarts there, bob may only write requests")
        screen.kubectl("create", "namespace", SHOP)
        for name, (replicas, load) in manifests.WORKLOADS.items():
            self._cluster.deploy(SHOP, name, replicas=replicas, load=load)
        screen.kubectl("apply", "-f", "-", input=manifests.budget())
        screen.kubectl("apply", "-f", "-", input=manifests.people())
        screen.kubectl("get", "deployments,poddisruptionbudgets", "-n", SHOP)
        count = self._cluster.give_past((SHOP,), seconds=manifests.HISTORY_SECONDS)
        self._cluster.start_prometheus()
        hours = manifests.HISTORY_SECONDS / 3600
        screen.say(f"Prometheus scrapes {count} containers and has {hours:.2f} hours of their past.")

    def _start_the_operator(self) -> None:
        screen = self._screen
        screen.heading("The operator starts: analyst and executor, each under its own ServiceAccount")
        operator.start(self._control_plane, "monitoring", prometheus_url=self._cluster.prometheus.url)
        operator.start(self._control_plane, "remediation")
        sys.stdout.write(manifests.MONITOR)
        screen.kubectl("apply", "-f", "-", input=manifests.MONITOR)
        screen.wait("the monitor is Ready", self._monitor_ready, seconds=60)
        screen.kubectl("get", "anomalymonitors")
        if reports := self._get("anomalyreports", namespace=SHOP)["items"]:
            raise DemoError(f"a healthy shop has reports: {[r['metadata']['name'] for r in reports]}")

    def _break_a_pod(self) -> str:
        screen = self._screen
        pods = self._cluster.pods(SHOP, f"app={manifests.LEAKING}")
        name = str(pods[0]["metadata"]["name"])
        screen.heading(f"Pod {name} begins to leak {manifests.LEAK_BYTES_PER_SECOND} a second")
        self._cluster.kwok.break_pod(SHOP, name, "memory-leak", rate=manifests.LEAK_BYTES_PER_SECOND)
        return name

    def _see_the_report(self, pod: str) -> str:
        screen = self._screen
        report = screen.wait("the report is there", lambda: self._report_about(pod), seconds=REPORT_SECONDS)
        name = str(report["metadata"]["name"])
        screen.heading("The report, and why")
        screen.kubectl("get", "anomalyreports", "-n", SHOP)
        status = report["status"]
        if report["spec"]["signal"] != "MemoryHigh" or status["explanation"][0]["feature"] != "memory":
            raise DemoError(f"the report blames {report['spec']['signal']}: {status['explanation']}")
        screen.kubectl(
            "get", "anomalyreport", name, "-n", SHOP, "-o",
            "jsonpath={.status.summary}{'\\n'}{range .status.diagnosis.evidence[*]}- {@}{'\\n'}{end}"
            "{.status.diagnosis.cause}: {.status.diagnosis.message}{'\\n'}",
        )  # fmt: skip
        return name

    def _see_the_request(self, report: str) -> str:
        screen = self._screen
        request = screen.wait(
            "a request is proposed and checked", lambda: self._request_for(report), seconds=60
        )
        name = str(request["metadata"]["name"])
        screen.heading("The proposed request: what would happen, and the way back, before anybody decides")
        screen.kubectl("get", "remediationrequests", "-n", SHOP)
        screen.kubectl(
            "get", "remediationrequest", name, "-n", SHOP, "-o",
            "jsonpath={.spec.plan.message}{'\\n'}{range .status.preflight.changes[*]}  {@}{'\\n'}{end}"
            "{.status.preflight.disruption}{'\\n'}"
            "budgets: {range .status.preflight.budgets[*]}{.name} (allows {.disruptionsAllowed}) {end}{'\\n'}"
            "way back: {.status.preflight.wayBack}{'\\n'}{.status.preflight.pastSuccess}{'\\n'}",
        )  # fmt: skip
        return name

    def _refuse(self, request: str) -> None:
        screen = self._screen
        screen.heading("The operator cannot approve itself, and bob has no right to")
        for user in (operator.account("monitoring"), operator.account("remediation"), "bob"):
            answer = self._patch(request, user)
            if answer == 0:
                raise DemoError(f"{user} could approve")

    def _approve(self, request: str) -> None:
        screen = self._screen
        screen.heading("alice approves")
        if self._patch(request, "alice"):
            raise DemoError("alice could not approve")
        screen.wait(
            "the restart was carried out", lambda: self._when(request, "Executed", "True"), seconds=60
        )
        screen.kubectl("rollout", "status", f"deployment/{manifests.LEAKING}", "-n", SHOP, "--timeout=60s")

    def _see_it_repaired(self, pod: str, report: str, request: str) -> None:
        screen = self._screen
        done = screen.wait(
            "the outcome is judged", lambda: self._when(request, "Succeeded", "True", "False"), seconds=150
        )
        screen.heading("The end: the outcome, by the same detector that found the trouble")
        screen.kubectl("get", "remediationrequests", "-n", SHOP)
        screen.kubectl("get", "anomalyreports", "-n", SHOP)
        screen.kubectl("get", "pods", "-n", SHOP, "-l", f"app={manifests.LEAKING}")
        screen.kubectl("events", "-n", SHOP, "--for", f"remediationrequest/{request}")
        if done["status"] != "True" or done["reason"] != "Succeeded":
            raise DemoError(f"the request ended as {done['reason']}: {done['message']}")
        if any(p["metadata"]["name"] == pod for p in self._cluster.pods(SHOP)):
            raise DemoError(f"pod {pod} is still there")
        approved_by = self._get("remediationrequest", request, namespace=SHOP)["spec"]["approval"][
            "approvedBy"
        ]
        if approved_by != "alice":
            raise DemoError(f"approvedBy is {approved_by}")
        if self._condition(self._get("anomalyreport", report, namespace=SHOP), "Active")["status"] != "False":
            raise DemoError("the report is still active")
        screen.say(f"{done['message']}")

    def _patch(self, request: str, user: str) -> int:
        answer = self._screen.kubectl(
            "patch", "remediationrequest", request, "-n", SHOP, "--type=merge", "-p", APPROVE,
            user=user, check=False,
        )  # fmt: skip
        return answer.returncode

    def _get(self, kind: str, *name: str, namespace: str | None = None) -> dict[str, Any]:
        where = ["-n", namespace] if namespace else []
        found: dict[str, Any] = json.loads(
            self._control_plane.kubectl("get", kind, *name, *where, "-o", "json").stdout
        )
        return found

    def _condition(self, body: dict[str, Any], kind: str) -> dict[str, Any]:
        conditions = body.get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == kind), {"status": "Unknown", "reason": ""})

    def _monitor_ready(self) -> bool | None:
        monitor = self._get("anomalymonitor", "shop")
        scored = monitor.get("status", {}).get("podsScored", 0)
        return True if self._condition(monitor, "Ready")["status"] == "True" and scored else None

    def _report_about(self, pod: str) -> dict[str, Any] | None:
        for report in self._get("anomalyreports", namespace=SHOP)["items"]:
            if pod in report.get("status", {}).get("affectedPods", []):
                return dict(report)
        return None

    def _request_for(self, report: str) -> dict[str, Any] | None:
        for request in self._get("remediationrequests", namespace=SHOP)["items"]:
            is_ours = request["spec"]["plan"]["report"]["name"] == report
            if is_ours and self._condition(request, "Preflighted")["status"] == "True":
                return dict(request)
        return None

    def _when(self, request: str, kind: str, *statuses: str) -> dict[str, Any] | None:
        found = self._condition(self._get("remediationrequest", request, namespace=SHOP), kind)
        return found if found["status"] in statuses else None


def main() -> int:
    """Run the demo; 0 only if every step really happened."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    keep = parser.parse_args().keep
    began = time.monotonic()
    sys.stdout.write(
        "Starting etcd, kube-apiserver, kube-controller-manager and kube-scheduler on loopback\n"
    )
    with ControlPlane() as control_plane:
        try:
            Demo(control_plane).run()
        except (DemoError, LocalClusterError) as error:
            sys.stdout.write(f"\nThe demo failed: {error}\n")
            for mode in operator.ACCOUNTS:
                log = control_plane.folder / f"podvigil-{mode}.log"
                if log.exists():
                    tail = "\n  ".join(log.read_text().splitlines()[-25:])
                    sys.stdout.write(f"\nThe end of {log.name}:\n  {tail}\n")
            return 1
        sys.stdout.write(f"\nEvery step happened, in {time.monotonic() - began:.0f} s.\n")
        if keep:
            _stay(control_plane)
    return 0


def _stay(control_plane: ControlPlane) -> None:
    sys.stdout.write(
        f"\nIt stays up until Ctrl-C. Look around in another terminal:\n"
        f"  export KUBECONFIG={control_plane.kubeconfig()}\n"
        f"  kubectl get anomalymonitors,anomalyreports,remediationrequests -A\n"
        f"Logs and data: {control_plane.folder}\n"
    )
    sys.stdout.flush()
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    sys.exit(main())
