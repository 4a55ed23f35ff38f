"""A recording in any file is one channel of int16 samples at the rate that is asked for."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.sounds import RATE, sound, write

from plait.inference.sound_file import Clip, SoundError, open_sound, rate_of
from plait.inference.transcripts import tidy


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".au"])
def test_samples_come_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"x{suffix}", "abcd", 3)
    np.testing.assert_array_equal(open_sound(Clip(str(path)), RATE), sound("abcd", 3))
    assert rate_of(str(path)) == RATE


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_what_was_made_smaller_is_near(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"x{suffix}", "abcd", 3, rate=16000)
    found, true = open_sound(Clip(str(path)), 16000).astype(float), sound("abcd", 3, 16000).astype(float)
    length = min(len(found), len(true))
    assert np.corrcoef(found[:length], true[:length])[0, 1] > 0.97


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_a_file_cut_short_says_so(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"x{suffix}", "abcd" * 10, 3, rate=16000)
    assert len(open_sound(Clip(str(path)), 16000))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SoundError, match=r"[Cc]opy it again") as raised:
        open_sound(Clip(str(path)), 16000)
    assert " object at " not in str(raised.value)


def test_channels_are_averaged_and_pieces_cut(tmp_path: Path) -> None:
    left = sound("ab").astype(np.int16)
    soundfile.write(tmp_path / "x.wav", np.stack([left, np.zeros_like(left)], axis=1), RATE)
    found = open_sound(Clip(str(tmp_path / "x.wav"), 0.1, 0.2), RATE)
    np.testing.assert_allclose(found, left[RATE // 10 : RATE // 5] / 2, atol=1)


def test_another_rate_keeps_the_tone(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", "aaaa", rate=44100)
    found = open_sound(Clip(str(path)), RATE)
    assert len(found) == pytest.approx(len(sound("aaaa")), abs=2)
    spectrum = np.abs(np.fft.rfft(found))
    assert np.argmax(spectrum) * RATE / len(found) == pytest.approx(400, abs=5)


def test_what_is_no_recording_says_so(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="there is no such file"):
        open_sound(Clip(str(tmp_path / "gone.wav")), RATE)
    path = write(tmp_path / "x.wav", "ab")
    with pytest.raises(SoundError, match=r"is asked for, and it is 0\.5 s long"):
        open_sound(Clip(str(path), 2, 3), RATE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Hello,  World! ", "hello world"),
        ("Don’t stop-gap 'it'", "don't stop gap it"),
        ("你好，世界。", "你好世界"),
        ("e\u0301", "é"),
    ],
)
def test_transcripts_are_tidied(text: str, expected: str) -> None:
    assert tidy(text, True, "drop") == expected
    assert tidy(expected, True, "drop") == expected


def test_what_is_kept_is_kept() -> None:
    assert tidy("Hello,  World!", False, "keep") == "Hello, World!"
