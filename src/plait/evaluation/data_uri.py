"""Pictures as text that stands in a page itself."""

import base64
import io

from PIL import Image


def png_uri(picture: Image.Image, optimize: bool = False) -> str:
    """A data URI of the picture as PNG; ``optimize`` takes longer and makes it shorter."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=optimize)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
