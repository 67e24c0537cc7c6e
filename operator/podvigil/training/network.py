"""
The network in Keras: one set of layers that is trained over sequences and converted as a single step.

The memory is Keras's own LSTM, whose `cell` is the very object that `convert` steps: training and the
shipped cell cannot drift apart. Columns of the input are those of `detect.network_input`.
(Keras ships no types: hence the ignored subclassing of `Any`.)
"""

from typing import Any, Final

import keras
import tensorflow as tf

from podvigil.detect.cell import HIDDEN, INPUTS, SLOTS

KEYS: Final = 24
"""Hidden units of the expectation, per feature slot."""
EMBEDDING_GAIN: Final = 0.7
"""Keeps tanh of the first layer in its bend and out of saturation for inputs of a few sigma."""
CONTEXT_GAIN: Final = 0.5
"""The same for the expectation's own inputs."""
EXPECTED_LIMIT: Final = 4.0
"""|expected u|: sinh(4) = 27 sigma, more than any habit within an hour should explain away."""
LOG_SCALE_LIMIT: Final = 3.0
"""The predicted spread, used by the loss only, stays within e^±3."""
START_BIAS: Final = -5.0
"""Log-odds before training: faults are rare."""
START_EVIDENCE: Final = 1.5
"""softplus(1.5) = 1.7 log-odds per unit of evidence before training: begin as the statistics judge."""

_U = slice(0, SLOTS)
_MEDIAN = slice(SLOTS, 2 * SLOTS)
_LEVEL = slice(2 * SLOTS, 3 * SLOTS)
_FLAGS = slice(4 * SLOTS, 4 * SLOTS + 5)
_CONTEXT_WIDTH: Final = 4 * SLOTS + 5

_registered = keras.saving.register_keras_serializable(package="podvigil")


@_registered
class Context(keras.layers.Layer):  # type: ignore[misc]
    """u now and before, cluster medians, levels and five flags: what the expectation may look at."""

    def call(self, x: Any, previous_u: Any) -> Any:
        """`x` (…, 24), `previous_u` (…, 4) → (…, 21)."""
        return tf.concat([x[..., _U], previous_u, x[..., _MEDIAN], x[..., _LEVEL], x[..., _FLAGS]], axis=-1)


@_registered
class Expectation(keras.layers.Layer):  # type: ignore[misc]
    """
    Expected u and its log scale per slot, from lagged memory and from the other slots.

    A slot never sees its own deviation or level: else it would learn to repeat a running fault.
    """

    def build(self, memory_shape: Any, context_shape: Any = None) -> None:
        """Make the weights; the input shapes are fixed by this version."""
        normal = keras.initializers.RandomNormal(stddev=0.1, seed=keras.random.SeedGenerator(1))
        glorot = keras.initializers.GlorotUniform(seed=keras.random.SeedGenerator(2))
        self.memory = self.add_weight(shape=(HIDDEN, SLOTS * KEYS), initializer=glorot, name="memory")
        self.bias = self.add_weight(shape=(SLOTS * KEYS,), initializer="zeros", name="bias")
        self.context = self.add_weight(
            shape=(_CONTEXT_WIDTH, SLOTS * KEYS), initializer=normal, name="context"
        )
        self.out = self.add_weight(shape=(SLOTS * KEYS, 2), initializer="zeros", name="out")
        self.out_bias = self.add_weight(shape=(2 * SLOTS,), initializer="zeros", name="out_bias")

    def call(self, memory: Any, context: Any) -> Any:
        """Return (…, 2·SLOTS): expected u, then log scale; both unclipped."""
        kernel, bias, out, out_bias = self.folded()
        hidden = tf.tanh(tf.matmul(tf.concat([memory, context], -1), kernel) + bias)
        return tf.matmul(hidden, out) + out_bias

    def folded(self) -> tuple[Any, Any, Any, Any]:
        """Return kernel (53, 96), bias (96), output (96, 8) and its bias (8), with the forbidden weights zero."""
        kernel = tf.concat([self.memory, CONTEXT_GAIN * self.context * _others_mask()], axis=0)
        out = tf.concat([self.out[:, :1] * _own_mask(), self.out[:, 1:] * _own_mask()], axis=1)
        return kernel, tf.convert_to_tensor(self.bias), out, tf.convert_to_tensor(self.out_bias)


@_registered
class Lagged(keras.layers.Layer):  # type: ignore[misc]
    """The memory of `lag` samples ago, zero before there was one."""

    def call(self, memory: Any, lag: Any) -> Any:
        """`memory` (B, T, H), `lag` (B, 1) samples → (B, T, H)."""
        steps = tf.range(tf.shape(memory)[1])[None, :] - tf.cast(lag, tf.int32)
        past = tf.gather(memory, tf.maximum(steps, 0), batch_dims=1)
        return past * tf.cast(steps >= 0, memory.dtype)[..., None]


@_registered
class FaultLogit(keras.layers.Layer):  # type: ignore[misc]
    """Log-odds of a fault: a linear reading of memory and input, plus the statistics' evidence."""

    def build(self, memory_shape: Any, embedded_shape: Any = None, evidence_shape: Any = None) -> None:
        """Start as the statistics alone: the kernel is zero."""
        self.kernel = self.add_weight(shape=(2 * HIDDEN, 1), initializer="zeros", name="kernel")
        self.bias = self.add_weight(
            shape=(1,), initializer=keras.initializers.Constant(START_BIAS), name="bias"
        )
        self.trust = self.add_weight(
            shape=(1,), initializer=keras.initializers.Constant(START_EVIDENCE), name="trust"
        )

    def call(self, memory: Any, embedded: Any, evidence: Any) -> Any:
        """`memory`, `embedded` (…, 32), `evidence` (…, 1) → (…, 1)."""
        reading = tf.matmul(tf.concat([memory, embedded], -1), self.kernel)
        return reading + self.bias + tf.nn.softplus(self.trust) * evidence


@_registered
class Embedding(keras.layers.Dense):  # type: ignore[misc]
    """tanh of a gently scaled linear map."""

    def call(self, x: Any) -> Any:
        """(…, 24) → (…, 32)."""
        return tf.tanh(EMBEDDING_GAIN * (tf.matmul(x, self.kernel) + self.bias))


def build_network(seed: int) -> keras.Model:
    """
    Build the untrained network over sequences.

    Inputs: `x` (B, T, 24), `previous_u` (B, T, 4), `evidence` (B, T, 1), `lag` (B, 1) samples in five minutes.
    Outputs: expectation (B, T, 8) = expected u and log scale, unclipped; logit (B, T, 1).
    Same seed, same weights (Keras' global seed is set).
    """
    keras.utils.set_random_seed(seed)
    x = keras.Input((None, INPUTS), name="x")
    previous_u = keras.Input((None, SLOTS), name="previous_u")
    evidence = keras.Input((None, 1), name="evidence")
    lag = keras.Input((1,), name="lag")
    embedded = Embedding(HIDDEN, name="embedding")(x)
    memory = keras.layers.LSTM(HIDDEN, return_sequences=True, name="memory")(embedded)
    past = Lagged(name="lagged")(memory, lag)
    around = Context(name="context")(x, previous_u)
    expectation = Expectation(name="expectation")(past, around)
    logit = FaultLogit(name="fault")(memory, embedded, evidence)
    return keras.Model([x, previous_u, evidence, lag], [expectation, logit], name="podvigil")


def _others_mask() -> Any:
    """(21, 96): 0 where a context column tells slot f about itself (its u now, before, and its level)."""
    others = 1.0 - tf.eye(SLOTS)
    every = tf.ones((SLOTS, SLOTS))
    rows = tf.concat([others, others, every, others, tf.ones((5, SLOTS))], axis=0)
    return tf.repeat(rows, KEYS, axis=1)


def _own_mask() -> Any:
    """(96, 4): the hidden units of slot f speak for slot f only."""
    return tf.repeat(tf.eye(SLOTS), KEYS, axis=0)
