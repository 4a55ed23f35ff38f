"""Image classification: a picture in, its class (or classes) out.

convolution -> recurrence over the map -> class. What runs without PyTorch is inference/image_classification.py.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from plait.data.augmentation import AugmentationOptions, mix
from plait.data.batches import Batch
from plait.evaluation.baselines import baselines
from plait.inference.picture import PictureInput
from plait.layers import Layer, LossOptions, Map, Normalize, Stack
from plait.tasks.classification import Classification
from plait.tasks.task import Task


class ImageClassification(Classification):
    """One class a picture, or any number of them where the data has a column ``labels``."""

    name = "image-classification"

    def __init__(
        self,
        classes: Sequence[str],
        several_labels: bool,
        loss: LossOptions,
        counts: Sequence[int],
        augmentation: AugmentationOptions,
        seed: int,
    ) -> None:
        super().__init__(classes, several_labels, loss, counts)
        self.augmentation = augmentation
        self.seed = seed

    def augment(self, batch: Batch, step: int) -> Batch:
        """mixup and cutmix, as the recipe says."""
        options = self.augmentation
        if options.mixup == 0 and options.cutmix == 0:
            return batch
        values, targets = mix(batch.values, batch.targets, len(self.classes), options, self.seed, step)
        return Batch(values, batch.lengths, targets, batch.rows)

    def trivial(
        self, train: Any, train_targets: np.ndarray, test: Any, test_targets: np.ndarray
    ) -> list[dict[str, Any]]:
        """Of uint8 pictures (examples, height, width, channels)."""
        return baselines(train, train_targets, test, test_targets)

    def named(self, input: Any, place: str) -> str:
        return input if isinstance(input, str) else place


class PictureNetwork(nn.Module):
    """Normalization, the recipe's layers, the head; asked outside training, it may average over several views.

    With ``mirror`` over the mirror image; with ``shift`` over the picture moved by so many pixels up left and down
    right, both together as much as where it stands (Jordan 2024, "94 % on CIFAR-10 in 3.29 seconds", section 3.6).
    Takes (batch, channels, height, width) in 0..255, uint8 or float; gives (batch, classes) logits.
    """

    def __init__(self, normalize: Normalize, body: Stack, mirror: bool, shift: int) -> None:
        super().__init__()
        self.normalize = normalize
        self.body = body
        self.mirror = mirror
        self.shift = shift

    def forward(self, pictures: Tensor) -> Tensor:
        values = self.normalize(pictures)
        if self.training:
            return self._classes(values)
        if not self.shift:
            return self._both_ways(values)
        height, width = values.shape[-2:]
        wide = F.pad(values, [self.shift] * 4, mode="reflect")
        moved = (wide[:, :, start : start + height, start : start + width] for start in (0, 2 * self.shift))
        return self._both_ways(values) / 2 + sum(self._both_ways(view) for view in moved) / 4

    def _both_ways(self, values: Tensor) -> Tensor:
        if not self.mirror:
            return self._classes(values)
        return (self._classes(values) + self._classes(values.flip(-1))) / 2

    def _classes(self, values: Tensor) -> Tensor:
        output: Tensor = self.body(values)
        return output


def picture_network(
    task: Task, layers: Sequence[Layer], input: PictureInput, mirror: bool, shift: int
) -> PictureNetwork:
    """The recipe's layers with the task's head, built; pictures are not normalized before their statistics are known.

    Raises NetworkError naming the layer that cannot work.
    """
    body = task.body(layers, Map(input.channels, input.height, input.width))
    return PictureNetwork(Normalize([0.0] * input.channels, [1.0] * input.channels), body, mirror, shift)
