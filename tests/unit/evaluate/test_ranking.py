"""Ranking figures against arithmetic, and what must hold of any scores."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from podvigil.evaluate.labels import FAULT, IGNORED, NORMAL
from podvigil.evaluate.ranking import auc_pr, auc_roc, vus_pr

Case = tuple[np.ndarray, np.ndarray]


def row(*values: float) -> np.ndarray:
    return np.array([values])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Scores with ties and labels with at least one fault and one normal sample, (pods, T)."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(3, 40)))
    states = draw(npst.arrays(np.int8, shape, elements=st.sampled_from([FAULT, NORMAL, NORMAL, IGNORED])))
    states[0, 0], states[-1, -1] = FAULT, NORMAL
    return draw(npst.arrays(np.float64, shape, elements=st.integers(-8, 8))), states


def figures(scores: np.ndarray, states: np.ndarray) -> tuple[float, ...]:
    kept = states != IGNORED
    flat, fault = scores[kept], states[kept] == FAULT
    return auc_pr(flat, fault), auc_roc(flat, fault), vus_pr([scores], [states])


def test_auc_pr_is_average_precision() -> None:
    # Falling: 4 (fault), 3, 2 (fault), 1. Precision at the faults: 1/1 and 2/3; half of the recall each.
    fault = np.array([True, False, True, False])
    assert auc_pr(np.array([4.0, 3.0, 2.0, 1.0]), fault) == pytest.approx((1 + 2 / 3) / 2)


def test_auc_pr_takes_equal_scores_as_one_step() -> None:
    # All alike: the only threshold alarms on all four, precision 2/4 at recall 1. Order must not help.
    assert auc_pr(np.ones(4), np.array([True, True, False, False])) == 0.5


def test_auc_roc_counts_pairs() -> None:
    # Faults 4 and 2 against normal 3 and 2: 4 beats both (2), 2 ties with one (0.5), loses to one: 2.5 of 4.
    assert auc_roc(np.array([4.0, 3.0, 2.0, 2.0]), np.array([True, False, True, False])) == 2.5 / 4


@pytest.mark.parametrize("states", [row(0, 0, 0), row(-1, 0, 0)], ids=["normal", "ignored"])
def test_without_a_fault_there_is_no_figure(states: np.ndarray) -> None:
    assert np.isnan(vus_pr([row(1.0, 2.0, 3.0)], [states.astype(np.int8)]))
    assert np.isnan(auc_pr(np.ones(2), np.zeros(2, bool)))
    assert np.isnan(auc_roc(np.ones(2), np.zeros(2, bool)))


def test_vus_pr_by_hand() -> None:
    # 9 samples, fault at 4 alone; scores 2 there, 1 on both sides, 0 elsewhere. Thresholds: 2, then values in
    # (1, 2), which alarm on the same sample, 1 (three samples), values in (0, 1), the same three, and 0.
    # Buffer l: credit c = sqrt(1 - 1/l) at distance 1 for l = 2 to 5, c2 = sqrt(1 - 2/l) at distance 2 for l = 4, 5.
    scores = row(0, 0, 0, 1, 2, 1, 0, 0, 0).astype(float)
    states = row(0, 0, 0, 0, 1, 0, 0, 0, 0).astype(np.int8)
    areas = []
    for width in range(6):
        near = np.sqrt(1 - 1 / width) if width >= 2 else 0.0
        far = np.sqrt(1 - 2 / width) if width >= 4 else 0.0
        total = 1 + 2 * near + 2 * far
        wanted = (1 + total) / 2  # mean of hard credit 1 and all soft credit
        area, before = 0.0, 0.0
        for caught, alarmed in ((1.0, 1), (1 + 2 * near, 3), (total, 9)):
            recall = min(caught / wanted, 1.0)
            area += (recall - before) * caught / alarmed
            before = recall
        areas.append(area)
    assert areas[:2] == [1.0, 1.0]
    assert vus_pr([scores], [states]) == pytest.approx(np.mean(areas), abs=1e-12)


def test_half_of_the_faults_halves_the_recall() -> None:
    # Two faults of one sample, far apart; one found at the top, the other at 0 with all else. Buffer 0: recall
    # 1/2 credit × 1/2 faults = 1/4 at precision 1, then 1 at precision 2/40: 1/4 + 3/4 × 2/40.
    scores, states = np.zeros((1, 40)), np.zeros((1, 40), np.int8)
    states[0, [8, 30]] = FAULT
    scores[0, 8] = 1.0
    hard = 1 / 4 + 3 / 4 * 2 / 40
    # Buffers 2 to 5 share the peak but have more credit to miss, so they are below; 0 and 1 are `hard`.
    assert hard * 2 / 6 < vus_pr([scores], [states]) < hard


def test_ignored_samples_never_count() -> None:
    scores, states = row(0.0, 9.0, 3.0, 0.0, 1.0), row(0, -1, 1, 0, 0).astype(np.int8)
    other = scores.copy()
    other[0, 1] = -9.0
    assert figures(scores, states) == figures(other, states)


@given(cases())
def test_a_perfect_score_is_1_in_hard_figures(case: Case) -> None:
    _, states = case
    precision, roc, volume = figures((states == FAULT) * 1.0, states)
    assert precision == roc == 1.0
    assert 0 < volume <= 1


@given(cases())
def test_all_figures_lie_in_0_to_1(case: Case) -> None:
    assert all(0 <= figure <= 1 + 1e-12 for figure in figures(*case))


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_pods_does_not_matter(case: Case, random: Any) -> None:
    order = list(range(len(case[0])))
    random.shuffle(order)
    assert figures(case[0][order], case[1][order]) == pytest.approx(figures(*case), abs=1e-12)


@given(cases())
def test_only_the_order_of_scores_matters(case: Case) -> None:
    scores, states = case
    assert figures(np.sinh(scores / 4) + 100, states) == pytest.approx(figures(scores, states), abs=1e-12)


@given(cases())
def test_nothing_is_changed(case: Case) -> None:
    scores, states = case[0].copy(), case[1].copy()
    figures(*case)
    assert (scores == case[0]).all()
    assert (states == case[1]).all()


@given(st.lists(cases(), min_size=2, max_size=2))
def test_pods_in_one_array_or_in_two_ranges_are_the_same(both: list[Case]) -> None:
    length = min(case[0].shape[1] for case in both)
    scores = [case[0][:, :length] for case in both]
    states = [case[1][:, :length] for case in both]
    assert vus_pr([np.concatenate(scores)], [np.concatenate(states)]) == pytest.approx(
        vus_pr(scores, states), abs=1e-12
    )
