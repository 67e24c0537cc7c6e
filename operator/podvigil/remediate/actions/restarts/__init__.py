"""The ways in which pods are replaced: by their controller, or evicted one at a time."""
