"""A real node: kubelet and containerd on this machine, so that containers, cgroups and OOM kills are real.

Needs root and `runc`; everything else is built. It lives beside a control plane, in its folder, and takes what it has
made away again: containers, mounts, cgroups. Its pods use the host's network, so that no network plugin is needed.
"""

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from localcluster import node_files
from localcluster.binaries import build_program, ensure
from localcluster.controlplane import ControlPlane
from localcluster.errors import LocalClusterError
from localcluster.lifetime import Lifetime
from localcluster.oci import write_image
from localcluster.process import POLL_SECONDS, Process, free_port, wait_until
from localcluster.toolchain import NODE_FOLDER, NODE_TOOLS

NAME: Final = "real-node"
CONTAINERD_NAMESPACE: Final = "k8s.io"
"""The one that the kubelet's containers are in."""

READY_SECONDS: Final = 90
END_SECONDS: Final = 60
CGROUPS: Final = Path("/sys/fs/cgroup")
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""From what Linux calls a machine to what Go does."""


class RealNode(Lifetime):
    """One node on a running control plane, for the length of a `with` block."""

    def __init__(self, control_plane: ControlPlane) -> None:
        """Start nothing yet. Raises: LocalClusterError when this machine cannot have a node."""
        self._runc: Final = _needed()
        self._control_plane = control_plane
        self._folder: Final = control_plane.folder / "node"
        self._cgroup: Final = f"podvigil-{os.getpid()}"
        self._binaries: dict[str, Path] = {}
        self._processes: list[Process] = []

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self._folder / "containerd.sock"

    def stop(self) -> None:
        """End the pods, the programs, and what they leave behind."""
        if self._processes:
            gone = ("delete", "pods", "--all", "--all-namespaces", "--grace-period=1", "--wait=true")
            self._control_plane.kubectl(
                *gone, f"--timeout={END_SECONDS}s", check=False, timeout=END_SECONDS + 30
            )
        *others, last = self._processes or (None,)
        if last is not None:
            last.stop()
        if others:  # containerd still runs: a container that was not ended would outlive it
            self._end_tasks()
        for process in reversed([p for p in others if p is not None]):
            process.stop()
        self._processes.clear()
        _unmount_below(self._folder)
        for root in (*self._cgroup_roots(), CGROUPS / "unified"):  # runc leaves one there beside version 1
            _remove_cgroups(root / self._cgroup)

    def cgroup_value(self, container_id: str, *names: str) -> str | None:
        """Read the first of these files of a container's cgroup: they are called otherwise in version 1 and 2.

        None when there is none of them: the container does not run.

        Args:
            container_id: as in a pod's status, such as `containerd://0f3a…`.
        """
        bare = container_id.rpartition("/")[2]
        for root in self._cgroup_roots():
            for folder in (root / self._cgroup).rglob(f"*{bare}*"):
                for name in names:
                    # The container may end at any moment, and its cgroup with it.
                    with contextlib.suppress(FileNotFoundError):
                        return (folder / name).read_text().strip()
        return None

    def _start(self) -> None:
        self._binaries = ensure(tuple(NODE_TOOLS))
        self._folder.mkdir(parents=True)
        cni = self._folder / "cni"
        cni.mkdir()
        (cni / "10-host.conflist").write_text(node_files.CNI)
        config = self._folder / "containerd.toml"
        config.write_text(node_files.containerd(self._folder, self.socket, self._runc))
        containerd = self._process("containerd", [self._binaries["containerd"], "--config", config])
        containerd.env = {"PATH": f"{self._binaries['containerd-shim-runc-v2'].parent}:{os.environ['PATH']}"}
        containerd.start(lambda: self._ctr("version").returncode == 0)
        self._import_image()
        for root in self._cgroup_roots():
            (root / self._cgroup).mkdir()
        kubelet_config = self._folder / "kubelet.yaml"
        kubelet_config.write_text(
            node_files.kubelet(self._folder, self.socket, cgroup_root=f"/{self._cgroup}", port=free_port())
        )
        self._process(
            "kubelet",
            [
                self._binaries["kubelet"],
                f"--config={kubelet_config}",
                f"--kubeconfig={self._control_plane.kubeconfig()}",
                f"--root-dir={self._folder / 'kubelet'}",
                f"--cert-dir={self._folder / 'kubelet-certs'}",
                f"--hostname-override={NAME}",
            ],
        ).start(self._is_ready, deadline_seconds=READY_SECONDS)

    def _process(self, name: str, command: Sequence[str | Path]) -> Process:
        process = self._control_plane.process(name, command)
        self._processes.append(process)
        return process

    def _import_image(self) -> None:
        program = build_program(NODE_FOLDER / "eater", self._folder / "eater")
        archive = self._folder / "eater.tar"
        write_image(archive, node_files.IMAGE, program, ARCHITECTURES[platform.machine()])
        imported = self._ctr("images", "import", str(archive))
        if imported.returncode != 0:
            raise LocalClusterError(f"the image cannot be imported: {imported.stderr.strip()}")

    def _is_ready(self) -> bool:
        found = self._control_plane.kubectl("get", "node", NAME, "-o", "json", check=False)
        if found.returncode != 0:
            return False
        node: dict[str, Any] = json.loads(found.stdout)
        conditions = {c["type"]: c["status"] for c in node["status"].get("conditions") or ()}
        return conditions.get("Ready") == "True" and not node["spec"].get("taints")

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._binaries["ctr"]), "--address", str(self.socket), "-n", CONTAINERD_NAMESPACE]
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=END_SECONDS, check=False
        )

    def _end_tasks(self) -> None:
        """End the containers that are left, and with them their shims, which are no children of ours."""
        for task in self._ctr("tasks", "list", "--quiet").stdout.split():
            self._ctr("tasks", "delete", "--force", task)
        with contextlib.suppress(LocalClusterError):
            wait_until(
                lambda: not self._ctr("tasks", "list", "--quiet").stdout.split(),
                "all containers have ended",
                deadline_seconds=END_SECONDS,
            )

    @staticmethod
    def _cgroup_roots() -> list[Path]:
        """The roots of the hierarchies: one in version 2, one for each controller in version 1."""
        if (CGROUPS / "cgroup.controllers").exists():
            return [CGROUPS]
        return sorted(
            {path.resolve() for path in CGROUPS.iterdir() if path.is_dir() and path.name != "unified"}
        )


def _needed() -> Path:
    """Return where runc is. Raises: LocalClusterError with what is missing."""
    if os.geteuid() != 0:
        raise LocalClusterError("A real node needs root: kubelet and containerd make cgroups and mounts.")
    if (runc := shutil.which("runc")) is None:
        raise LocalClusterError("A real node needs runc: install your distribution's package `runc`.")
    if platform.machine() not in ARCHITECTURES:
        raise LocalClusterError(f"A real node was never tried on {platform.machine()}.")
    return Path(runc)


def _unmount_below(folder: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    # The deepest first: a mount may lie in another.
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, timeout=END_SECONDS, check=False)


def _remove_cgroups(root: Path) -> None:
    """Remove a tree of cgroups from its leaves; one whose last process is still ending is tried for a second."""
    deadline = time.monotonic() + 1
    for folder in sorted((p for p in [root, *root.rglob("*")] if p.is_dir()), key=lambda p: -len(p.parts)):
        while True:
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                if time.monotonic() < deadline:
                    time.sleep(POLL_SECONDS)
                    continue
            break


def main() -> int:
    """Say what a node lacks here, or find and build its programs."""
    try:
        _needed()
        ensure(tuple(NODE_TOOLS))
    except LocalClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
