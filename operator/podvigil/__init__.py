"""Podvigil: reports abnormal pods, explains them, and repairs them after a person approves."""

__version__ = "0.1.0"
