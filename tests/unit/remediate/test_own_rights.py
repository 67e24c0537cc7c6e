"""Which RBAC rules would let their holder decide."""

from typing import Any

import pytest

from podvigil.remediate.authority.own_rights import deciding_rights


def rule(**fields: Any) -> dict[str, Any]:
    return {"apiGroups": ["podvigil.io"], "resources": ["remediationactions"], "verbs": ["approve"], **fields}


@pytest.mark.parametrize(
    ("given", "rights"),
    [
        pytest.param(rule(resourceNames=["restart"]), ("approve restart",), id="one-action"),
        pytest.param(
            rule(resourceNames=["example.com/flushcache"], verbs=["auto-approve"]),
            ("auto-approve example.com/flushcache",),
            id="another-package's-action",
        ),
        pytest.param(rule(), ("approve every action",), id="every-action"),
        pytest.param(
            rule(apiGroups=["*"], resources=["*"], verbs=["*"]),
            (
                "approve every action",
                "auto-approve every action",
                "patch remediationrequests",
                "update remediationrequests",
            ),
            id="cluster-admin",
        ),
        pytest.param(rule(verbs=["execute"]), (), id="to-execute-is-not-to-decide"),
        pytest.param(rule(resources=["remediationrequests/status"], verbs=["patch"]), (), id="a-status"),
        pytest.param(
            rule(resources=["remediationrequests"], verbs=["patch"]),
            ("patch remediationrequests",),
            id="writing",
        ),
        pytest.param(rule(apiGroups=["apps"]), (), id="another-group"),
        pytest.param(rule(apiGroups=None), (), id="of-no-resource"),
    ],
)
def test_rights(given: dict[str, Any], rights: tuple[str, ...]) -> None:
    assert deciding_rights([given, rule(verbs=["get"])]) == rights
