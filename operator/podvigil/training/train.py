"""
Trains the network: a fault label to classify and, with a small weight, normal samples to expect.

One thread and fixed seeds: on one machine the same tracks and the same seed give the same weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from podvigil.detect.cell import SLOTS
from podvigil.training.network import EXPECTED_LIMIT, LOG_SCALE_LIMIT, build_network
from podvigil.training.windows import Batch, Track, batch

WINDOWS_PER_STEP: Final = 64
PEAK_RATE: Final = 4e-3
WARM_UP_SHARE: Final = 0.3
"""One-cycle schedule: this share of the steps rises to the peak, the rest falls to almost nothing."""
FIRST_RATE_SHARE: Final = 1 / 25
LAST_RATE_SHARE: Final = 1e-5
WEIGHT_DECAY: Final = 1e-3
LARGEST_GRADIENT: Final = 1.0
FORECAST_WEIGHT: Final = 0.1
"""Share of the expectation's loss: enough to learn it, too little to bend the memory away from faults."""
TAIL: Final = 4.0
"""Degrees of freedom of the Student t: one surge must not widen what is expected of everything else."""
REPORT_EVERY: Final = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """Mean losses over the last `REPORT_EVERY` steps."""

    step: int
    fault_loss: float
    """Binary cross-entropy per judged sample."""
    forecast_loss: float
    """Negative log-likelihood per expected value, up to a constant."""


@keras.saving.register_keras_serializable(package="podvigil")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Cosine up to the peak, cosine down (Smith & Topin 2018): few steps suffice."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        """Return the rate at `step`."""
        share = tf.cast(step, tf.float32) / max(1, self.steps)
        up, down = share / WARM_UP_SHARE, (share - WARM_UP_SHARE) / (1 - WARM_UP_SHARE)
        rising = PEAK_RATE * (FIRST_RATE_SHARE + (1 - FIRST_RATE_SHARE) * (1 - tf.cos(np.pi * up)) / 2)
        falling = PEAK_RATE * (LAST_RATE_SHARE + (1 - LAST_RATE_SHARE) * (1 + tf.cos(np.pi * down)) / 2)
        return tf.where(share < WARM_UP_SHARE, rising, falling)

    def get_config(self) -> dict[str, int]:
        """Return what rebuilds it."""
        return {"steps": self.steps}


def train(
    tracks: list[Track], *, steps: int, seed: int, say: Callable[[Progress], None] = lambda _: None
) -> keras.Model:
    """
    Train a new network.

    Args:
        tracks: what to draw windows from.
        steps: optimiser steps of `WINDOWS_PER_STEP` windows each.
        seed: of weights and draws.
        say: told the losses every `REPORT_EVERY` steps.

    Raises: ValueError when a loss is not finite, or when no track has a judged sample.
    """
    network = build_network(seed)
    optimizer = keras.optimizers.AdamW(
        OneCycle(steps), weight_decay=WEIGHT_DECAY, global_clipnorm=LARGEST_GRADIENT
    )
    optimizer.build(network.trainable_variables)
    step_once = _step_function(network, optimizer)
    rng = np.random.default_rng([seed, 1])
    recent: list[tuple[float, float]] = []
    for step in range(1, steps + 1):
        fault_loss, forecast_loss = (
            float(loss) for loss in step_once(_tensors(batch(tracks, rng, WINDOWS_PER_STEP)))
        )
        if not np.isfinite([fault_loss, forecast_loss]).all():
            raise ValueError(f"step {step}: loss {fault_loss} and {forecast_loss}; an input is not finite")
        recent.append((fault_loss, forecast_loss))
        if step % REPORT_EVERY == 0 or step == steps:
            say(Progress(step, *(float(mean) for mean in np.mean(recent, axis=0))))
            recent.clear()
    return network


def losses(network: keras.Model, windows: dict[str, Any]) -> tuple[Any, Any]:
    """Return the fault loss and the forecast loss of one batch, each a mean over what counts."""
    inputs = [windows[name] for name in ("x", "previous_u", "evidence", "lag")]
    expectation, logit = network(inputs, training=True)
    expected = tf.clip_by_value(expectation[..., :SLOTS], -EXPECTED_LIMIT, EXPECTED_LIMIT)
    log_scale = tf.clip_by_value(expectation[..., SLOTS:], -LOG_SCALE_LIMIT, LOG_SCALE_LIMIT)
    miss = (windows["x"][..., :SLOTS] - expected) / tf.exp(log_scale)
    surprise = (TAIL + 1) / 2 * tf.math.log1p(miss**2 / TAIL) + log_scale
    forecast_loss = _mean(surprise, windows["forecast"])
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=windows["fault"], logits=logit[..., 0])
    return _mean(entropy, windows["judged"]), forecast_loss


def _mean(values: Any, counts: Any) -> Any:
    return tf.reduce_sum(values * counts) / tf.maximum(tf.reduce_sum(counts), 1.0)


def _tensors(windows: Batch) -> dict[str, Any]:
    return {name: tf.constant(getattr(windows, name)) for name in Batch.__slots__}


def _step_function(
    network: keras.Model, optimizer: keras.optimizers.Optimizer
) -> Callable[[Any], tuple[Any, Any]]:
    def step_once(windows: dict[str, Any]) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            fault_loss, forecast_loss = losses(network, windows)
            loss = fault_loss + FORECAST_WEIGHT * forecast_loss
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return fault_loss, forecast_loss

    # XLA: the loop over 200 samples is many tiny operations, and compiled they cost a third less.
    compiled: Callable[[Any], tuple[Any, Any]] = tf.function(step_once, jit_compile=True)
    return compiled
