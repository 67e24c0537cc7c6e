"""
From the trained network to the LiteRT file that the operator steps, and the proof that both agree.

Keras' own exporters cannot be used: a rolled LSTM becomes Flex operations that LiteRT cannot run, and
concrete functions over variables have returned wrong numbers. So the step is written out, with the
weights as constants and a fixed block size, and its agreement with Keras is measured every time.
"""

from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from podvigil.detect.cell import BLOCK, HIDDEN, INPUTS, SLOTS, LiteRTCell
from podvigil.training.network import EMBEDDING_GAIN, EXPECTED_LIMIT

PARITY_STEPS: Final = 1_000
"""Long enough for an error in the carried state to show."""
PARITY_LIMIT: Final = 1e-5
"""Largest difference in any output; float32 rounding alone gives about 1e-6."""
PARITY_PODS: Final = 48


def cell_bytes(network: keras.Model) -> bytes:
    """Return the flat buffer of one step of `network`; its tensors are named as `detect.cell` wants them."""
    step = _step_function(network)
    widths = {"x": INPUTS, "previous_u": SLOTS, "evidence": 1, "h": HIDDEN, "c": HIDDEN, "h_lagged": HIDDEN}
    module = tf.Module()
    module.step = tf.function(
        step,
        input_signature=[
            tf.TensorSpec((BLOCK, width), tf.float32, name=name) for name, width in widths.items()
        ],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.step.get_concrete_function()], module)
    content: bytes = converter.convert()
    return content


def _step_function(network: keras.Model) -> Any:
    embedding = network.get_layer("embedding")
    memory = network.get_layer("memory").cell
    fault = network.get_layer("fault")
    w_in, b_in = (tf.constant(EMBEDDING_GAIN * v.numpy()) for v in (embedding.kernel, embedding.bias))
    w_gates = tf.constant(np.concatenate([memory.kernel.numpy(), memory.recurrent_kernel.numpy()], axis=0))
    b_gates = tf.constant(memory.bias.numpy())
    kernel, bias, out, out_bias = (value.numpy() for value in network.get_layer("expectation").folded())
    w_around, b_around = tf.constant(kernel), tf.constant(bias)
    # The log scale (the second half) serves the loss only.
    w_out, b_out = tf.constant(out[:, :SLOTS]), tf.constant(out_bias[:SLOTS])
    w_fault, b_fault = tf.constant(fault.kernel.numpy()), tf.constant(fault.bias.numpy())
    trust = tf.constant(np.log1p(np.exp(fault.trust.numpy())))
    around = network.get_layer("context")

    def step(x: Any, previous_u: Any, evidence: Any, h: Any, c: Any, h_lagged: Any) -> dict[str, Any]:
        embedded = tf.tanh(tf.matmul(x, w_in) + b_in)
        gates = tf.matmul(tf.concat([embedded, h], 1), w_gates) + b_gates
        let_in, keep, new, show = tf.split(gates, 4, axis=1)  # Keras' order: i, f, c, o
        c_next = tf.sigmoid(keep) * c + tf.sigmoid(let_in) * tf.tanh(new)
        h_next = tf.sigmoid(show) * tf.tanh(c_next)
        hidden = tf.tanh(tf.matmul(tf.concat([h_lagged, around(x, previous_u)], 1), w_around) + b_around)
        expected = tf.clip_by_value(tf.matmul(hidden, w_out) + b_out, -EXPECTED_LIMIT, EXPECTED_LIMIT)
        logit = tf.matmul(tf.concat([h_next, embedded], 1), w_fault) + b_fault + trust * evidence
        return {"expected_u": expected, "logit": logit, "h": h_next, "c": c_next}

    return step


def parity(network: keras.Model, content: bytes, *, steps: int = PARITY_STEPS, seed: int = 0) -> float:
    """
    Return the largest absolute difference between Keras over the whole sequence and the cell, step by step.

    Random inputs as wild as the treatment can make them (±8), every pod with another lag.
    """
    rng = np.random.default_rng(seed)
    shape = (PARITY_PODS, steps)
    x = np.clip(rng.standard_t(3, (*shape, INPUTS)), -8, 8).astype(np.float32)
    evidence = rng.uniform(0, 8, (*shape, 1)).astype(np.float32)
    lag = rng.integers(1, min(60, steps), (PARITY_PODS, 1)).astype(np.float32)
    previous_u = np.concatenate([x[:, :1, :SLOTS], x[:, :-1, :SLOTS]], axis=1)
    expectation, logit = network([x, previous_u, evidence, lag], training=False)
    expected = np.clip(np.array(expectation)[..., :SLOTS], -EXPECTED_LIMIT, EXPECTED_LIMIT)
    logit = np.array(logit)[..., 0]

    cell = LiteRTCell(content)
    states = np.zeros((steps + 1, PARITY_PODS, HIDDEN), np.float32)
    c = np.zeros((PARITY_PODS, HIDDEN), np.float32)
    pods, worst = np.arange(PARITY_PODS), 0.0
    for t in range(steps):
        past = t - lag[:, 0].astype(int)
        h_lagged = np.where((past >= 0)[:, None], states[np.maximum(past, 0) + 1, pods], 0)
        got = cell.step(
            x[:, t], previous_u[:, t], evidence[:, t, 0], states[t], c, h_lagged.astype(np.float32)
        )
        states[t + 1], c = got.h, got.c
        worst = max(
            worst,
            float(np.abs(got.expected_u - expected[:, t]).max()),
            float(np.abs(got.logit - logit[:, t]).max()),
        )
    return worst
