"""Whether pods that must leave a node would find room on the others; pure."""
