"""Pictures of every format and mode open as a viewer shows them; damaged ones are refused, nothing worse."""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from plait.inference.picture_file import FORMATS, PictureError, open_picture, sniff

LIMIT = 1_000_000


def colors(height: int = 24, width: int = 40) -> np.ndarray:
    """A smooth picture in which no row, column or channel equals another."""
    rows, columns = np.mgrid[0:height, 0:width].astype(float)
    channels = [200 * rows / height, 220 * columns / width, 60 + 100 * (rows + columns) / (height + width)]
    return np.stack(channels, axis=2).astype(np.uint8)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def kind_of(source: str | Path | bytes | np.ndarray, max_pixels: int = LIMIT) -> str:
    with pytest.raises(PictureError) as caught:
        open_picture(source, None, max_pixels)
    return caught.value.kind


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "tiff"])
def test_a_lossless_format_gives_its_pixels_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(colors()).save(path)
    np.testing.assert_array_equal(open_picture(path, 3, LIMIT), colors())
    np.testing.assert_array_equal(open_picture(str(path), None, LIMIT), colors())
    np.testing.assert_array_equal(open_picture(path.read_bytes(), None, LIMIT), colors())


def test_webp_lossless_and_compressed_tiff() -> None:
    image = Image.fromarray(colors())
    np.testing.assert_array_equal(open_picture(encoded(image, "WEBP", lossless=True), 3, LIMIT), colors())
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        data = encoded(image, "TIFF", compression=compression)
        np.testing.assert_array_equal(open_picture(data, 3, LIMIT), colors())


@pytest.mark.parametrize(("format", "options"), [("JPEG", {"quality": 95}), ("WEBP", {"quality": 95})])
def test_a_lossy_format_comes_close(format: str, options: dict[str, object]) -> None:
    opened = open_picture(encoded(Image.fromarray(colors()), format, **options), 3, LIMIT)
    assert np.abs(opened.astype(int) - colors()).mean() < 3


def test_channels_follow_the_file_or_the_wish() -> None:
    grey = Image.fromarray(colors()[:, :, 0])
    data = encoded(grey, "PNG")
    assert open_picture(data, None, LIMIT).shape == (24, 40, 1)
    tripled = open_picture(data, 3, LIMIT)
    assert tripled.shape == (24, 40, 3)
    assert (tripled == np.asarray(grey)[:, :, None]).all()
    color = Image.fromarray(colors())
    weighed = open_picture(encoded(color, "PNG"), 1, LIMIT)
    np.testing.assert_array_equal(weighed[:, :, 0], np.asarray(color.convert("L")))


def test_what_is_transparent_shows_white() -> None:
    pixels = np.dstack([colors(), np.full((24, 40), 255, np.uint8)])
    pixels[:, :20, 3] = 0
    pixels[:, 20, 3] = 128
    for format in ("PNG", "WEBP", "TIFF"):
        options = {"lossless": True} if format == "WEBP" else {}
        opened = open_picture(encoded(Image.fromarray(pixels), format, **options), 3, LIMIT)
        assert (opened[:, :20] == 255).all()
        half = np.round(colors()[:, 20] * (128 / 255) + 255 * (127 / 255))
        assert np.abs(opened[:, 20] - half).max() <= 1
        np.testing.assert_array_equal(opened[:, 21:], colors()[:, 21:])


def test_grey_with_alpha_stays_grey_on_white() -> None:
    pixels = np.dstack([colors()[:, :, 0], np.zeros((24, 40), np.uint8)])
    assert (open_picture(encoded(Image.fromarray(pixels), "PNG"), None, LIMIT) == 255).all()
    assert open_picture(encoded(Image.fromarray(pixels), "PNG"), None, LIMIT).shape[2] == 1


def test_a_transparent_color_of_an_rgb_png_shows_white() -> None:
    pixels = colors()
    pixels[:5] = (9, 8, 7)
    opened = open_picture(encoded(Image.fromarray(pixels), "PNG", transparency=(9, 8, 7)), 3, LIMIT)
    assert (opened[:5] == 255).all()
    np.testing.assert_array_equal(opened[5:], pixels[5:])


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_palette_is_looked_up_and_its_transparency_shows_white(format: str) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    opaque = open_picture(encoded(image, format), 3, LIMIT)
    assert opaque.tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]
    seen = open_picture(encoded(image, format, transparency=1), 3, LIMIT)
    assert seen.tolist() == [[[255, 0, 0], [255, 255, 255], [0, 0, 255]]]


def test_a_palette_png_with_an_alpha_for_every_color() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0, 1])
    opened = open_picture(encoded(image, "PNG", transparency=bytes([0, 255])), 3, LIMIT)
    assert opened.tolist() == [[[255, 255, 255], [0, 255, 0]]]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_by_257(format: str) -> None:
    values = np.array([[0, 128, 129, 257, 32_768, 65_535]], np.uint16)
    opened = open_picture(encoded(Image.fromarray(values), format), None, LIMIT)
    assert opened.shape == (1, 6, 1)
    np.testing.assert_array_equal(opened[:, :, 0], np.round(values / 257))
    np.testing.assert_array_equal(
        open_picture(encoded(Image.fromarray(values), format), 3, LIMIT)[:, :, 2], opened[:, :, 0]
    )


def test_big_endian_16_bit_tiff() -> None:
    values = np.array([[0, 300, 65_535]], np.uint16)
    image = Image.frombytes("I;16B", (3, 1), values.astype(">u2").tobytes())
    assert open_picture(encoded(image, "TIFF"), None, LIMIT).ravel().tolist() == [0, 1, 255]


def test_black_and_white() -> None:
    image = Image.fromarray(np.eye(5, dtype=bool))
    for format in ("PNG", "BMP", "TIFF"):
        np.testing.assert_array_equal(
            open_picture(encoded(image, format), None, LIMIT)[:, :, 0], np.eye(5) * 255
        )


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_becomes_the_color_a_viewer_shows(format: str) -> None:
    for color in ((255, 0, 0), (0, 255, 0), (20, 30, 200), (255, 255, 255), (0, 0, 0)):
        image = Image.new("RGB", (16, 16), color).convert("CMYK")
        opened = open_picture(encoded(image, format), 3, LIMIT)
        assert np.abs(opened.astype(int) - color).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_exif_orientation_equals_the_upright_picture(format: str, orientation: int) -> None:
    upright = Image.fromarray(colors())
    # What a camera stores so that the tag turns it upright: the inverse of the tag's own turn.
    turn = Image.Transpose
    stored = {
        1: None,
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_90,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = upright if stored is None else upright.transpose(stored)
    options: dict[str, object] = {"quality": 100, "subsampling": 0} if format == "JPEG" else {}
    options |= {"lossless": True} if format == "WEBP" else {}
    opened = open_picture(encoded(image, format, exif=exif, **options), 3, LIMIT)
    assert opened.shape == colors().shape
    assert np.abs(opened.astype(int) - colors()).max() <= (4 if format == "JPEG" else 0)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_hide_whole_pixels() -> None:
    data = encoded(Image.fromarray(colors()), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff nonsense")
    assert open_picture(data, 3, LIMIT).shape == (24, 40, 3)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_of_an_animation(format: str) -> None:
    first, second = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
    options: dict[str, object] = {"lossless": True} if format == "WEBP" else {}
    data = encoded(first, format, save_all=True, append_images=[second], **options)
    opened = open_picture(data, 3, LIMIT)
    assert (opened == (255, 0, 0)).all()


def test_arrays_are_pictures_too() -> None:
    grey, color = colors()[:, :, 0], colors()
    np.testing.assert_array_equal(open_picture(grey, None, LIMIT), grey[:, :, None])
    np.testing.assert_array_equal(open_picture(color, None, LIMIT), color)
    assert open_picture(grey, 3, LIMIT).shape == (24, 40, 3)
    np.testing.assert_array_equal(
        open_picture(color, 1, LIMIT), open_picture(encoded(Image.fromarray(color), "PNG"), 1, LIMIT)
    )
    clear = np.dstack([color, np.zeros((24, 40), np.uint8)])
    assert (open_picture(clear, 3, LIMIT) == 255).all()


def test_arrays_that_are_no_pictures() -> None:
    assert kind_of(np.zeros((4, 4), np.float32)) == "unreadable"
    assert kind_of(np.zeros((4, 4, 2), np.uint8)) == "unreadable"
    assert kind_of(np.zeros((0, 4), np.uint8)) == "empty"
    assert kind_of(np.zeros((40, 40), np.uint8), max_pixels=1000) == "pixel bomb"


def test_no_file_a_folder_and_a_link_to_itself(tmp_path: Path) -> None:
    assert kind_of(tmp_path / "no.png") == "missing file"
    assert kind_of(tmp_path) == "unreadable"
    (tmp_path / "empty.png").touch()
    assert kind_of(tmp_path / "empty.png") == "empty"
    with pytest.raises(PictureError, match=r"no\.png: missing file"):
        open_picture(tmp_path / "no.png", 3, LIMIT)


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need rights there")
def test_links_and_pipes(tmp_path: Path) -> None:
    import os

    (tmp_path / "loop.png").symlink_to("loop.png")
    assert kind_of(tmp_path / "loop.png") == "symlink loop"
    (tmp_path / "dangling.png").symlink_to("nowhere.png")
    assert kind_of(tmp_path / "dangling.png") == "missing file"
    os.mkfifo(tmp_path / "pipe.png")
    assert kind_of(tmp_path / "pipe.png") == "unreadable"


def test_text_and_other_formats_are_no_pictures() -> None:
    assert kind_of(b"not a picture") == "unreadable"
    with pytest.raises(PictureError, match=r"HEIC or AVIF.*JPEG or PNG"):
        open_picture(b"\0\0\0\x18ftypheic\0\0\0\0mif1", 3, LIMIT)
    assert kind_of(encoded(Image.fromarray(colors()), "PPM")) == "unreadable"
    assert kind_of(encoded(Image.fromarray(colors()[:, :, 0].astype(np.float32)), "TIFF")) == "unreadable"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(format: str, share: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(pixels), format)
    kind = kind_of(data[: int(len(data) * share)])
    assert kind == "truncated" or (format == "TIFF" and kind == "unreadable")


def test_a_pixel_bomb_is_refused_before_it_is_decoded() -> None:
    for side in (2_000, 65_000):
        header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
        data = encoded(Image.new("1", (1, 1)), "PNG")
        assert kind_of(data[:8] + chunk + data[8 + len(chunk) :]) == "pixel bomb"
    small = encoded(Image.new("L", (100, 100)), "PNG")
    assert kind_of(small, max_pixels=9_999) == "pixel bomb"
    assert open_picture(small, None, 10_000).shape == (100, 100, 1)


@pytest.mark.parametrize("format", FORMATS)
def test_sniff_knows_every_format(format: str) -> None:
    assert sniff(encoded(Image.fromarray(colors()), format)[:12]) == format
    assert sniff(b"") is None


EXAMPLES = [encoded(Image.fromarray(colors(9, 11)), format) for format in FORMATS]
EXAMPLES += [
    encoded(Image.fromarray(colors(9, 11)).convert("P"), "GIF", transparency=3),
    encoded(Image.fromarray(colors(9, 11)), "TIFF", compression="tiff_lzw"),
    encoded(
        Image.fromarray(colors(9, 11)),
        "JPEG",
        progressive=True,
        exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00",
    ),
]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damaged_bytes_give_a_picture_or_a_picture_error(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(EXAMPLES)))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    try:
        opened = open_picture(bytes(content), data.draw(st.sampled_from([None, 1, 3])), LIMIT)
    except PictureError:
        return
    assert opened.dtype == np.uint8
    assert opened.ndim == 3
    assert opened.shape[2] in (1, 3)
