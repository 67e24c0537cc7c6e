"""How a finding gets its name."""

import pytest

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.signals import MODEL_SIGNALS, Signal
from podvigil.detect.explain import FeatureShare
from podvigil.detect.findings import model_signal
from unit.detect.troubles import finding, share


@pytest.mark.parametrize(
    ("explanation", "signal"),
    [
        pytest.param((share(Feature.MEMORY),), Signal.MEMORY_HIGH, id="above-expectation"),
        pytest.param((share(Feature.CPU, deviation=-4.0),), Signal.CPU_LOW, id="below-expectation"),
        pytest.param(
            (share(Feature.NETWORK_RECEIVE, 0.6), share(Feature.CPU, 0.4)),
            Signal.NETWORK_RECEIVE_HIGH,
            id="the-largest-share-names-it",
        ),
        pytest.param((), None, id="nothing-explains-it"),
        pytest.param((share(Feature.RESTARTS),), None, id="a-feature-that-the-model-does-not-judge"),
    ],
)
def test_the_leading_feature_names_the_trouble(
    explanation: tuple[FeatureShare, ...], signal: Signal | None
) -> None:
    assert model_signal(explanation) is signal


def test_every_feature_of_the_model_has_a_signal_in_both_directions() -> None:
    assert set(MODEL_SIGNALS) == {(f, up) for f in MODEL_FEATURES for up in (True, False)}


def test_only_what_has_a_score_was_estimated() -> None:
    assert finding().estimated
    assert finding(score=0.0).estimated
    assert not finding(score=None).estimated
