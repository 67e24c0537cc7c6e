"""From a finding to a plan, and from an approved plan to a changed, watched and, if need be, restored workload."""
