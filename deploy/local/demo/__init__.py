"""The main job from nothing to a repaired workload, on a real control plane: `make demo`."""
