"""The operator's two processes, each under its own ServiceAccount, as in a cluster; logs beside the cluster's."""

import os
import sys
from typing import Final

from localcluster.controlplane import ControlPlane
from localcluster.process import Process, free_port, http_ok

NAMESPACE: Final = "podvigil-system"
STOP_SECONDS: Final = 5.0
"""What the operator promises after SIGTERM."""

ACCOUNTS: Final = {"monitoring": "podvigil-analyst", "remediation": "podvigil-executor"}


def account(mode: str) -> str:
    """Return the user name that a mode runs under."""
    return f"system:serviceaccount:{NAMESPACE}:{ACCOUNTS[mode]}"


def start(
    control_plane: ControlPlane, mode: str, *, prometheus_url: str | None = None
) -> tuple[Process, int]:
    """Start `podvigil run --mode MODE` and wait until it is ready; returns it and its HTTP port."""
    port = free_port()
    command = [sys.executable, "-m", "podvigil", "run", "--mode", mode]
    command += ["--kubeconfig", str(control_plane.kubeconfig(account(mode))), "--http-port", str(port)]
    if prometheus_url:
        command += ["--prometheus-url", prometheus_url]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PODVIGIL_", "KUBECONFIG"))}
    environment |= {"POD_NAMESPACE": NAMESPACE, "PODVIGIL_HTTP_HOST": "127.0.0.1"}
    log = control_plane.folder / f"podvigil-{mode}.log"
    process = control_plane.run_beside(Process(f"podvigil-{mode}", command, log=log, env=environment))
    process.start(http_ok(f"http://127.0.0.1:{port}/readyz"), deadline_seconds=60)
    return process, port
