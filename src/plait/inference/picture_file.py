"""A picture file, or pixels, opened as a viewer shows it: uint8 (height, width, channels)."""

import errno
import io
import os
import stat
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from plait.errors import PlaitError

Pixels = npt.NDArray[np.uint8]
Source = str | os.PathLike[str] | bytes | Pixels
"""A path, a file's bytes, or pixels (height, width) or (height, width, 1, 3 or 4)."""

SUFFIXES: dict[str, str] = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".dib": "BMP",
    ".gif": "GIF",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""Suffix of a file name (lower case) to the format that it promises."""
UNREAD_SUFFIXES = (".heic", ".heif", ".avif", ".jxl", ".jp2", ".psd", ".svg")
"""Of pictures that are not read: they are complained of, never passed over."""
MOST_PIXELS = 178_956_970
"""Pillow's own limit, twice its Image.MAX_IMAGE_PIXELS, which is not ours to change for a whole program."""
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
"""The only decoders ever tried; Pillow knows many more, and each is code that hostile files can reach."""

_ORIENTATION = 0x0112
_DAMAGES = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    MemoryError,
    NotImplementedError,
    struct.error,
    zlib.error,
    Warning,
)
"""Everything Pillow's decoders were seen to raise on damaged files."""

# Pillow prints its doubts about metadata (damaged EXIF, odd TIFF tags) of pictures whose pixels are whole.
# Whether a picture is too large is asked of data.max_pixels. Set once, as changing warnings around each call is not
# safe in threads.
for doubt in (UserWarning, Image.DecompressionBombWarning):
    warnings.filterwarnings("ignore", category=doubt, module=r"PIL\.")


class PictureError(PlaitError):
    """A picture that cannot be used.

    ``kind`` is "unreadable", "truncated", "empty", "pixel bomb", "missing file" or "symlink loop";
    ``message`` says more and names no file; the error's text is both, after the file's name if there is one.
    """

    def __init__(self, kind: str, message: str, file: str = "") -> None:
        self.kind = kind
        self.message = message
        self.file = file
        super().__init__(f"{file}: {kind}: {message}" if file else f"{kind}: {message}")


def open_picture(source: Source, channels: int | None, max_pixels: int) -> Pixels:
    """A picture as a viewer shows it, uint8 (height, width, channels).

    EXIF rotation is applied, palettes are looked up, CMYK becomes RGB, 16-bit grey v becomes v / 257, what
    is transparent shows white, of an animation the first frame is taken. ``channels`` is 1, 3, or None for
    what the file has (1 for grey modes). Raises PictureError; nothing of more than ``max_pixels`` is decoded
    (Pillow itself stops at 179 million).
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, channels, max_pixels)
    if isinstance(source, bytes):
        return _decode(source, channels, max_pixels)
    try:
        return _decode(read_bytes(source), channels, max_pixels)
    except PictureError as error:
        raise PictureError(error.kind, error.message, os.fspath(source)) from error


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The whole file; raises PictureError where there is none, or it is no ordinary, readable file."""
    try:
        # Reading a pipe or a device named by a table would wait forever.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise PictureError("unreadable", "this is not a file but a folder or a device")
        return Path(path).read_bytes()
    except FileNotFoundError:
        dangling = os.path.islink(path)
        raise PictureError(
            "missing file", "the link leads nowhere" if dangling else "there is no such file"
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            raise PictureError("symlink loop", "the link leads back to itself") from None
        raise PictureError("unreadable", str(error)) from error


def orientation(path: str | os.PathLike[str]) -> int:
    """How the file's pixels are held to how they are seen, 1 (the same) to 8: EXIF 2.32, tag 274.

    5 to 8 change the sides. Raises PictureError as ``read_bytes`` does; of what is no picture it is 1.
    """
    try:
        with Image.open(io.BytesIO(read_bytes(path)), formats=FORMATS) as image:
            return _orientation(image)
    except (Image.DecompressionBombError, *_DAMAGES):
        return 1


def sniff(head: bytes) -> str | None:
    """The format that a file's first bytes (12 suffice) say it is: one of FORMATS, or None."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a file is to be opened as a picture: by its suffix, and where that is unknown by its first bytes."""
    if os.path.splitext(path)[1].lower() in (*SUFFIXES, *UNREAD_SUFFIXES):
        return True
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return sniff(file.read(12)) is not None
    except OSError:
        return False


_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
}


def _from_array(array: npt.NDArray[np.uint8], channels: int | None, max_pixels: int) -> Pixels:
    if (
        array.dtype != np.uint8
        or array.ndim not in (2, 3)
        or (array.ndim == 3 and array.shape[2] not in (1, 3, 4))
    ):
        raise PictureError(
            "unreadable",
            f"an array of {array.dtype} and shape {array.shape}; expected uint8 (height, width[, 1, 3 or 4])",
        )
    if array.size == 0:
        raise PictureError("empty", f"an array of shape {array.shape} has no pixels")
    _refuse_bomb(array.shape[1], array.shape[0], max_pixels)
    pixels = array[:, :, None] if array.ndim == 2 else array
    if pixels.shape[2] == 4 or channels not in (None, pixels.shape[2]):
        return _pixels(_as_image(pixels), channels)
    return pixels


def _decode(data: bytes, channels: int | None, max_pixels: int) -> Pixels:
    if not data:
        raise PictureError("empty", "the file has 0 bytes")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _refuse_bomb(image.width, image.height, max_pixels)
            image.load()
            return _upright(_pixels(image, channels), _orientation(image))
    except Image.DecompressionBombError as error:
        raise PictureError(
            "pixel bomb", f"more than the {MOST_PIXELS:,} pixels that are ever decoded; make it smaller"
        ) from error
    except _DAMAGES as error:
        raise _damage(data, error) from error


def _refuse_bomb(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise PictureError(
            "pixel bomb",
            f"{width} x {height} = {width * height:,} pixels, but at most {max_pixels:,} are decoded "
            "(data.max_pixels in the recipe)",
        )


def _damage(data: bytes, error: BaseException) -> PictureError:
    """What Pillow said, in our words; only the length in its header tells that a WebP was cut off."""
    name = sniff(data[:12])
    if name is None:
        # The container of phones' photographs (ISO 14496-12) says so behind its first length.
        found = "in HEIC or AVIF, which is not read" if data[4:8] == b"ftyp" else "no picture that is read"
        return PictureError(
            "unreadable", f"this is {found}: save it as JPEG or PNG ({', '.join(FORMATS)} are)"
        )
    short_webp = name == "WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data)
    if short_webp or isinstance(error, EOFError) or "truncated" in str(error).lower():
        return PictureError("truncated", f"the {name} ends before the picture does ({len(data):,} bytes)")
    said = "its header is damaged or cut off" if isinstance(error, UnidentifiedImageError) else str(error)
    return PictureError("unreadable", f"it begins like a {name}, but {said or type(error).__name__}")


def _pixels(image: Image.Image, channels: int | None) -> Pixels:
    """Pixels of any mode as uint8 (height, width, 1 or 3)."""
    if image.mode in ("I", "F") and image.format != "PNG":
        raise PictureError(
            "unreadable", "32 bits a pixel, whose black and white are unknown; save it as 8 or 16 bits"
        )
    if image.mode.startswith("I"):
        grey = _from_16_bits(np.asarray(image))
        return _as_channels(Image.fromarray(grey), channels or 1)
    if image.has_transparency_data:
        image = _on_white(image)
    return _as_channels(image, channels or (1 if image.mode in ("1", "L") else 3))


def _as_channels(image: Image.Image, channels: int) -> Pixels:
    # A copy, as Pillow lends its pixels read-only and PyTorch warns of that.
    pixels: Pixels = np.array(image.convert("L" if channels == 1 else "RGB"))
    return pixels[:, :, None] if channels == 1 else pixels


def _from_16_bits(values: npt.NDArray[np.generic]) -> Pixels:
    """0..65535 to 0..255, rounded; 65535 / 257 = 255."""
    clipped: npt.NDArray[np.uint32] = np.clip(values, 0, 65_535).astype(np.uint32)
    return ((clipped + 128) // 257).astype(np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    """Alpha composited on white; grey stays grey."""
    grey = image.mode in ("1", "L", "LA", "La")
    opaque = image.convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", image.size, "white"), opaque)
    return shown.convert("L" if grey else "RGB")


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; damaged EXIF is no reason to refuse a picture whose pixels are whole."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except _DAMAGES:
        return 1
    return found if found in range(1, 9) else 1


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Pixels as held to how they are seen; EXIF 2.32, tag 274."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels if orientation == 1 else np.ascontiguousarray(pixels)


def _as_image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
