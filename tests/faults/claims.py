"""Claims of executors that are gone, made old: what CLAIM_AGE does by waiting."""

from typing import Any, Final

import requests

from localcluster.controlplane import ControlPlane
from shop import now

REQUESTS: Final = "/apis/podvigil.io/v1alpha1/remediationrequests"
AGE_SECONDS: Final = 60.0
"""Beyond CLAIM_AGE."""

TIME_OUT_SECONDS: Final = 10.0


def age_claims(cluster: ControlPlane, executor: str) -> None:
    """Make the open claims of this executor old enough to be taken over.

    A request that somebody wrote in between is left as it is: its claim may be another's by now.
    """
    for request in cluster.read(REQUESTS)["items"]:
        execution = (request.get("status") or {}).get("execution") or {}
        if execution.get("claimedBy") == executor and not execution.get("finishedAt"):
            _age(cluster, request["metadata"])


def _age(cluster: ControlPlane, metadata: dict[str, Any]) -> None:
    path = REQUESTS.replace(
        "/remediationrequests", f"/namespaces/{metadata['namespace']}/remediationrequests"
    )
    answer = requests.patch(
        f"{cluster.url}{path}/{metadata['name']}/status",
        json={
            "metadata": {"resourceVersion": metadata["resourceVersion"]},
            "status": {"execution": {"claimedAt": now(-AGE_SECONDS)}},
        },
        headers={
            "Authorization": f"Bearer {cluster.token('admin')}",
            "Content-Type": "application/merge-patch+json",
        },
        verify=str(cluster.ca_file),
        timeout=TIME_OUT_SECONDS,
    )
    if answer.status_code not in (requests.codes.ok, requests.codes.conflict, requests.codes.not_found):
        answer.raise_for_status()
