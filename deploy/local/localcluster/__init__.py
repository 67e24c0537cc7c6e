"""A real Kubernetes control plane on loopback ports, for the demo and the integration tests.

Needs no Docker and no root: the binaries are built from `deploy/local/tools` with Go, nodes are simulated by
KWOK, metrics are scraped by a real Prometheus. Nothing of the operator is imported here.
"""
