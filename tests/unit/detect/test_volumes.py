"""Which volumes are told of, and how surely."""

from datetime import timedelta

import pytest

from podvigil.api.features import Feature
from podvigil.api.pods import PodKey
from podvigil.api.signals import Signal
from podvigil.detect.forecast import LimitForecast
from podvigil.detect.volumes import FULL, NEARLY_FULL, PROBABILITY, VolumeFacts, volume_findings
from unit.detect.troubles import WEB

HOUR = timedelta(hours=1)


def filling(estimate: float, latest: float) -> LimitForecast:
    """Full in about so many hours, and with nine chances of ten before `latest`."""
    return LimitForecast(Feature.STORAGE, 1.0, estimate * HOUR, estimate * HOUR / 2, latest * HOUR)


def facts(full: float, forecast: LimitForecast | None = None) -> VolumeFacts:
    return VolumeFacts(PodKey("shop", "db-0"), WEB, "data-db-0", full, forecast)


@pytest.mark.parametrize(
    ("full", "forecast", "over", "probability"),
    [
        pytest.param(0.8, filling(3, 5), True, PROBABILITY, id="full-within-the-day"),
        pytest.param(0.8, filling(20, 24), True, PROBABILITY, id="full-by-tomorrow"),
        pytest.param(0.8, filling(20, 25), False, PROBABILITY, id="maybe-later"),
        pytest.param(0.8, filling(48, 90), False, PROBABILITY, id="what-is-open-stays-open"),
        pytest.param(FULL, None, True, 1.0, id="full-and-no-longer-growing"),
        pytest.param(NEARLY_FULL, None, False, PROBABILITY, id="was-full-a-moment-ago"),
        pytest.param(1.0, filling(0.5, 1), True, 1.0, id="full-and-still-growing"),
    ],
)
def test_what_is_told(full: float, forecast: LimitForecast | None, over: bool, probability: float) -> None:
    (found,) = volume_findings([facts(full, forecast)])
    assert (found.signal, found.over, found.probability) == (Signal.VOLUME_FILLING, over, probability)
    assert found.at_limit == (full >= FULL)
    assert found.forecast == forecast
    assert found.evidence == (f"the volume of claim data-db-0 is {full:.0%} full",)
    assert not found.estimated


@pytest.mark.parametrize(
    ("full", "forecast"),
    [
        pytest.param(0.9, None, id="does-not-grow"),
        pytest.param(NEARLY_FULL - 0.001, None, id="nearly-full-and-does-not-grow"),
        pytest.param(0.6, filling(49, 90), id="not-for-two-days"),
    ],
)
def test_what_is_no_news(full: float, forecast: LimitForecast | None) -> None:
    assert volume_findings([facts(full, forecast)]) == ()
