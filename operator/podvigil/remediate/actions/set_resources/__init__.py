"""SetResources: other requests and limits for one container, in the running pods or in the pod template."""

from podvigil.remediate.actions.set_resources.action import SetResources

__all__ = ["SetResources"]
