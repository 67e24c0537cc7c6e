"""The generator: what it labels is what it did, and the same seed does the same."""

import numpy as np
import pytest

from podvigil.training.cluster import CPU, FAULT, IGNORED, MEMORY, NORMAL, Cluster, Draft
from podvigil.training.faults import FAULTS, inject
from podvigil.training.generate import Recipe, generate
from podvigil.training.operations import OPERATIONS

STEPS, PODS, INTERVAL = 600, 8, 15.0


def cluster(seed: int) -> Cluster:
    return generate(np.random.default_rng(seed))


def quiet(seed: int = 0) -> Draft:
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal([-3, 18, 7, 7], 0.05, (STEPS, PODS, 4)))
    return Draft.quiet(values, np.arange(PODS) // 2, INTERVAL, STEPS // 3)


@pytest.mark.parametrize("seed", range(8))
def test_a_cluster_is_whole(seed: int) -> None:
    made = cluster(seed)
    steps, pods = made.present.shape
    assert made.values.shape == (steps, pods, 4)
    assert made.labels.shape == (steps, pods)
    assert 0 < made.history < steps
    there = made.values[np.isfinite(made.values)]
    assert (there >= 0).all()
    assert np.isnan(made.values[~made.present]).all()
    assert (made.labels[~made.present] == IGNORED).all()
    assert np.isfinite(made.values[..., [CPU, MEMORY]]).any(axis=(0, 2)).all()


@pytest.mark.parametrize("seed", range(8))
def test_samples_are_missing_only_where_something_took_them(seed: int) -> None:
    """Absent pods, restarts, lost scrapes; every other sample of CPU is there."""
    made = cluster(seed)
    excused = ~made.present
    for event in made.operations:
        pods = slice(None) if event.kind == "ScrapeGap" else event.pod
        excused[event.start : event.end, pods] = True
    assert np.isfinite(made.values[..., CPU][~excused]).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_same_seed_makes_the_same_cluster(seed: int) -> None:
    one, other = cluster(seed), cluster(seed)
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.labels, other.labels)
    assert one.faults == other.faults
    assert one.operations == other.operations


def test_other_seeds_make_other_clusters() -> None:
    assert not np.array_equal(cluster(0).values[:100, :5], cluster(1).values[:100, :5], equal_nan=True)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_changes_what_it_labels(kind: str) -> None:
    before, draft = quiet(), quiet()
    inject(draft, np.random.default_rng(5), per_pod_hour=0.5, first=200, kinds=(kind,))
    assert draft.faults
    for event in draft.faults:
        assert event.kind == kind
        assert event.start >= 200
        labelled = draft.labels[event.start : event.end, event.pod]
        assert set(np.unique(labelled)) <= {FAULT, IGNORED}
        assert FAULT in labelled
        at_fault = event.start + np.flatnonzero(labelled == FAULT)
        changed = draft.values[at_fault, event.pod] != before.values[at_fault, event.pod]
        assert changed.any(axis=1).mean() > 0.9  # a killed pod may have its old values for a sample


@pytest.mark.parametrize("kind", FAULTS)
def test_nothing_is_labelled_away_from_faults(kind: str) -> None:
    draft = quiet()
    inject(draft, np.random.default_rng(6), per_pod_hour=0.3, first=0, kinds=(kind,))
    near = np.zeros_like(draft.present)
    for event in draft.faults:
        near[event.start : event.end + draft.samples(120), event.pod] = True
    assert not (draft.labels[~near] == FAULT).any()


def test_without_faults_all_is_normal() -> None:
    draft = quiet()
    assert (draft.finished().labels == NORMAL).all()


def test_kinds_can_be_left_out() -> None:
    recipe = Recipe(kinds=("CpuHog", "Pause"))
    kinds = {
        event.kind for seed in range(6) for event in generate(np.random.default_rng(seed), recipe).faults
    }
    assert kinds == {"CpuHog", "Pause"}


@pytest.mark.parametrize("kind", OPERATIONS)
def test_an_operation_is_no_fault(kind: str) -> None:
    draft = quiet()
    end = OPERATIONS[kind](draft, np.random.default_rng(7), 3, 300)
    assert 300 <= end <= STEPS
    assert (draft.labels == NORMAL).all()
    changed = (draft.values != quiet().values).any() or not draft.present.all()
    assert changed


def test_every_kind_occurs() -> None:
    made = [cluster(seed) for seed in range(40)]
    assert {event.kind for one in made for event in one.faults} == set(FAULTS)
    assert {event.kind for one in made for event in one.operations} == set(OPERATIONS)
    assert {one.interval_seconds for one in made} == {5.0, 10.0, 15.0, 30.0, 60.0}
