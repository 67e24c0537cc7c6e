"""Reads the cluster: one request in, one frozen Context out."""
