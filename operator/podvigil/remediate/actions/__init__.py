"""The registry of actions: one file each, all with the same verbs (`base.Action`)."""

from typing import Final

from podvigil.api.actions import ActionName
from podvigil.remediate.actions.base import Action
from podvigil.remediate.actions.restart import Restart
from podvigil.remediate.actions.scale import Scale

ACTIONS: Final[dict[ActionName, Action]] = {ActionName.RESTART: Restart(), ActionName.SCALE: Scale()}
