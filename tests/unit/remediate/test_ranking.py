"""Which action is proposed first: what helped here, and what was never tried before what keeps failing."""

from datetime import timedelta

import pytest

from podvigil.api.outcomes import OutcomeCount
from podvigil.api.reasons import Reason
from podvigil.api.signals import Signal
from podvigil.remediate.propose.backoff import backing_off
from podvigil.remediate.propose.ranking import Evidence, evidence, ranked
from podvigil.remediate.validation.outcomes import Memory, Trouble
from unit.remediate.world import NOW

WEB = Trouble(Signal.MEMORY_HIGH, "shop", "Deployment", "web")


def count(
    action: str, attempts: int, succeeded: int, *, target: str = "web", inconclusive: int = 0
) -> OutcomeCount:
    return OutcomeCount(
        signal=Signal.MEMORY_HIGH,
        action=action,
        namespace="shop",
        kind="Deployment",
        target=target,
        attempts=attempts,
        succeeded=succeeded,
        inconclusive=inconclusive,
    )


@pytest.mark.parametrize(
    ("succeeded", "failed", "mean"),
    [(0, 0, 1 / 2), (1, 0, 2 / 3), (0, 1, 1 / 3), (4, 1, 5 / 7), (0, 5, 1 / 7)],
)
def test_the_mean_of_a_beta_posterior(succeeded: int, failed: int, mean: float) -> None:
    assert Evidence(succeeded, failed).mean == pytest.approx(mean)


@pytest.mark.parametrize(
    ("counts", "order"),
    [
        pytest.param([], ["Restart", "Scale"], id="nothing-known-keeps-the-diagnosis"),
        pytest.param([count("Restart", 1, 0)], ["Scale", "Restart"], id="a-failure-goes-behind-the-untried"),
        pytest.param([count("Scale", 1, 1)], ["Scale", "Restart"], id="a-success-goes-first"),
        # 3/4 = (2 + 1) / (2 + 2) for Scale, 5/7 = (4 + 1) / (5 + 2) for Restart
        pytest.param([count("Restart", 5, 4), count("Scale", 2, 2)], ["Scale", "Restart"], id="by-the-mean"),
        pytest.param([count("Restart", 2, 0, inconclusive=2)], ["Restart", "Scale"], id="not-judged-is-no-evidence"),
        pytest.param([count("Restart", 4, 0, target="db")], ["Scale", "Restart"], id="elsewhere-counts-too"),
        pytest.param(
            [count("Restart", 1, 1), count("Restart", 4, 0, target="db")],
            ["Restart", "Scale"],
            id="its-own-past-counts-alone",
        ),
    ],
)  # fmt: skip
def test_ranked(counts: list[OutcomeCount], order: list[str]) -> None:
    assert list(ranked(Memory(tuple(counts)), WEB, ["Restart", "Scale", "Restart"])) == order


def test_evidence_of_another_signal_is_none() -> None:
    memory = Memory((count("Restart", 5, 5),))
    assert evidence(memory, WEB._replace(signal=Signal.CPU_LOW), "Restart") == Evidence()


@pytest.mark.parametrize(
    ("failures", "ago", "left"),
    [
        pytest.param(1, timedelta(0), None, id="once-may-be-chance"),
        pytest.param(2, timedelta(0), timedelta(hours=1), id="twice"),
        pytest.param(2, timedelta(hours=1), None, id="twice-and-an-hour-ago"),
        pytest.param(3, timedelta(0), timedelta(hours=2), id="three-times"),
        pytest.param(5, timedelta(hours=3), timedelta(hours=5), id="five-times-and-three-hours-ago"),
        pytest.param(60, timedelta(0), timedelta(days=7), id="bounded"),
    ],
)
def test_what_keeps_failing_is_left_alone_for_longer(
    failures: int, ago: timedelta, left: timedelta | None
) -> None:
    known = count("Restart", failures, 0).model_copy(
        update={"failures_in_a_row": failures, "recurred": failures, "last_failure_time": NOW - ago}
    )
    refusal = backing_off(known, NOW)
    assert (refusal.retry_after if refusal else None) == left
    if refusal is not None:
        assert refusal.reason is Reason.RECURRING
        assert f"failed {failures} times in a row for MemoryHigh of Deployment shop/web" in refusal.message
