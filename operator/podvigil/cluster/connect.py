"""Where the API server is and who we are to it: for our own client and for kopf's, from the same place."""

import os
from pathlib import Path
from typing import Any, Final

import kopf
import yaml
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

from podvigil.cluster.errors import Unavailable

_CONTEXT_FILE: Final = Path("~/.kube/config")
_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

POOL_SIZE: Final = 16
"""Connections kept open. More than the threads that call, so that none waits for another's."""


def connect(kubeconfig: Path | None = None, context: str | None = None) -> client.ApiClient:
    """Make the client: from `kubeconfig`, else $KUBECONFIG, else in-cluster, else ~/.kube/config.

    A ServiceAccount's token is bound and rotates; the client re-reads its file once a minute.

    Raises: Unavailable (status 0) when there are no usable credentials; it says where we looked.
    """
    return client.ApiClient(_configuration(kubeconfig, context))


def login(kubeconfig: Path | None = None, context: str | None = None) -> kopf.ConnectionInfo:
    """The same credentials for kopf, read anew on every call: kopf asks again after a 401.

    It carries no expiry on purpose: with one, two logins by an unchanged token would never be
    equal, and kopf would not notice that it was handed the token just refused.
    """
    found: Any = _configuration(kubeconfig, context)
    bearer = found.get_api_key_with_prefix("BearerToken", alias="authorization")
    scheme, _, token = (bearer or "").partition(" ")
    return kopf.ConnectionInfo(
        server=found.host,
        ca_path=found.ssl_ca_cert,
        insecure=None if found.verify_ssl else True,
        scheme=scheme.capitalize() if token else None,
        token=token.strip() or None,
        certificate_path=found.cert_file,
        private_key_path=found.key_file,
        default_namespace=own_namespace(),
    )


def context_namespace(kubeconfig: Path | None = None, context: str | None = None) -> str | None:
    """The namespace of a kubeconfig's context, as kubectl takes it; None: the context names none.

    Raises: Unavailable (status 0) when the file cannot be read or has no such context.
    """
    explicit = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")
    if not explicit and not _CONTEXT_FILE.expanduser().exists():
        return own_namespace()
    try:
        contexts, active = config.list_kube_config_contexts(config_file=explicit)
    except (ConfigException, OSError, yaml.YAMLError) as error:
        raise Unavailable(0, "BadCredentials", f"{explicit or _CONTEXT_FILE}: {error}") from error
    chosen = next((c for c in contexts if c["name"] == context), None) if context else active
    if chosen is None:
        known = ", ".join(sorted(c["name"] for c in contexts))
        raise Unavailable(0, "BadCredentials", f"there is no context {context!r}: there are {known}")
    return chosen["context"].get("namespace") or None


def own_namespace(default: str | None = None) -> str | None:
    """The namespace this process runs in: $POD_NAMESPACE, else the ServiceAccount's, else `default`."""
    if named := os.environ.get("POD_NAMESPACE"):
        return named
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip() or default
    except FileNotFoundError:
        return default


def _configuration(kubeconfig: Path | None, context: str | None) -> client.Configuration:
    found = client.Configuration()
    explicit = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")
    in_cluster = bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
    if not explicit and not in_cluster and _CONTEXT_FILE.expanduser().exists():
        explicit = str(_CONTEXT_FILE.expanduser())
    try:
        if explicit:
            _check_files(explicit)
            # persist_config=False: a refreshed token is not written into somebody's file.
            config.load_kube_config(
                config_file=explicit, context=context, client_configuration=found, persist_config=False
            )
        elif in_cluster:
            config.load_incluster_config(client_configuration=found)
        else:
            raise Unavailable(
                0,
                "NoCredentials",
                "no --kubeconfig, no $KUBECONFIG, not inside a cluster and no ~/.kube/config; name one of them",
            )
    except (ConfigException, OSError, ValueError, yaml.YAMLError) as error:
        where = explicit or "the pod's ServiceAccount"
        raise Unavailable(0, "BadCredentials", f"{where}: {error}") from error
    found.connection_pool_maxsize = POOL_SIZE
    return found


def _check_files(paths: str) -> None:
    """Refuse what the client's loader would stumble over: a file that holds no mapping."""
    for path in filter(None, paths.split(os.pathsep)):
        file = Path(path).expanduser()
        if file.exists() and not isinstance(yaml.safe_load(file.read_text(encoding="utf-8")), dict):
            raise ConfigException(f"{path} is no kubeconfig: it holds no mapping")
