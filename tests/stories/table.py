"""Writes docs/scenarios.md from the scenario files: `python -m stories.table docs/scenarios.md`."""

import sys
from pathlib import Path

from stories.model import Scenario, all_scenarios

HEAD = """# Scenarios

What Podvigil does when something goes wrong, as it is played on a real control plane by
`tests/integration/test_scenarios.py`: the files are in `tests/scenarios`, and `make scenarios` writes this page from
them. "Calls" are all that the executor wrote, in order, from the API server's audit log; dry runs and what it says in
the request's status are left out.

| scenario | what happens | proposed | objections | decision | calls | outcome |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """Return the whole page."""
    return HEAD + "".join(_row(name, scenario) for name, scenario in all_scenarios().items())


def _row(name: str, scenario: Scenario) -> str:
    proposal = scenario.proposal
    cells = (
        f"`{name}`",
        scenario.story,
        _proposed(scenario),
        ", ".join(f"`{r}`" for r in scenario.preflight.refusals) if scenario.preflight else "",
        _decision(scenario) if proposal.action else "",
        "<br>".join(f"`{call}`" for call in scenario.calls) or "none",
        scenario.end.get("Succeeded", "").split(" ")[-1] if proposal.action else "",
    )
    return "| " + " | ".join(cell.strip().replace("\n", " ") for cell in cells) + " |\n"


def _proposed(scenario: Scenario) -> str:
    proposal = scenario.proposal
    if scenario.world.remediation.get("mode") == "Off":
        return "nothing"  # the analyst does not even ask, so that no reason is shown to anybody
    if proposal.action is None:
        return f"nothing: `{proposal.withheld}`"
    return f"nothing: `{proposal.first}`; then {proposal.action}" if proposal.first else proposal.action


def _decision(scenario: Scenario) -> str:
    decision = scenario.decision
    if decision.refused is not None:
        return f"{decision.by}: refused by the API server"
    if decision.decision == "Rule":
        return f"{decision.by}, by a rule"
    return f"{decision.by}: {decision.decision}" if decision.decision != "Nothing" else "nobody decides"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
