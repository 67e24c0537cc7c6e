"""What others do, at the settings they ship with: each learns from the history, then scores.

All of these see each pod alone. Values are (pods, T, features) without NaN, scores (pods, T), higher = worse.
None may look ahead, but for ECOD and COPOD, which rank a sample among all that are to be scored.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import skew
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning

Floats = npt.NDArray[np.float64]

HOUR_SECONDS: Final = 3_600.0
MAD_TO_SIGMA: Final = 1.4826
"""A normal distribution's standard deviation in units of its median absolute deviation."""


class Peer(Protocol):
    """A detector; one object a set and seed."""

    def fit(self, history: Sequence[Floats], interval_seconds: float, seed: int) -> None:
        """Learn from (pods, T, features) ranges."""

    def score(self, values: Floats) -> Floats:
        """Score a later range."""


class Random:
    """No detector: the floor."""

    _random: np.random.Generator

    def fit(self, history: Sequence[Floats], interval_seconds: float, seed: int) -> None:
        """Take the seed."""
        self._random = np.random.default_rng(seed)

    def score(self, values: Floats) -> Floats:
        """Draw."""
        return self._random.random(values.shape[:2])


class StaticZ:
    """Deviation from the mean of the history, in its standard deviations; the worst feature counts."""

    mean: Floats
    sigma: Floats

    def fit(self, history: Sequence[Floats], interval_seconds: float, seed: int) -> None:
        """Take mean and deviation, at least a thousandth of the mean."""
        self.mean, self.sigma = _moments(np.concatenate(history, axis=1), axis=1)

    def z(self, values: Floats) -> Floats:
        """Standardise, (pods, T, features)."""
        return (values - self.mean) / self.sigma

    def score(self, values: Floats) -> Floats:
        """Take the worst feature."""
        return np.asarray(np.abs(self.z(values)).max(axis=2))


class StaticMad(StaticZ):
    """The same from the median, in median absolute deviations, at least a hundredth of the median."""

    def fit(self, history: Sequence[Floats], interval_seconds: float, seed: int) -> None:
        """Take median and deviation."""
        self.mean, self.sigma = _robust(np.concatenate(history, axis=1), axis=1)


class RollingZ:
    """Static z from the hour before each sample in place of the history."""

    def fit(self, history: Sequence[Floats], interval_seconds: float, seed: int) -> None:
        """Keep the last hour, at least 20 samples."""
        self._length = max(20, int(HOUR_SECONDS / interval_seconds))
        self._before = np.concatenate(history, axis=1)[:, -self._length :]

    def score(self, values: Floats) -> Floats:
        """Score pod by pod: all windows of all pods at once would be gigabytes."""
        out = np.zeros(values.shape[:2])
        for pod, seen in enumerate(values):
            stream = np.concatenate([self._before[pod], seen])
            windows = sliding_window_view(stream, len(self._before[pod]), axis=0)[: len(seen)]
            center, sigma = self.usual(windows)
            out[pod] = np.abs((seen - center[..., 0]) / sigma[..., 0]).max(axis=1)
        return out

    def usual(self, windows: Floats) -> tuple[Floats, Floats]:
        """Return center and spread over the last axis, which stays."""
        return _moments(windows, axis=2)


class RollingMad(RollingZ):
    """Static MAD from the hour before each sample."""

    def usual(self, windows: Floats) -> tuple[Floats, Floats]:
        """Return center and spread over the last axis, which stays."""
        return _robust(windows, axis=2)


class _PerPod(ABC):
    """A model a pod, over the standardised features."""

    _models: list[Any]

    def fit(self, history: Sequence[Floats], interval_seconds: float, seed: int) -> None:
        """Fit a model to each pod."""
        self._scale = StaticZ()
        self._scale.fit(history, interval_seconds, seed)
        past = self._scale.z(np.concatenate(history, axis=1))
        self._models = [self.learn(pod, seed) for pod in past]

    def score(self, values: Floats) -> Floats:
        """Score each pod by its model."""
        pods = zip(self._models, self._scale.z(values), strict=True)
        return np.stack([self.judge(model, pod) for model, pod in pods])

    @abstractmethod
    def learn(self, past: Floats, seed: int) -> Any:
        """Return the model of one pod's (T, features)."""

    @abstractmethod
    def judge(self, model: Any, values: Floats) -> Floats:
        """Return the scores (T,) of one pod."""


class Forest(_PerPod):
    """scikit-learn's isolation forest at its defaults."""

    def learn(self, past: Floats, seed: int) -> Any:
        """Fit."""
        return IsolationForest(random_state=seed).fit(past)

    def judge(self, model: Any, values: Floats) -> Floats:
        """Turn round: the forest's own score is low for what is odd."""
        return np.asarray(-model.score_samples(values))


class PrincipalComponents(_PerPod):
    """Squared error of rebuilding the last 10 samples from the components that hold 90 % of the variance."""

    LAGS: Final = 10

    def learn(self, past: Floats, seed: int) -> Any:
        """Fit."""
        return PCA(0.9, random_state=seed).fit(_lagged(past, self.LAGS))

    def judge(self, model: Any, values: Floats) -> Floats:
        """Rebuild."""
        windows = _lagged(values, self.LAGS)
        return np.asarray(((windows - model.inverse_transform(model.transform(windows))) ** 2).mean(axis=1))


class Ecod(_PerPod):
    """Empirical tail probabilities of each feature, multiplied (Li et al., TKDE 2022), as pyod computes them:
    ranked among the history and all samples to be scored, so with a look ahead."""

    def learn(self, past: Floats, seed: int) -> Any:
        """Keep the history."""
        return past

    def judge(self, model: Any, values: Floats) -> Floats:
        """Add up the surprise of the more surprising tail."""
        return self.tails(np.concatenate([model, values]))[len(model) :]

    def tails(self, seen: Floats) -> Floats:
        """Surprise of each row (n, features), nats."""
        left, right, skewed = _tails(seen)
        return np.asarray(np.maximum(np.maximum(left, right), skewed).sum(axis=1))


class Copod(Ecod):
    """The same from an empirical copula (Li et al., ICDM 2020): the mean of both tails in place of the larger."""

    def tails(self, seen: Floats) -> Floats:
        """Surprise of each row (n, features), nats."""
        left, right, skewed = _tails(seen)
        return np.asarray(np.maximum((left + right) / 2, skewed).sum(axis=1))


class Netdata:
    """In the manner of Netdata's ML: of each metric, differences, smoothed over 3, with 5 lags; distance to two
    k-means centres in per cent of the history's range; the worst metric counts. One model rather than the
    consensus of 18 over days, since the sets hold hours."""

    def fit(self, history: Sequence[Floats], interval_seconds: float, seed: int) -> None:
        """Fit two centres to each pod and metric."""
        past = np.concatenate(history, axis=1)
        self._models = {}
        for pod in range(past.shape[0]):
            for feature in range(past.shape[2]):
                windows = self._windows(past[pod, :, feature])
                with warnings.catch_warnings():
                    warnings.simplefilter(
                        "ignore", ConvergenceWarning
                    )  # a metric that never moves has one centre
                    model = KMeans(2, n_init=1, random_state=seed).fit(windows)
                far = model.transform(windows).mean(axis=1)
                self._models[pod, feature] = (model, far.min(), far.max())

    def score(self, values: Floats) -> Floats:
        """Take the worst metric."""
        out = np.zeros(values.shape)
        for (pod, feature), (model, low, high) in self._models.items():
            far = model.transform(self._windows(values[pod, :, feature])).mean(axis=1)
            out[pod, :, feature] = 100 * (far - low) / (high - low + 1e-9)
        return np.asarray(out.max(axis=2))

    @staticmethod
    def _windows(series: Floats) -> Floats:
        moved = np.diff(series, prepend=series[:1])
        smooth = np.convolve(np.concatenate([moved[:1], moved[:1], moved]), np.ones(3) / 3, "valid")
        return _lagged(smooth[:, None], 6)


class NaiveLstm:
    """The design that most tutorials show, once per pod: StandardScaler, 30 samples in, the next one out,
    LSTM(32), mean squared error, 5 epochs; the score is the squared error."""

    LENGTH: Final = 30
    CLIP: Final = 10.0
    """Inputs are held within ten deviations: beyond, the cell saturates and training diverges."""

    def fit(self, history: Sequence[Floats], interval_seconds: float, seed: int) -> None:
        """Train each pod's network from the same start."""
        import keras  # noqa: PLC0415  # seconds and 0.5 GB, for this one alone

        keras.utils.set_random_seed(seed)
        self._scale = StaticZ()
        self._scale.fit(history, interval_seconds, seed)
        past = self._scale.z(np.concatenate(history, axis=1))
        self._before = past[:, -self.LENGTH :]
        width = past.shape[2]
        self._network = keras.Sequential(
            [keras.Input((self.LENGTH, width)), keras.layers.LSTM(32), keras.layers.Dense(width)]
        )
        self._network.compile("adam", "mse")
        start, fresh = self._network.get_weights(), None
        self._weights = []
        for pod in past:
            inside = np.clip(pod, -self.CLIP, self.CLIP)
            windows = sliding_window_view(inside, self.LENGTH, axis=0)[:-1].transpose(0, 2, 1)
            self._network.set_weights(start)
            if fresh is None:
                self._network.optimizer.build(self._network.trainable_variables)
                fresh = [variable.numpy() for variable in self._network.optimizer.variables]
            for variable, value in zip(self._network.optimizer.variables, fresh, strict=True):
                variable.assign(value)
            self._network.fit(windows, inside[self.LENGTH :], epochs=5, batch_size=32, verbose=0)
            self._weights.append(self._network.get_weights())

    def score(self, values: Floats) -> Floats:
        """Predict each sample from the 30 before."""
        out = np.zeros(values.shape[:2])
        for pod, seen in enumerate(self._scale.z(values)):
            stream = np.clip(np.concatenate([self._before[pod], seen]), -self.CLIP, self.CLIP)
            windows = sliding_window_view(stream, self.LENGTH, axis=0)[:-1].transpose(0, 2, 1)
            self._network.set_weights(self._weights[pod])
            expected = self._network.predict(windows, batch_size=4_096, verbose=0)
            out[pod] = ((seen - expected) ** 2).mean(axis=1)
        return out


PEERS: Final[dict[str, Callable[[], Peer]]] = {
    "random": Random,
    "static z": StaticZ,
    "static MAD": StaticMad,
    "rolling z": RollingZ,
    "rolling MAD": RollingMad,
    "isolation forest": Forest,
    "PCA": PrincipalComponents,
    "ECOD": Ecod,
    "COPOD": Copod,
    "k-means (Netdata)": Netdata,
    "naive LSTM per pod": NaiveLstm,
}

BY_CHANCE: Final = frozenset({"random", "isolation forest", "k-means (Netdata)", "naive LSTM per pod"})
"""Those that differ from seed to seed."""


def _moments(values: Floats, axis: int) -> tuple[Floats, Floats]:
    mean = values.mean(axis=axis, keepdims=True)
    return mean, values.std(axis=axis, keepdims=True) + 1e-3 * np.abs(mean) + 1e-6


def _robust(values: Floats, axis: int) -> tuple[Floats, Floats]:
    center = np.median(values, axis=axis, keepdims=True)
    spread = np.median(np.abs(values - center), axis=axis, keepdims=True)
    return center, MAD_TO_SIGMA * spread + 0.01 * np.abs(center) + 1e-6


def _lagged(values: Floats, length: int) -> Floats:
    """Each row with those before it, (T, length × features); the first row stands in for what was before."""
    padded = np.concatenate([np.repeat(values[:1], length - 1, axis=0), values])
    return np.concatenate([padded[lag : lag + len(values)] for lag in range(length)], axis=1)


def _tails(seen: Floats) -> tuple[Floats, Floats, Floats]:
    """Surprise of the left tail, of the right, and of that to which the feature is skewed, (n, features)."""
    left, right = _surprise(seen), _surprise(-seen)
    side = np.sign(np.nan_to_num(skew(seen, axis=0)))
    return left, right, left * -np.sign(side - 1) + right * np.sign(side + 1)


def _surprise(seen: Floats) -> Floats:
    """-log of the share of values that are no higher, (n, features)."""
    ranked = np.sort(seen, axis=0)
    columns = [
        np.searchsorted(order, column, side="right") for order, column in zip(ranked.T, seen.T, strict=True)
    ]
    return -np.log(np.stack(columns, axis=1) / len(seen))
