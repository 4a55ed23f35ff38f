"""One side of the comparison on texts: Keras on TensorFlow. Needs no plait; prints one JSON line."""

import argparse
import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

CELLS = {"lstm": layers.LSTM, "gru": layers.GRU}


def main() -> None:
    asked = arguments()
    tf.config.threading.set_intra_op_parallelism_threads(asked.threads)
    tf.config.threading.set_inter_op_parallelism_threads(asked.threads)
    if asked.bfloat16:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    with np.load(asked.texts) as arrays:
        tokens, targets = arrays["tokens"], arrays["targets"]
    network = build(asked.cell, asked.units, tokens.shape[1], int(tokens.max()) + 1)
    network.compile(
        optimizer=keras.optimizers.AdamW(0.001),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    clock = Clock()
    network.fit(tokens, targets, batch_size=asked.batch, epochs=asked.epochs, verbose=0, callbacks=[clock])
    steps = len(tokens) // asked.batch * (asked.epochs - 1)
    answer = {
        "steps_per_second": steps / (clock.ends[-1] - clock.ends[0]),
        "parameters": int(sum(np.prod(weight.shape) for weight in network.trainable_weights)),
        "versions": {"keras": keras.__version__, "tensorflow": tf.__version__},
    }
    print(json.dumps(answer))


class Clock(keras.callbacks.Callback):
    """When each epoch ended; the first one is warm-up."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.ends.append(time.perf_counter())


def build(cell: str, units: int, length: int, vocabulary: int) -> keras.Model:
    """Embedding, recurrence both ways, the largest value of each unit, two classes."""
    first = keras.Input((length,), dtype="int32")
    values = layers.Embedding(vocabulary, units)(first)
    values = layers.Bidirectional(CELLS[cell](units, return_sequences=True))(values)
    values = layers.GlobalMaxPooling1D()(values)
    return keras.Model(first, layers.Dense(2, dtype="float32")(values))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", help="an .npz of tokens (n, length) int32 and targets (n,)")
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bfloat16", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
