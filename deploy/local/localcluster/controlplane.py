"""A real control plane: etcd, kube-apiserver, controller-manager and scheduler, in a folder of its own.

    with ControlPlane() as control_plane:
        control_plane.kubectl("get", "namespaces")

Ready in about four seconds. Several run side by side: ports are free ones, and every file is in `folder`.
"""

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import urllib3

from localcluster import flags
from localcluster.binaries import ensure
from localcluster.errors import LocalClusterError
from localcluster.lifetime import Lifetime
from localcluster.process import Process, free_port, http_ok, wait_until
from localcluster.users import ADMIN, SERVICE_ACCOUNT_PREFIX, STATIC_TOKENS, token_file, write_kubeconfig

TOKEN_LIFETIME: Final = "12h"
"""Of a ServiceAccount's token: longer than any test run or demonstration."""

READ_SECONDS: Final = 60.0
"""Of one plain read; a busy machine is slow."""

READS_AT_ONCE: Final = 8
"""Connections that are kept; tests play stories side by side."""

PROGRAMS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")


class ControlPlane(Lifetime):
    """A control plane that lives as long as the `with` block."""

    def __init__(self, folder: Path | None = None) -> None:
        """Prepare it in `folder` (kept afterwards), or in a temporary folder that is removed."""
        self._keep = folder is not None
        self.folder: Final = folder or Path(tempfile.mkdtemp(prefix="podvigil-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._binaries: dict[str, Path] = {}
        self._port: Final = free_port()
        self._processes: list[Process] = []
        self._tokens: dict[str, str] = dict(STATIC_TOKENS)
        self._kubeconfigs: dict[str, Path] = {}
        # Tests call kubectl from several threads; a token is asked for by kubectl, which needs admin's file.
        self._credentials = threading.RLock()
        self._http: urllib3.PoolManager | None = None

    @property
    def url(self) -> str:
        """Address of the API server; stays the same when it restarts."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def ca_file(self) -> Path:
        """Certificate that signs the API server's."""
        return self.folder / "certs" / "apiserver.crt"

    @property
    def audit_log(self) -> Path:
        """One JSON object a line for each finished request: who did what (level Metadata)."""
        return self.folder / "audit.log"

    @property
    def version(self) -> str:
        """Version that the API server tells, such as v1.36.3."""
        answer: dict[str, Any] = json.loads(self.kubectl("get", "--raw=/version").stdout)
        return str(answer["gitVersion"])

    @property
    def pids(self) -> dict[str, int]:
        """Ids of the running programs, by name."""
        return {process.name: pid for process in self._processes if (pid := process.pid) is not None}

    def stop(self) -> None:
        """End the programs, the last started first, and remove a temporary folder."""
        for process in reversed(self._processes):
            process.stop()
        self._processes.clear()
        if not self._keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop_apiserver(self) -> None:
        """End the API server alone, as an outage does; it would wait long for the watches of its clients."""
        self._apiserver.stop(grace_seconds=1)

    def start_apiserver(self) -> None:
        """Start it again at the same address with the same data."""
        self._apiserver.start(self._apiserver_ready)

    def token(self, user: str) -> str:
        """Bearer token of admin, alice, bob, or `system:serviceaccount:NAMESPACE:NAME` (asked for once)."""
        with self._credentials:
            if user not in self._tokens:
                self._tokens[user] = self._new_token(user)
            return self._tokens[user]

    def kubeconfig(self, user: str = ADMIN) -> Path:
        """Kubeconfig file of a user; see `token` for who there is."""
        with self._credentials:
            if user not in self._kubeconfigs:
                path = self.folder / f"{user.replace(':', '_')}.kubeconfig"
                token = self.token(user)
                write_kubeconfig(path, url=self.url, ca_file=self.ca_file, user=user, token=token)
                self._kubeconfigs[user] = path
            return self._kubeconfigs[user]

    def forget_token(self, user: str) -> None:
        """Ask anew at the next use: a ServiceAccount made again under its old name has other tokens."""
        with self._credentials:
            self._tokens.pop(user, None)
            self._kubeconfigs.pop(user, None)

    def kubectl(
        self,
        *arguments: str,
        user: str = ADMIN,
        input: str | None = None,
        check: bool = True,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as `user`. Raises: LocalClusterError with what it said, if `check` and it failed."""
        command = [str(self._binaries["kubectl"]), *self._kubectl_flags(user), *arguments]
        done = subprocess.run(
            command, input=input, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise LocalClusterError(f"kubectl {' '.join(arguments)} (as {user}) failed:\n{said}")
        return done

    def read(self, path: str, user: str = ADMIN) -> dict[str, Any]:
        """GET an API path such as `/api/v1/nodes`, without the tenth of a second that each kubectl costs.

        Raises: LocalClusterError with what the server said, when it is not 200.
        """
        if self._http is None:
            self._http = urllib3.PoolManager(
                maxsize=READS_AT_ONCE, ca_certs=str(self.ca_file), timeout=READ_SECONDS, retries=False
            )
        answer = self._http.request(
            "GET", self.url + path, headers={"Authorization": f"Bearer {self.token(user)}"}
        )
        if answer.status != HTTPStatus.OK:
            raise LocalClusterError(f"GET {path} (as {user}): {answer.status} {answer.data.decode()[:500]}")
        found: dict[str, Any] = answer.json()
        return found

    def wait_for(self, *arguments: str, timeout_seconds: float = 60) -> None:
        """Run `kubectl wait` with these arguments. Raises: LocalClusterError when it is not so in time."""
        self.kubectl("wait", f"--timeout={timeout_seconds:.0f}s", *arguments, timeout=timeout_seconds + 10)

    def run_beside(self, process: Process) -> Process:
        """Let the control plane end this program, before its own, when it stops itself."""
        self._processes.append(process)
        return process

    def process(self, name: str, command: Sequence[str | Path]) -> Process:
        """Describe a program with its log in the folder; not started yet."""
        return Process(name, [str(part) for part in command], self.folder / f"{name}.log")

    def _new_token(self, user: str) -> str:
        if not user.startswith(SERVICE_ACCOUNT_PREFIX):
            known = ", ".join(STATIC_TOKENS)
            raise LocalClusterError(f"No user {user!r}: known are {known}, {SERVICE_ACCOUNT_PREFIX}NS:NAME")
        namespace, name = user.removeprefix(SERVICE_ACCOUNT_PREFIX).split(":")
        lifetime = f"--duration={TOKEN_LIFETIME}"
        return self.kubectl("create", "token", name, f"--namespace={namespace}", lifetime).stdout.strip()

    def _kubectl_flags(self, user: str) -> list[str]:
        return [f"--kubeconfig={self.kubeconfig(user)}", f"--cache-dir={self.folder / 'kubectl-cache'}"]

    @property
    def _apiserver(self) -> Process:
        return next(process for process in self._processes if process.name == "kube-apiserver")

    def _apiserver_ready(self) -> bool:
        if not self.ca_file.exists():
            return False
        return http_ok(f"{self.url}/readyz", ca_file=self.ca_file, token=self._tokens[ADMIN])()

    def _start(self) -> None:
        self._binaries = ensure(PROGRAMS)
        (self.folder / "certs").mkdir(exist_ok=True)
        (self.folder / "tokens.csv").write_text(token_file())
        (self.folder / "service-accounts.key").write_text(flags.new_signing_key())
        (self.folder / "audit-policy.yaml").write_text(flags.AUDIT_POLICY)
        etcd_port = free_port()
        etcd = self._add("etcd", flags.etcd(self.folder, etcd_port, free_port()))
        etcd.start(http_ok(f"http://127.0.0.1:{etcd_port}/readyz"))
        apiserver = self._add("kube-apiserver", flags.apiserver(self.folder, self._port, etcd_port))
        apiserver.start(self._apiserver_ready)
        kubeconfig = self.kubeconfig(ADMIN)
        (self.folder / "scheduler.yaml").write_text(flags.scheduler_config(kubeconfig))
        self._add("kube-controller-manager", flags.controller_manager(self.folder, kubeconfig)).start()
        self._add("kube-scheduler", flags.scheduler(self.folder)).start()
        # Pods are refused in a namespace until the controller manager has made its ServiceAccount.
        wait_until(self._has_default_account, "the default ServiceAccount exists", deadline_seconds=60)

    def _add(self, name: str, arguments: Sequence[str]) -> Process:
        return self.run_beside(self.process(name, [self._binaries[name], *arguments]))

    def _has_default_account(self) -> bool:
        return self.kubectl("get", "serviceaccount", "default", check=False).returncode == 0
