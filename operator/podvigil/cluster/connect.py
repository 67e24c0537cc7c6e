"""Where the API server is and who we are to it: for our own client and for kopf's, from the same place."""

import os
from pathlib import Path
from typing import Any, Final

import kopf
import urllib3
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

from podvigil.cluster.errors import BadCredentials
from podvigil.cluster.kubeconfig import check

_CONTEXT_FILE: Final = Path("~/.kube/config")
_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

POOL_SIZE: Final = 16
"""Connections kept open. More than the threads that call, so that none waits for another's."""


def connect(kubeconfig: Path | None = None, context: str | None = None) -> client.ApiClient:
    """Make the client: from `kubeconfig`, else $KUBECONFIG, else in-cluster, else ~/.kube/config.

    A ServiceAccount's token is bound and rotates; the client re-reads its file once a minute.

    Raises: BadCredentials when there are none that can be used; it says where we looked.
    """
    found = _configuration(kubeconfig, context)
    try:
        return client.ApiClient(found)
    except (OSError, urllib3.exceptions.HTTPError) as error:
        # What it makes of them: certificates that are none (an SSLError is an OSError), a proxy without a scheme.
        raise BadCredentials(f"the server, proxy or certificates of the kubeconfig: {error}") from error


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

    Raises: BadCredentials when the file cannot be read or has no such context.
    """
    explicit = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")
    if not explicit and not _CONTEXT_FILE.expanduser().exists():
        return own_namespace()
    chosen = _context(explicit or str(_CONTEXT_FILE.expanduser()), context)
    return chosen["context"].get("namespace") or None


def own_namespace(default: str | None = None) -> str | None:
    """The namespace this process runs in: $POD_NAMESPACE, else the ServiceAccount's, else `default`."""
    if named := os.environ.get("POD_NAMESPACE"):
        return named
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip() or default
    except FileNotFoundError:
        return default


def _context(explicit: str, context: str | None) -> dict[str, Any]:
    """A context of kubeconfig files, without a name the current one. Raises: BadCredentials naming those there are."""
    check(explicit)
    try:
        contexts, active = config.list_kube_config_contexts(config_file=explicit)
    except ConfigException as error:
        raise BadCredentials(f"{explicit}: {error}") from error
    found: dict[str, Any] | None = active
    if context:
        found = next((c for c in contexts if c["name"] == context), None)
    if found is None:
        known = ", ".join(sorted(c["name"] for c in contexts))
        raise BadCredentials(f"{explicit}: there is no context {context!r}: there are {known}")
    return found


def _configuration(kubeconfig: Path | None, context: str | None) -> client.Configuration:
    found = client.Configuration()
    explicit = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")
    in_cluster = bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
    if not explicit and not in_cluster and _CONTEXT_FILE.expanduser().exists():
        explicit = str(_CONTEXT_FILE.expanduser())
    try:
        if explicit:
            check(explicit)
            if context:
                _context(explicit, context)
            # persist_config=False: a refreshed token is not written into somebody's file.
            config.load_kube_config(
                config_file=explicit, context=context, client_configuration=found, persist_config=False
            )
        elif in_cluster:
            config.load_incluster_config(client_configuration=found)
        else:
            raise BadCredentials(
                "no --kubeconfig, no $KUBECONFIG, not inside a cluster and no ~/.kube/config; name one of them"
            )
    except (ConfigException, OSError, ValueError) as error:
        where = explicit or "the pod's ServiceAccount"
        raise BadCredentials(f"{where}: {error}") from error
    found.connection_pool_maxsize = POOL_SIZE
    return found
