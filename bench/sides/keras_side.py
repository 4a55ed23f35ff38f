"""One side of the speed comparison: Keras on TensorFlow. Needs no plait; prints one JSON line."""

import argparse
import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

STAGES = (64, 128, 256, 256)


def main() -> None:
    asked = arguments()
    tf.config.threading.set_intra_op_parallelism_threads(asked.threads)
    tf.config.threading.set_inter_op_parallelism_threads(asked.threads)
    if asked.bfloat16:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    with np.load(asked.pictures) as arrays:
        pictures, targets = arrays["pictures"], arrays["targets"]
    network = build()
    network.compile(
        optimizer=keras.optimizers.Adam(0.001),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    clock = Clock()
    network.fit(pictures, targets, batch_size=asked.batch, epochs=asked.epochs, verbose=0, callbacks=[clock])
    trained = len(pictures) // asked.batch * asked.batch * (asked.epochs - 1)
    answer = {
        "pictures_per_second": trained / (clock.ends[-1] - clock.ends[0]),
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


def build() -> keras.Model:
    """64-128-256-256 channels, two convolutions a stage; pictures come in 0..255."""
    values = first = keras.Input((32, 32, 3))
    values = layers.Rescaling(1 / 127.5, offset=-1)(values)
    for channels in STAGES:
        for _ in range(2):
            values = layers.Conv2D(channels, 3, padding="same", use_bias=False)(values)
            values = layers.BatchNormalization()(values)
            values = layers.ReLU()(values)
        values = layers.MaxPooling2D()(values)
    values = layers.GlobalAveragePooling2D()(values)
    return keras.Model(first, layers.Dense(10, dtype="float32")(values))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", help="an .npz of pictures (n, 32, 32, 3) uint8 and targets (n,)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bfloat16", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
