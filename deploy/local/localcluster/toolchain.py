"""What the local cluster runs, in which versions, and how each program is built from `deploy/local/tools`."""

import hashlib
import platform
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from localcluster.errors import BinaryError

TOOLS_FOLDER: Final = Path(__file__).resolve().parents[1] / "tools"
NODE_FOLDER: Final = Path(__file__).resolve().parents[1] / "node"
CONTAINERD_FOLDER: Final = NODE_FOLDER / "containerd"
"""A Go module of its own: its requirements clash with those of Kubernetes."""
GO_MINIMUM: Final = (1, 26)
KUBERNETES: Final = "k8s.io/kubernetes"
KWOK: Final = "sigs.k8s.io/kwok"
PROMETHEUS: Final = "github.com/prometheus/prometheus"
ETCD: Final = "go.etcd.io/etcd/server/v3"
CONTAINERD: Final = "github.com/containerd/containerd/v2"

PROMETHEUS_TAGS: Final = ("remove_all_sd", "enable_kubernetes_sd")
"""Leaves out the service discovery of some twenty clouds: half the build time."""

CONTAINERD_TAGS: Final = ("no_btrfs", "no_zfs", "no_devmapper")
"""Leaves out what needs libraries of the system."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program: its Go package, its module, and how long a first build took on two cores."""

    name: str
    package: str
    module: str
    cold_build_seconds: int
    tags: tuple[str, ...] = ()
    folder: Path = TOOLS_FOLDER
    """Of the Go module that pins it."""


# In the order in which they are best built: the large ones warm the compiler's cache for the rest.
TOOLS: Final = {
    tool.name: tool
    for tool in (
        Tool("etcd", ETCD, ETCD, 61),
        Tool("kube-apiserver", f"{KUBERNETES}/cmd/kube-apiserver", KUBERNETES, 321),
        Tool("kubectl", f"{KUBERNETES}/cmd/kubectl", KUBERNETES, 22),
        Tool("kube-controller-manager", f"{KUBERNETES}/cmd/kube-controller-manager", KUBERNETES, 55),
        Tool("kube-scheduler", f"{KUBERNETES}/cmd/kube-scheduler", KUBERNETES, 4),
        Tool("kwok", f"{KWOK}/cmd/kwok", KWOK, 9),
        Tool("prometheus", f"{PROMETHEUS}/cmd/prometheus", PROMETHEUS, 75, PROMETHEUS_TAGS),
        Tool("promtool", f"{PROMETHEUS}/cmd/promtool", PROMETHEUS, 5, PROMETHEUS_TAGS),
    )
}


NODE_TOOLS: Final = {
    tool.name: tool
    for tool in (
        # Of the same module as the API server, whose go.sum holds all it needs.
        Tool("kubelet", f"{KUBERNETES}/cmd/kubelet", KUBERNETES, 35),
        *(
            Tool(name, f"{CONTAINERD}/cmd/{name}", CONTAINERD, seconds, CONTAINERD_TAGS, CONTAINERD_FOLDER)
            for name, seconds in (("containerd", 110), ("containerd-shim-runc-v2", 5), ("ctr", 15))
        ),
    )
}
"""What a real node runs besides; only the tests of `make node` ask for it."""


@cache
def pinned_version(module: str, folder: Path = TOOLS_FOLDER) -> str:
    """Version of a module in a go.mod, such as v1.36.3. Raises: BinaryError when it is not there."""
    text = (folder / "go.mod").read_text()
    found = re.search(rf"^\t{re.escape(module)} (v\S+)", text, re.MULTILINE)
    if found is None:
        raise BinaryError(f"{folder / 'go.mod'} requires no module {module}")
    return found[1]


def release_version(tool: Tool) -> str:
    """Version that the program prints, without the v: 1.36.3. Prometheus 3.13.0 is its module's v0.313.0."""
    version = pinned_version(tool.module, tool.folder).removeprefix("v")
    if tool.module == PROMETHEUS:
        _, minor, patch = version.split(".")
        return f"{minor[0]}.{int(minor[1:])}.{patch}"
    return version


def link_flags() -> str:
    """Flags for the linker: no debug tables, and the versions that release builds carry."""
    kubernetes = pinned_version(KUBERNETES)
    major, minor, _ = kubernetes.removeprefix("v").split(".", 2)
    values = {
        "k8s.io/component-base/version.gitVersion": kubernetes,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "github.com/prometheus/common/version.Version": release_version(TOOLS["prometheus"]),
    }
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in values.items())])


def cache_key(folder: Path = TOOLS_FOLDER) -> str:
    """Name for what one state of go.mod, go.sum and the flags builds on this kind of machine."""
    digest = hashlib.sha256()
    for part in (
        (folder / "go.mod").read_bytes(),
        (folder / "go.sum").read_bytes(),
        link_flags().encode(),
        f"{platform.system()}/{platform.machine()}".encode(),
    ):
        digest.update(part)
    return digest.hexdigest()[:12]


def check_go() -> str:
    """Return the version of Go on this machine.

    Raises: BinaryError that says how to mend it, when Go is missing or too old.
    """
    wanted = ".".join(map(str, GO_MINIMUM))
    mend = (
        f"The local cluster is built with Go {wanted} or newer: install it from your system's packages or from "
        "go.dev, and see that `go version` finds it. Or set KUBEBUILDER_ASSETS to a folder with "
        f"{', '.join(TOOLS)}."
    )
    try:
        # In the tools folder, so that a go that fetches the toolchain named in go.mod may do so.
        answer = subprocess.run(
            ["go", "env", "GOVERSION"],
            cwd=TOOLS_FOLDER,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except FileNotFoundError as error:
        raise BinaryError(f"Go is not on the PATH. {mend}") from error
    version = answer.stdout.strip()
    found = re.match(r"go(\d+)\.(\d+)", version)
    if answer.returncode != 0 or found is None:
        raise BinaryError(f"Go cannot be used: {answer.stderr.strip() or version}\n{mend}")
    if (int(found[1]), int(found[2])) < GO_MINIMUM:
        raise BinaryError(f"Go is too old: {version}. {mend}")
    return version
