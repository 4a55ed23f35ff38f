"""One side of the comparison on texts: Keras on TensorFlow. Needs no plait; prints one JSON line."""

import keras
import keras_fit
import numpy as np
from keras import layers

CELLS = {"lstm": layers.LSTM, "gru": layers.GRU}


def main() -> None:
    options = keras_fit.parser(__doc__, batch=64)
    options.add_argument("--cell", choices=CELLS, default="lstm")
    options.add_argument("--units", type=int, default=256)
    asked = options.parse_args()
    keras_fit.set_up(asked)
    with np.load(asked.arrays) as arrays:
        tokens, targets = arrays["tokens"], arrays["targets"]
    network = build(asked.cell, asked.units, tokens.shape[1], int(tokens.max()) + 1)
    keras_fit.fit(network, keras.optimizers.AdamW(0.001), tokens, targets, asked)


def build(cell: str, units: int, length: int, vocabulary: int) -> keras.Model:
    """Embedding, recurrence both ways, the largest value of each unit, two classes."""
    first = keras.Input((length,), dtype="int32")
    values = layers.Embedding(vocabulary, units)(first)
    values = layers.Bidirectional(CELLS[cell](units, return_sequences=True))(values)
    values = layers.GlobalMaxPooling1D()(values)
    return keras.Model(first, layers.Dense(2, dtype="float32")(values))


if __name__ == "__main__":
    main()
