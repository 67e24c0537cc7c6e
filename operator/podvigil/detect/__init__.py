"""From samples to findings: what is abnormal, by how much, and because of which feature."""
