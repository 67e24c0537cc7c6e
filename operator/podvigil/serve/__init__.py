"""What the operator shows over HTTP: whether it lives, whether it can work, and its metrics."""
