"""The PromQL of volumes: how full each claim is, by the names that the kubelet and kube-state-metrics really use.

What is full on purpose is left out, as in kubernetes-mixin's alert KubePersistentVolumeFillingUp: claims of which the
driver says nothing or that are block devices (nothing used, nothing available), and those that are only read.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from podvigil.collect.errors import WrongLabels
from podvigil.collect.queries import namespace_matcher

CLAIM: Final = "persistentvolumeclaim"

_LABELS: Final = msgspec.json.Decoder(dict[str, str])


def fullness_query(namespaces: Collection[str] | None) -> str:
    """The share of each claim that is taken, 0 to 1, labelled namespace and persistentvolumeclaim.

    Full is when nothing is available: what a file system holds back for root is nobody's. A claim that is mounted on
    several nodes has a series of each. Raises: Unaskable as `namespace_matcher` does.
    """
    where = namespace_matcher(namespaces)
    left, used, capacity = (
        f"kubelet_volume_stats_{what}_bytes{{{where}}}" for what in ("available", "used", "capacity")
    )
    only_read = f'kube_persistentvolumeclaim_access_mode{{{where},access_mode="ReadOnlyMany"}} == 1'
    full = f"max by (namespace, {CLAIM}) (1 - {left} / ({capacity} > 0) and {used} > 0)"
    return f"{full} unless on (namespace, {CLAIM}) {only_read}"


def mounted_query(namespaces: Collection[str] | None) -> str:
    """The same by pod, too: one series for each pod and claim of it. Raises: as `fullness_query` does."""
    where = namespace_matcher(namespaces)
    mounts = f"kube_pod_spec_volumes_persistentvolumeclaims_info{{{where}}}"
    by_pod = f"max by (namespace, pod, {CLAIM}) ({mounts})"
    return f"{by_pod} * on (namespace, {CLAIM}) group_left () ({fullness_query(namespaces)})"


def claim_of(raw: bytes, source: str, query: str) -> tuple[str, str]:
    """Namespace and name of the claim that a series is about. Raises: WrongLabels when its labels do not say."""
    try:
        labels = _LABELS.decode(raw)
    except msgspec.DecodeError:
        labels = {}
    missing = tuple(label for label in ("namespace", CLAIM) if not labels.get(label))
    if missing:
        raise WrongLabels(source, query, raw[:200].decode("utf-8", "replace"), missing)
    return labels["namespace"], labels[CLAIM]
