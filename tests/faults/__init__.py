"""Faults between the operator and what it talks to."""
