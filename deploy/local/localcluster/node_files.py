"""Files of a real node's programs. Pure: nothing is started here."""

import json
from pathlib import Path
from typing import Final

import yaml

IMAGE: Final = "localhost/podvigil/eater:1"
"""The only image that there is: also that of a pod's sandbox."""

CNI: Final = json.dumps({"cniVersion": "1.0.0", "name": "host", "plugins": [{"type": "loopback"}]})
"""Says that there is a network, so that the node is Ready. Pods on the host's network never ask for it."""


def containerd(folder: Path, socket: Path, runc: Path) -> str:
    """Return containerd's configuration (version 3, containerd 2)."""
    return f"""\
version = 3
root = "{folder}/containerd"
state = "{folder}/containerd-state"

[grpc]
address = "{socket}"

[ttrpc]
address = "{socket}.ttrpc"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
# Without CAP_SYS_RESOURCE, as in many containers, no score can be lowered.
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{folder}/cni-bin"]
conf_dir = "{folder}/cni"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false
"""


def kubelet(folder: Path, socket: Path, *, cgroup_root: str, port: int) -> str:
    """Return the kubelet's configuration: everything in its folder and in its own cgroup."""
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}},
        "authorization": {"mode": "Webhook"},
        "address": "127.0.0.1",
        "port": port,
        "healthzPort": 0,
        "containerRuntimeEndpoint": f"unix://{socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup_root,
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        "resolvConf": "",
        "podLogsDir": f"{folder}/pod-logs",
        "volumePluginDir": f"{folder}/volume-plugins",
        # The machine's disk may be as full as it likes.
        "evictionHard": {"memory.available": "16Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": False,
        # As fast as a test wants to see a container come back.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "2s"},
        "featureGates": {"KubeletCrashLoopBackOffMax": True},
    }
    return yaml.safe_dump(config, sort_keys=False)
