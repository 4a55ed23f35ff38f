"""Boxes drawn on a copy of their picture."""

import colorsys
import math
import zlib
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from plait.inference.object_detection import Detected, Detections
from plait.inference.picture import open_picture
from plait.inference.spec import MAX_PIXELS

Color = tuple[int, int, int]
FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "wqy-zenhei.ttc",
    "wqy-microhei.ttc",
    "msyh.ttc",
    "PingFang.ttc",
    "Arial Unicode.ttf",
)
"""Looked for where a class's name has letters that Pillow's own font lacks (Chinese)."""
WIDEST_LATIN = 0x24F


def drawn(found: Detections) -> Image.Image:
    """The picture as it is seen, with the boxes, their classes and scores."""
    image = Image.fromarray(open_picture(found.origin.content, 3, MAX_PIXELS))
    pen = ImageDraw.Draw(image)
    line = max(1, round(max(image.size) / 400))
    for one in reversed(found.objects):
        _draw(pen, one, line)
    return image


def _draw(pen: ImageDraw.ImageDraw, one: Detected, line: int) -> None:
    color = color_of(one.label)
    pen.rectangle(_pixels(one), outline=color, width=line)
    text = f"{one.label} {one.score:.2f}"
    font = _font(max(11, 6 * line), _is_latin(one.label))
    # A font that lacks these letters would draw boxes of its own.
    if font is None:
        text, font = f"{one.score:.2f}", _font(max(11, 6 * line), True)
    assert font is not None
    place = (one.left + line, max(0.0, one.top - max(11, 6 * line) - 2 * line))
    pen.rectangle(pen.textbbox(place, text, font=font), fill=color)
    pen.text(place, text, fill=letters_on(color), font=font)


def _pixels(one: Detected) -> tuple[int, int, int, int]:
    """The first and the last column and row that a box covers, which are what Pillow draws."""
    left, top = math.floor(one.left), math.floor(one.top)
    return left, top, max(left, math.ceil(one.right) - 1), max(top, math.ceil(one.bottom) - 1)


def color_of(label: str) -> Color:
    """The same for a class wherever it is drawn."""
    hue = zlib.crc32(label.encode()) % 360 / 360
    red, green, blue = colorsys.hls_to_rgb(hue, 0.38, 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)


def letters_on(color: Color) -> str:
    """White or black, whichever differs more (WCAG 2.2, relative luminance)."""
    shares = (channel / 255 for channel in color)
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares)
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179 else "black"


def _is_latin(text: str) -> bool:
    return all(ord(letter) <= WIDEST_LATIN for letter in text)


@lru_cache(maxsize=32)
def _font(size: int, latin: bool) -> ImageFont.ImageFont | ImageFont.FreeTypeFont | None:
    if latin:
        return ImageFont.load_default(size)
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None
