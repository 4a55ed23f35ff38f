"""What the sides of Keras share: the options, and a network fitted with a clock. Needs no plait."""

import argparse
import json
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def parser(about: str | None, batch: int) -> argparse.ArgumentParser:
    """The options of every side."""
    made = argparse.ArgumentParser(description=about)
    made.add_argument("arrays", help="an .npz of inputs and targets")
    made.add_argument("--epochs", type=int, default=3)
    made.add_argument("--batch", type=int, default=batch)
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--bfloat16", action="store_true")
    return made


def set_up(asked: argparse.Namespace) -> None:
    """Threads and precision; before any network is built."""
    tf.config.threading.set_intra_op_parallelism_threads(asked.threads)
    tf.config.threading.set_inter_op_parallelism_threads(asked.threads)
    if asked.bfloat16:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")


def fit(
    network: keras.Model,
    optimizer: keras.Optimizer,
    inputs: np.ndarray,
    targets: np.ndarray,
    asked: argparse.Namespace,
) -> None:
    """Trains ``network`` and prints one JSON line; the first epoch is warm-up."""
    network.compile(optimizer=optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    clock = Clock()
    network.fit(inputs, targets, batch_size=asked.batch, epochs=asked.epochs, verbose=0, callbacks=[clock])
    steps = len(inputs) // asked.batch * (asked.epochs - 1)
    answer: dict[str, Any] = {
        "steps_per_second": steps / (clock.ends[-1] - clock.ends[0]),
        "parameters": int(sum(np.prod(weight.shape) for weight in network.trainable_weights)),
        "versions": {"keras": keras.__version__, "tensorflow": tf.__version__},
    }
    print(json.dumps(answer))


class Clock(keras.callbacks.Callback):
    """When each epoch ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.ends.append(time.perf_counter())
