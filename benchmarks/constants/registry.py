"""Every constant that a score depends on, with what is tried instead; and those that are not varied, with the reason.

A test holds both lists against the code: a constant that is in neither fails it.
"""

from typing import Final

from constants.vary import Constant, value_at

_DETECT: Final = "podvigil.detect"
_HABITS: Final = f"{_DETECT}.habits"


def _of(name: str, tried: tuple[float, ...], *places: str) -> Constant:
    return Constant(name, tried, places, float(value_at(places[0])))


def _here(module: str, name: str, *tried: float, also: tuple[str, ...] = ()) -> Constant:
    """A constant under its own name; `also`: other modules that took it over."""
    return _of(f"{module.rpartition('.')[2]}.{name}", tried, *(f"{one}:{name}" for one in (module, *also)))


_BASELINE, _REFERENCE, _SCORE = f"{_DETECT}.baseline", f"{_DETECT}.reference", f"{_DETECT}.score"
_TREATMENT, _STANDSTILL, _RING = f"{_DETECT}.treatment", f"{_HABITS}.standstill", "podvigil.window.ring"
_NETWORK: Final = ("networkReceive", "networkTransmit")

OF_THE_HOUR: Final = (
    _here(_RING, "WINDOW_SECONDS", 1800, 5400),
    _here(_RING, "GAP_SECONDS", 120, 600),
    _here(_BASELINE, "ENOUGH_SHARE", 3, 12),
    _here(_BASELINE, "SCALE_OF_REFERENCE", 0.15, 0.6),
    _here(_BASELINE, "MIN_RECENT", 2, 6),
    _here(_BASELINE, "FEW_WIDEN", 3, 12),
    _here(_BASELINE, "FEW_LEVEL", 0.05, 0.2),
    _here(_REFERENCE, "MATERIAL", 0.15, 0.6),
    _here(_REFERENCE, "RELATIVE", 0.01, 0.05, also=(_BASELINE,)),
    _here(_REFERENCE, "PEAK_SHARE", 3e-5, 3e-4),
    _here(_REFERENCE, "SPREAD_OF_SD", 0.1, 0.4),
    _of(
        "reference.MIN_KNOWN",
        (10, 40),
        f"{_REFERENCE}:MIN_KNOWN",
        f"{_BASELINE}:MIN_KNOWN",
        f"{_REFERENCE}:Summary.of.__func__.__kwdefaults__/least",
    ),
    _here(_REFERENCE, "MEMORY_SECONDS", 2 * 86_400, 28 * 86_400),
    _here(_TREATMENT, "WINDOW_SECONDS", 1800, 7200),
    _here(_TREATMENT, "MIN_SIBLINGS", 2, 5),
    _here(_TREATMENT, "FIRST_REFRESH", 2, 6),
    _here(_SCORE, "DROP_WEIGHT", 0.25, 1.0),
    _of("score.WEIGHTS of network", (0.25, 1.0), *(f"{_SCORE}:WEIGHTS/{name}" for name in _NETWORK)),
    _here(_SCORE, "DEVIATION_LIMIT", 6, 10, also=(_TREATMENT, f"{_HABITS}.deviation")),
    _of("smoothing.RISE", (0.5, 1.0), f"{_DETECT}.smoothing:smoothed.__kwdefaults__/rise"),
    _of("smoothing.FALL", (0.2, 0.7), f"{_DETECT}.smoothing:smoothed.__kwdefaults__/fall"),
    _here(_STANDSTILL, "DEEP", 0.8, 1.6),
    _here(_STANDSTILL, "RUN_SECONDS", 120, 300),
    _here(_STANDSTILL, "LEAST_RUN", 2, 5),
    _here(_STANDSTILL, "MEMORY_SECONDS", 43_200, 2 * 86_400),
    _here(f"{_HABITS}.logs", "TRIFLE", 0.01, 0.05),
)
"""Varied on the labelled sets in mode Statistics: no season is known there."""


def of_the_network(beta: float) -> tuple[Constant, ...]:
    """Varied on the labelled sets in mode LSTM; `beta` is the shipped model's, which is no module's."""
    shares = (0.5 * beta, 2 * beta)
    return (
        Constant("beta", shares, (f"{_DETECT}.store:Model.beta",), beta),
        _here(_SCORE, "LOGIT_LIMIT", 3, 10),
    )


_LEVEL, _OFFSET, _SIBLINGS = f"{_HABITS}.level", f"{_HABITS}.offset", f"{_HABITS}.siblings"
_TRAFFIC, _STARTS, _ALL = f"{_HABITS}.traffic", f"{_HABITS}.starts", f"{_HABITS}.habits"
_DEVIATION, _BANDS, _TERMS = f"{_HABITS}.deviation", f"{_HABITS}.bands", f"{_DETECT}.terms"

OF_HABITS: Final = (
    _here(_TERMS, "SEASON", 2, 8),
    _here(_TERMS, "SIBLINGS", 1, 4),
    _of("terms.RISES of network", (0.1, 0.5), *(f"{_TERMS}:RISES/{name}" for name in _NETWORK)),
    _of("terms.FALLS of network", (0.5,), *(f"{_TERMS}:FALLS/{name}" for name in _NETWORK)),
    _of("terms.FALLS of memory", (0.25,), f"{_TERMS}:FALLS/memory"),
    _here(_LEVEL, "WEEKDAYS", 5, 11),
    _here(_LEVEL, "WEEKEND_DAYS", 3, 9),
    _here(_LEVEL, "LEAST_DAYS", 1, 3),
    _here(_LEVEL, "TYPICAL_SHARE", 0.35, 1.0),
    _here(_LEVEL, "PRIOR_SPREAD", 0.05, 0.2),
    _here(_LEVEL, "PRIOR_BINS", 4, 16),
    _here(_LEVEL, "LARGEST_SPREAD", 0.75, 3),
    _here(_LEVEL, "SURPRISE", 0.75, 3),
    _here(_DEVIATION, "SMOOTHING_SECONDS", 225, 900),
    _here(_DEVIATION, "RELATIVE_FLOOR", 0.025, 0.1),
    _here(_DEVIATION, "SHARE_OF_HOUR", 0.15, 0.6),
    _of(
        "offset.MEMORY_SECONDS",
        (6 * 3600, 24 * 3600),
        f"{_OFFSET}:MEMORY_SECONDS",
        f"{_OFFSET}:LaggedOffset.__init__.__kwdefaults__/memory_seconds",
    ),
    _here(_OFFSET, "LAG_SECONDS", 1800, 7200),
    _here(_OFFSET, "FIRST_SECONDS", 3600, 4 * 3600),
    _here(_OFFSET, "LIMIT", 0.35, 1.4),
    _here(_OFFSET, "STANDING_SECONDS", 43_200, 2 * 86_400),
    _here(_OFFSET, "STANDING_LIMIT", 1.5, 6),
    _here(_OFFSET, "UNSURE", 0.07, 0.3),
    _here(f"{_HABITS}.seasonal", "LEAST_WORKLOADS", 2, 8),
    _here(_SIBLINGS, "LEAST_SECONDS", 5 * 3600, 20 * 3600),
    _here(_SIBLINGS, "LEAST_SPREAD", 0.025, 0.1),
    _here(_SIBLINGS, "SPREAD_SECONDS", 43_200, 2 * 86_400),
    _here(_SIBLINGS, "SURPRISE", 0.35, 1.4),
    _here(_TRAFFIC, "MEMORY_SECONDS", 43_200, 2 * 86_400),
    _here(_TRAFFIC, "UP", 0.05, 0.2),
    _here(_TRAFFIC, "LEAST_SECONDS", 900, 3600),
    _here(_TRAFFIC, "MOST", 1.5, 6),
    _here(f"{_HABITS}.load", "LESS_WORK", 0.2, 0.5),
    _here(_BANDS, "WIDER", 1.25, 2, also=(f"{_DETECT}.expected",)),
    _here(_BANDS, "NEIGHBOUR_SECONDS", 300, 1200),
    _here(_STARTS, "OWN_STARTS", 4, 16),
    _here(_STARTS, "LEAST_OWN", 1, 4),
    _here(_STARTS, "CLUSTER_STARTS", 15, 60),
    _here(_STARTS, "LEAST_CLUSTER", 3, 12),
    _here(_ALL, "DAYS_OF_BAND", 5, 10),
    _here(_ALL, "LEAST_DAYS_OF_BAND", 2, 4),
    _here(_ALL, "HOURS_OF_BAND", 18, 24),
    _here(_ALL, "LEAST_HOURS_OF_BAND", 6, 9),
    _here(_ALL, "HELD_LOOKS", 1, 4),
    _here(_ALL, "SLOW_STEP_SECONDS", 120, 240),
)
"""Varied on generated days, in mode Statistics: labelled sets of hours have no season."""

_THRESHOLD: Final = f"{_DETECT}.threshold"

OF_THE_THRESHOLD: Final = (
    _here(_THRESHOLD, "MEDIAN", 0.4, 0.6),
    _here(_THRESHOLD, "UPPER", 0.7, 0.9),
    _here(_THRESHOLD, "FAR", 0.9, 0.98),
    _here(_THRESHOLD, "HALF_LIFE_SECONDS", 43_200, 7 * 86_400),
    _here(_THRESHOLD, "FALL_HALF_LIFE_SECONDS", 1, 21_600, 2 * 86_400),
    _here(_THRESHOLD, "LEAST", 1.4436, 2.0947, also=("detection.streams",)),
)
"""Varied in `detection.leave_out`, beside those of `threshold.TailRule`; `LEAST`: of two and of four spreads; a
half-life of a second is no brake."""

_SIZE, _UNIT, _SCALE = (
    "bounds what is held or done at once, and no score of clusters of this size",
    "a definition or a unit, not a choice",
    "keeps arithmetic finite; no score depends on it unless by accident",
)

NOT_VARIED: Final = {
    f"{_BASELINE}:BLOCK": _SIZE,
    f"{_BASELINE}:SORTED_PER_TICK": _SIZE,
    f"{_BANDS}:NOTHING": _UNIT,
    f"{_BANDS}:STEPS": "the resolution of what is kept in a byte",
    f"{_DEVIATION}:BAND": "draws the band of an explanation, and no score",
    f"{_LEVEL}:MAD_OF_NORMAL": _UNIT,
    f"{_SIBLINGS}:DEVIATION_OF_NORMAL": _UNIT,
    f"{_REFERENCE}:NORMAL_QUARTILES": _UNIT,
    f"{_REFERENCE}:TINY": _SCALE,
    f"{_HABITS}.logs:TINY": _SCALE,
    f"{_TRAFFIC}:TINIEST": _SCALE,
    f"{_TREATMENT}:LARGEST": _SCALE,
    f"{_TREATMENT}:SLOTS_AT_ONCE": _SIZE,
    f"{_SCORE}:SCORE_LIMIT": "above what the hour's deviations can reach; bounds the sum of terms",
    f"{_HABITS}.clock:DAY_SECONDS": _UNIT,
    f"{_HABITS}.clock:HOUR_SECONDS": _UNIT,
    f"{_HABITS}.clock:WEEKDAY_OF_EPOCH": _UNIT,
    f"{_HABITS}.clock:FIRST_OF_WEEKEND": _UNIT,
    f"{_HABITS}.groups:SPAN": _SIZE,
    f"{_HABITS}.workloads:MAXIMUM_WORKLOADS": _SIZE,
    f"{_HABITS}.workloads:GROWTH": _SIZE,
    f"{_STARTS}:MOST_RUNNING": _SIZE,
    f"{_ALL}:BEHIND_SECONDS": "after a clock that jumps; none does for so long in the benchmarks",
    f"{_ALL}:MANY_PODS": _SIZE,
    f"{_ALL}:SLOW_STEP_OF_MANY": _SIZE,
    f"{_OFFSET}:LONGEST_SECONDS": "of a taught past; none is taught in the benchmarks",
    f"{_OFFSET}:SNAPSHOTS": "the resolution of a lag",
    f"{_RING}:FINEST_SECONDS": _SIZE,
    f"{_RING}:STORED_TOGETHER": _SIZE,
    f"{_RING}:MIN_WINDOW": "acts at intervals above twelve minutes, which no set has",
    f"{_DETECT}.detector:ADAPTIVE_SMOOTHING": "of a fixed comparison",
    f"{_THRESHOLD}:BLOCK_SECONDS": "what counts as one alarm",
    f"{_THRESHOLD}:DAY_SECONDS": _UNIT,
    f"{_THRESHOLD}:HIGHEST": _SCALE,
    f"{_THRESHOLD}:BINS": "the resolution of a histogram",
    f"{_THRESHOLD}:MAXIMUM_BUDGETS": _SIZE,
    f"{_THRESHOLD}:MIN_BLOCKS": "from when on there is a threshold, not where it is",
    f"{_THRESHOLD}:MIN_PERIODS": "from when on there is a threshold, not where it is",
    f"{_DETECT}.probability:CALIBRATION_BUDGET": _UNIT,
    f"{_DETECT}.smoothing:RISE": "varied where it is used",
    f"{_DETECT}.smoothing:FALL": "varied where it is used",
}
"""By place; the page lists them."""

NOT_OF_THE_SCORE: Final = {
    f"{_DETECT}.cell": "the network's shape and input: what it was trained with",
    f"{_DETECT}.network_input": "the network's shape and input: what it was trained with",
    f"{_DETECT}.recurrence": "the network's shape and input: what it was trained with",
    f"{_DETECT}.growth": "the forecast: forecast.md",
    f"{_DETECT}.forecast": "the forecast: forecast.md",
    f"{_DETECT}.volumes": "volumes, of which no score knows",
    f"{_DETECT}.explain": "what is shown of a score",
    f"{_DETECT}.signals": "signals that are no score",
    f"{_DETECT}.store": "bounds of files",
}
"""By module."""
