"""Who may talk to the local cluster: three people with fixed tokens, and any ServiceAccount."""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

import yaml

ADMIN: Final = "admin"
SERVICE_ACCOUNT_PREFIX: Final = "system:serviceaccount:"

GROUPS: Final = {ADMIN: "system:masters", "alice": "sre", "bob": "dev"}
"""The group of each person; what a group may do is up to the Roles that are applied."""

# Made anew by every process, so that no credential stands in the repository.
STATIC_TOKENS: Final = {user: secrets.token_hex(16) for user in GROUPS}


def token_file() -> str:
    """Text of the API server's `--token-auth-file`: token,user,uid,"group"."""
    return "".join(f'{STATIC_TOKENS[user]},{user},{user},"{group}"\n' for user, group in GROUPS.items())


def write_kubeconfig(path: Path, *, url: str, ca_file: Path, user: str, token: str) -> None:
    """Write a kubeconfig with one context, readable by its owner only, and replace an older one at once."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": {"server": url, "certificate-authority": str(ca_file)}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": user}}],
        "current-context": "local",
    }
    # A kubectl that reads a half-written file falls back to localhost:8080 without a word about it.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as new:
        yaml.safe_dump(config, new, sort_keys=False)
    os.replace(new.name, path)
