"""Pictures as text that stands in a page itself."""

import base64
import io

import numpy as np
from PIL import Image


def png_uri(picture: Image.Image, optimize: bool = False) -> str:
    """A data URI of the picture as PNG; ``optimize`` takes longer and makes it shorter."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=optimize)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def thumbnail_uri(pixels: np.ndarray, side: int) -> str:
    """A data URI of a picture, uint8 (height, width, 1 or 3), made small enough for ``side``."""
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((side, side))
    return png_uri(image)
