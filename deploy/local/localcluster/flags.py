"""Command lines and files of the control plane's programs. Pure: nothing is started here."""

import base64
import secrets
from pathlib import Path
from typing import Final

import yaml

CLIENT_QPS: Final = 500
"""Requests a second of controllers and scheduler; the default of 20 makes a thousand pods take a minute."""

AUDIT_POLICY: Final = """\
apiVersion: audit.k8s.io/v1
kind: Policy
# One line for each request, when it is answered; watches would otherwise be logged twice.
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: Metadata
"""

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# SEC 1 ECPrivateKey with the curve's name and without the public key, which Go computes for itself.
EC_KEY_HEAD: Final = bytes.fromhex("30310201010420")
EC_KEY_TAIL: Final = bytes.fromhex("a00a06082a8648ce3d030107")


def new_signing_key() -> str:
    """Make the key that signs ServiceAccount tokens, as PEM. Saves asking for openssl on the machine."""
    scalar = secrets.randbelow(P256_ORDER - 1) + 1
    der = EC_KEY_HEAD + scalar.to_bytes(32, "big") + EC_KEY_TAIL
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}-----END EC PRIVATE KEY-----\n"


def etcd(folder: Path, client_port: int, peer_port: int) -> list[str]:
    """Etcd for one member, without the disk's guarantees: the data is thrown away anyhow."""
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver(folder: Path, port: int, etcd_port: int) -> list[str]:
    """kube-apiserver on the loopback address, with a certificate of its own making."""
    signing_key = folder / "service-accounts.key"
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder / 'certs'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        f"--service-account-key-file={signing_key}",
        f"--service-account-signing-key-file={signing_key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged=true",
        f"--audit-policy-file={folder / 'audit-policy.yaml'}",
        f"--audit-log-path={folder / 'audit.log'}",
        # In megabytes: beyond it the file is begun anew (at 100 by default), and whoever reads it misses the rest.
        "--audit-log-maxsize=10000",
        # An interrupted watch must not hold up the end of a test.
        "--shutdown-delay-duration=0s",
    ]


def controller_manager(folder: Path, kubeconfig: Path) -> list[str]:
    """kube-controller-manager; it serves nothing itself (port 0)."""
    return [
        f"--kubeconfig={kubeconfig}",
        "--secure-port=0",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={folder / 'service-accounts.key'}",
        f"--root-ca-file={folder / 'certs' / 'apiserver.crt'}",
        "--leader-elect=false",
        f"--kube-api-qps={CLIENT_QPS}",
        f"--kube-api-burst={2 * CLIENT_QPS}",
    ]


def scheduler(folder: Path) -> list[str]:
    """kube-scheduler; it serves nothing itself (port 0)."""
    return [f"--config={folder / 'scheduler.yaml'}", "--secure-port=0"]


def scheduler_config(kubeconfig: Path) -> str:
    """File for kube-scheduler; only here can its request rate be raised."""
    config = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"kubeconfig": str(kubeconfig), "qps": CLIENT_QPS, "burst": 2 * CLIENT_QPS},
    }
    return yaml.safe_dump(config, sort_keys=False)
