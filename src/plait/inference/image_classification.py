"""Image classification without PyTorch: a picture as the network takes it; logits are read by classification."""

import numpy as np
from numpy.typing import NDArray

from plait.inference.classification import decode
from plait.inference.picture import PictureInput, prepare
from plait.inference.prediction import Origin
from plait.inference.spec import ModelSpec

__all__ = ["decode", "encode"]


def encode(origin: Origin, spec: ModelSpec) -> NDArray[np.uint8]:
    """The picture as (channels, height, width); raises PictureError."""
    assert isinstance(spec.input, PictureInput)
    return np.moveaxis(prepare(origin.content, spec.input, spec.max_pixels), -1, 0)
