"""Text files are read in the encoding they are written in, or refused with the line at fault."""

from pathlib import Path

import pytest

from plait.inference.text_file import TextError, decode, read_text

CHINESE = "酒店很好，服务周到\n房间干净\n"


@pytest.mark.parametrize(
    ("content", "text", "encoding"),
    [
        ("naïve 好".encode(), "naïve 好", "UTF-8"),
        ("\ufeffnaïve".encode(), "naïve", "UTF-8"),
        (CHINESE.encode("gb18030"), CHINESE, "GB18030"),
        (b"", "", "UTF-8"),
    ],
)
def test_the_encoding_is_found(content: bytes, text: str, encoding: str) -> None:
    found = decode(content)
    assert (found.text, found.encoding) == (text, encoding)


def test_bytes_of_another_encoding_are_named_with_their_line() -> None:
    with pytest.raises(TextError, match=r"0xE9 is no UTF-8.*--encoding latin-1") as caught:
        decode("first\nsecond caf\u00e9 au lait, and a long line of plain words\n".encode("latin-1"))
    assert caught.value.row == 2
    assert decode("café".encode("latin-1"), "latin-1").text == "café"


def test_a_named_encoding_is_kept_to() -> None:
    with pytest.raises(TextError, match="no ascii"):
        decode("ok\né".encode(), "ascii")
    with pytest.raises(TextError, match="no encoding 'klingon'"):
        decode(b"x", "klingon")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="cannot be read"):
        read_text(tmp_path / "gone.txt")
