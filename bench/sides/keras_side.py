"""One side of the speed comparison: Keras on TensorFlow. Needs no plait; prints one JSON line."""

import keras
import keras_fit
import numpy as np
from keras import layers

STAGES = (64, 128, 256, 256)


def main() -> None:
    asked = keras_fit.parser(__doc__, batch=128).parse_args()
    keras_fit.set_up(asked)
    with np.load(asked.arrays) as arrays:
        pictures, targets = arrays["pictures"], arrays["targets"]
    keras_fit.fit(build(), keras.optimizers.Adam(0.001), pictures, targets, asked)


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


if __name__ == "__main__":
    main()
