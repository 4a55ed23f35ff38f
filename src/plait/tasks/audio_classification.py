"""Audio classification: a recording in, its class out.

log-mel -> convolution -> recurrence -> class. What runs without PyTorch is inference/audio_classification.py.
"""

from typing import Any

import numpy as np

from plait.data.batches import Batch
from plait.evaluation.sound_baselines import sound_baselines
from plait.tasks.classification import Classification


class AudioClassification(Classification):
    """One class a recording."""

    name = "audio-classification"

    def augment(self, batch: Batch, step: int) -> Batch:
        """Nothing is drawn for a batch as a whole."""
        return batch

    def trivial(
        self, train: Any, train_targets: np.ndarray, test: Any, test_targets: np.ndarray
    ) -> list[dict[str, Any]]:
        """Of vectors (recordings, numbers): means and deviations over time."""
        return sound_baselines(train, train_targets, test, test_targets)

    def named(self, input: Any, place: str) -> str:
        return str(input)
