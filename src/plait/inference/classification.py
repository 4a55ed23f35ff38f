"""Classification without PyTorch: logits as classes, whatever was classified."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.errors import ModelError
from plait.inference.input import Array
from plait.inference.prediction import Origin, Prediction
from plait.inference.spec import ModelSpec

THRESHOLD = 0.5
"""A label is given from this probability on, where an input may have several."""


@dataclass(frozen=True)
class Classification(Prediction):
    """One class an input."""

    label: str
    probability: float
    probabilities: dict[str, float]

    def cells(self) -> dict[str, str | float]:
        return {"prediction": self.label, "probability": self.probability}

    def to_json(self) -> dict[str, Any]:
        return self.origin.to_json() | {
            "prediction": self.label,
            "probability": self.probability,
            "probabilities": self.probabilities,
        }


@dataclass(frozen=True)
class Labeling(Prediction):
    """Any number of labels an input, the likeliest first."""

    labels: tuple[str, ...]
    probabilities: dict[str, float]

    def cells(self) -> dict[str, str | float]:
        likelihoods = [f"{self.probabilities[label]:.6g}" for label in self.labels]
        return {"prediction": "|".join(self.labels), "probability": "|".join(likelihoods)}

    def to_json(self) -> dict[str, Any]:
        return self.origin.to_json() | {"prediction": list(self.labels), "probabilities": self.probabilities}


def decode(outputs: Sequence[Array], origins: Sequence[Origin], spec: ModelSpec) -> list[Prediction]:
    """Logits (batch, classes), the one output, to predictions; raises ModelError where they are not numbers."""
    logits = np.asarray(outputs[0], np.float32)
    if not np.isfinite(logits).all():
        odd = origins[int(np.argmin(np.isfinite(logits).all(axis=1)))]
        raise ModelError(
            f"the model's answer to {odd.input} is not a number: it was trained or saved badly; train it anew"
        )
    answer = _labeling if spec.several_labels else _classification
    shares = probabilities(logits, spec.several_labels).tolist()
    return [answer(origin, spec.classes, row) for origin, row in zip(origins, shares, strict=True)]


def probabilities(logits: NDArray[np.floating[Any]], several_labels: bool) -> NDArray[np.float64]:
    """Logits (batch, classes) to probabilities, the same shape: softmax, or sigmoid for several labels."""
    values = np.asarray(logits, np.float64)
    if several_labels:
        return np.asarray(np.exp(-np.logaddexp(0.0, -values)))
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _classification(origin: Origin, classes: Sequence[str], shares: Sequence[float]) -> Prediction:
    likeliest = max(range(len(shares)), key=shares.__getitem__)
    return Classification(
        origin, classes[likeliest], shares[likeliest], dict(zip(classes, shares, strict=True))
    )


def _labeling(origin: Origin, classes: Sequence[str], shares: Sequence[float]) -> Prediction:
    given = dict(zip(classes, shares, strict=True))
    labels = sorted(
        (label for label in classes if given[label] >= THRESHOLD), key=lambda label: -given[label]
    )
    return Labeling(origin, tuple(labels), given)
