"""The actions by name, one file for each; docs/actions.md says how another package adds one."""

from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.remediate.actions.base import Action
from podvigil.remediate.actions.cordon import Cordon
from podvigil.remediate.actions.drain.drain import Drain
from podvigil.remediate.actions.restart import Restart
from podvigil.remediate.actions.rollback import Rollback
from podvigil.remediate.actions.run_job import RunJob
from podvigil.remediate.actions.scale import Scale
from podvigil.remediate.actions.set_resources import SetResources
from podvigil.remediate.actions.uncordon import Uncordon

SHIPPED: Final[tuple[Action[Any], ...]] = (
    Restart(),
    Scale(),
    SetResources(),
    Rollback(),
    RunJob(),
    Cordon(),
    Uncordon(),
    Drain(),
)

ACTIONS: Final[dict[str, Action[Any]]] = {ActionName(action.name): action for action in SHIPPED}
