"""The layers, losses and optimizers in plain NumPy, one picture, one position or one step at a time: the tests' oracle.

Written to be read: no batches, no tricks. A map is (channels, height, width), a sequence (time, channels).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def convolution(
    x: Array, kernel: Array, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> Array:
    """Dumoulin and Visin 2016; ``kernel`` (given, arriving / groups, height, width)."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    given, arriving, high, wide = kernel.shape
    rows = (x.shape[1] - dilation * (high - 1) - 1) // stride + 1
    columns = (x.shape[2] - dilation * (wide - 1) - 1) // stride + 1
    out = np.zeros((given, rows, columns))
    for channel in range(given):
        first = channel // (given // groups) * arriving
        for row in range(rows):
            for column in range(columns):
                top, left = row * stride, column * stride
                seen = x[
                    first : first + arriving,
                    top : top + dilation * (high - 1) + 1 : dilation,
                    left : left + dilation * (wide - 1) + 1 : dilation,
                ]
                out[channel, row, column] = (seen * kernel[channel]).sum()
    return out


def pool(x: Array, size: int, stride: int, largest: bool) -> Array:
    """Of a map."""
    rows, columns = ((side - size) // stride + 1 for side in x.shape[1:])
    out = np.zeros((len(x), rows, columns))
    for row in range(rows):
        for column in range(columns):
            window = x[:, row * stride : row * stride + size, column * stride : column * stride + size]
            out[:, row, column] = window.max((1, 2)) if largest else window.mean((1, 2))
    return out


def batch_norm(x: Array, scale: Array, shift: Array, epsilon: float = 1e-5) -> Array:
    """Of (positions, channels), by their own statistics."""
    return scale * (x - x.mean(0)) / np.sqrt(x.var(0) + epsilon) + shift


def layer_norm(x: Array, scale: Array, shift: Array, epsilon: float = 1e-5) -> Array:
    """Of (positions, channels)."""
    return scale * (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + epsilon) + shift


def rms_norm(x: Array, scale: Array, epsilon: float) -> Array:
    """Of (positions, channels)."""
    return scale * x / np.sqrt((x**2).mean(1, keepdims=True) + epsilon)


def elman(x: Array, w: Array, u: Array, b: Array, h: Array) -> Array:
    """Every output of a sequence; w (units, channels), u (units, units)."""
    out = []
    for now in x:
        h = np.tanh(w @ now + u @ h + b)
        out.append(h)
    return np.array(out)


def lstm(x: Array, w: Array, u: Array, b: Array, h: Array, c: Array) -> Array:
    """Gates in, forget, candidate, out."""
    out = []
    for now in x:
        i, f, g, o = np.split(w @ now + u @ h + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.array(out)


def gru(x: Array, w: Array, u: Array, b_arriving: Array, b_hidden: Array, h: Array) -> Array:
    """Gates reset, update, candidate."""
    out = []
    for now in x:
        (wr, wz, wn), (ur, uz, un) = np.split(w @ now + b_arriving, 3), np.split(u @ h + b_hidden, 3)
        r, z = sigmoid(wr + ur), sigmoid(wz + uz)
        h = (1 - z) * np.tanh(wn + r * un) + z * h
        out.append(h)
    return np.array(out)


def mingru(x: Array, w: Array, b: Array, h: Array) -> Array:
    """Gate, then candidate."""
    out = []
    for now in x:
        gate, candidate = np.split(w @ now + b, 2)
        z = sigmoid(gate)
        h = (1 - z) * h + z * candidate
        out.append(h)
    return np.array(out)


def sru(x: Array, w: Array, b: Array, peephole: Array, c: Array) -> Array:
    """Value, forget, reset, skip."""
    out = []
    of_forget, of_reset = np.split(peephole, 2)
    for now in x:
        value, forget, reset, skip = np.split(w @ now + b, 4)
        f, r = sigmoid(forget + of_forget * c), sigmoid(reset + of_reset * c)
        c = f * c + (1 - f) * value
        out.append(r * c + (1 - r) * skip)
    return np.array(out)


def cross_entropy(logits: Array, target: int, smoothing: float = 0.0) -> float:
    """Of one example; ``smoothing`` is spread over all classes (Szegedy et al. 2016)."""
    logs = logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())
    wanted = np.full(len(logits), smoothing / len(logits))
    wanted[target] += 1 - smoothing
    return float(-(wanted * logs).sum())


def focal(logits: Array, target: int, gamma: float) -> float:
    """Lin et al. 2017."""
    probability = np.exp(-cross_entropy(logits, target))
    return float(-((1 - probability) ** gamma) * np.log(probability))


def sgd(w: Array, g: Array, state: dict[str, Any], rate: float, momentum: float, decay: float) -> Array:
    """Nesterov's momentum (Sutskever et al. 2013), decay added to the slope.

    Of every optimizer: one step from weights ``w`` with slopes ``g``; ``state`` is empty at first.
    """
    g = g + decay * w
    state["m"] = momentum * state["m"] + g if "m" in state else g
    return w - rate * (g + momentum * state["m"])


def moments(g: Array, state: dict[str, Any], momentum: float) -> Array:
    """Mean over root mean square, both corrected for their start at zero (Kingma and Ba 2015)."""
    state["t"] = state.get("t", 0) + 1
    state["m"] = momentum * state.get("m", 0) + (1 - momentum) * g
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * g**2
    mean, variance = state["m"] / (1 - momentum ** state["t"]), state["v"] / (1 - 0.999 ** state["t"])
    return np.asarray(mean / (np.sqrt(variance) + 1e-8))


def adam(w: Array, g: Array, state: dict[str, Any], rate: float, momentum: float, decay: float) -> Array:
    """Kingma and Ba 2015, decay added to the slope."""
    return w - rate * moments(g + decay * w, state, momentum)


def adamw(w: Array, g: Array, state: dict[str, Any], rate: float, momentum: float, decay: float) -> Array:
    """Loshchilov and Hutter 2019: the decay stands apart."""
    return w * (1 - rate * decay) - rate * moments(g, state, momentum)


def rmsprop(w: Array, g: Array, state: dict[str, Any], rate: float, momentum: float, decay: float) -> Array:
    """Tieleman and Hinton 2012, with momentum."""
    g = g + decay * w
    state["v"] = 0.99 * state.get("v", 0) + 0.01 * g**2
    state["m"] = momentum * state.get("m", 0) + g / (np.sqrt(state["v"]) + 1e-8)
    return np.asarray(w - rate * state["m"])


def muon(w: Array, g: Array, state: dict[str, Any], rate: float, momentum: float, decay: float) -> Array:
    """Jordan 2024: momentum made nearly orthogonal by five steps of Newton-Schulz."""
    state["m"] = momentum * state.get("m", 0) + (1 - momentum) * g
    x = ((1 - momentum) * g + momentum * state["m"]).reshape(len(w), -1)
    x = x / np.linalg.norm(x)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    scale = 0.2 * np.sqrt(max(x.shape))
    return np.asarray(w * (1 - rate * decay) - rate * scale * x.reshape(w.shape))
