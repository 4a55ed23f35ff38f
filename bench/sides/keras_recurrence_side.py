"""One side of the recurrence comparison: Keras's LSTM and GRU on TensorFlow, compiled by tf.function as fit does.

Prints one JSON line: name -> {training, inference} in milliseconds.
"""

import json
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

REPEATS, WARM_UP = 7, 2


def main() -> None:
    steps, batch, units, threads = map(int, sys.argv[1:])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    x = tf.constant(np.random.default_rng(0).normal(size=(batch, steps, units)).astype(np.float32))
    found = {}
    for name, kind in {"LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}.items():
        layer = kind(units, return_sequences=True)
        layer(x)

        @tf.function
        def train(layer: keras.Layer = layer) -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(layer(x))
            slopes: list[tf.Tensor] = tape.gradient(loss, [x, *layer.trainable_variables])
            return slopes

        @tf.function
        def infer(layer: keras.Layer = layer) -> tf.Tensor:
            return layer(x)

        found[f"Keras {name}"] = {"training": least(train), "inference": least(infer)}
    print(json.dumps(found))


def least(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(WARM_UP + REPEATS):
        started = time.perf_counter()
        tf.nest.map_structure(lambda tensor: tensor.numpy(), call())
        taken.append(time.perf_counter() - started)
    return 1000 * min(taken[WARM_UP:])


if __name__ == "__main__":
    main()
