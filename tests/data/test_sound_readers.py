"""Recordings from every layout; every broken one is listed by file and row."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.sounds import RATE, sound, speech_table, words, write

from plait.data.gather import look
from plait.data.readers import recognize
from plait.errors import DataError, Problem
from plait.inference.sound_file import Clip
from plait.recipe import read_recipe

SPEECH = read_recipe(task="speech-recognition").data
CLASSES = read_recipe(task="audio-classification").data
HERE = Path(__file__).parents[2].parent / "shared" / "data"


def kinds(problems: list[Problem]) -> dict[str, list[int | None]]:
    found: dict[str, list[int | None]] = {}
    for problem in problems:
        found.setdefault(problem.kind, []).append(problem.row)
    return found


def test_a_table_of_recordings_and_transcripts(tmp_path: Path) -> None:
    data = speech_table(tmp_path / "speech.csv", ["ab", "cd", "ab"])
    assert recognize(str(data)).content == "speech"
    found = look(str(data), SPEECH)
    assert found.table.targets == ["ab", "cd", "ab"]
    assert found.table.classes == []
    assert found.table.frame["row"].tolist() == [2, 3, 4]
    assert found.sizes[:, 0].tolist() == [1000 * len(sound("ab")) // RATE] * 3
    assert not found.errors


def test_a_table_of_recordings_and_classes_is_no_table_of_texts(tmp_path: Path) -> None:
    data = speech_table(tmp_path / "sounds.csv", ["a", "b", "a", "b"], column="label")
    assert recognize(str(data)).content == "recordings"
    assert look(str(data), CLASSES).table.classes == ["a", "b"]


def test_common_voice_as_it_is(tmp_path: Path) -> None:
    for part, texts in (("train", words(8)), ("dev", words(3, 1)), ("test", words(3, 2))):
        lines = ["client_id\tpath\tsentence\tup_votes"]
        for number, text in enumerate(texts):
            name = f"{part}_{number}.wav"
            write(tmp_path / "clips" / name, text, len(lines) + 100 * len(part))
            lines.append(f'{part}{number % 2}\t{name}\t"{text}" he said\t2')
        (tmp_path / f"{part}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = look(str(tmp_path), SPEECH)
    assert found.table.frame["split"].value_counts().to_dict() == {"train": 8, "validation": 3, "test": 3}
    assert set(found.table.frame["group"]) == {
        f"{part}{n}" for part in ("train", "dev", "test") for n in (0, 1)
    }
    assert found.table.targets[0].startswith('"')  # type: ignore[union-attr]
    assert not found.errors


def test_pieces_of_long_recordings(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", sound("abcd"), RATE)
    rows = ["audio,text,start,end", "long.wav,a,0,0.3", "long.wav,d,0.6,", "long.wav,x,5,6", "long.wav,y,b,1"]
    (tmp_path / "pieces.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = look(str(tmp_path / "pieces.csv"), SPEECH)
    assert [str(clip) for clip in found.table.frame["input"]] == [
        f"{tmp_path / 'long.wav'} (0 s to 0.3 s)",
        f"{tmp_path / 'long.wav'} (0.6 s to its end)",
    ]
    assert found.sizes[:, 0].tolist() == [300, 300]
    assert kinds(found.errors) == {"bad times": [5, 4]}


def test_transcripts_beside_recordings_and_librispeech(tmp_path: Path) -> None:
    write(tmp_path / "beside" / "x.wav", "ab")
    (tmp_path / "beside" / "x.txt").write_text("ab\n", encoding="utf-8")
    write(tmp_path / "beside" / "y.wav", "cd", 1)
    found = look(str(tmp_path / "beside"), SPEECH)
    assert found.table.targets == ["ab\n"]
    assert kinds(found.errors) == {"transcript missing": [None]}
    folder = tmp_path / "libri" / "19" / "198"
    for number, text in enumerate(("AB", "CD")):
        write(folder / f"19-198-{number:04d}.flac", text.lower(), number)
    (folder / "19-198.trans.txt").write_text("19-198-0000 AB\n19-198-0001 C D\n", encoding="utf-8")
    found = look(str(tmp_path / "libri"), SPEECH)
    assert found.table.targets == ["AB", "C D"]
    assert set(found.table.frame["group"]) == {"19"}


def test_class_folders_of_recordings(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for letter in "ab":
            for number in range(3):
                write(tmp_path / part / letter / f"{number}.wav", letter, number)
    assert recognize(str(tmp_path)).name == "sound folders"
    found = look(str(tmp_path), CLASSES)
    assert found.table.counts(["a", "b"]) == [6, 6]
    assert found.table.splits.count("test") == 6


def broken(folder: Path) -> Path:
    """A table whose rows have each a fault of its own, from line 5 on; before them three that can be used."""
    good = speech_table(folder / "speech.csv", ["ab", "cd", "ba"])
    nan = np.full(RATE, np.nan, np.float32)
    soundfile.write(folder / "nan.wav", nan, RATE, subtype="FLOAT")
    soundfile.write(folder / "silent.wav", np.zeros(RATE, np.int16), RATE)
    soundfile.write(folder / "none.wav", np.zeros(0, np.int16), RATE)
    whole = write(folder / "whole.wav", "abcd", 7).read_bytes()
    (folder / "short.wav").write_bytes(whole[: len(whole) // 2])
    (folder / "text.wav").write_text("this is no sound", encoding="utf-8")
    (folder / "phone.m4a").write_bytes(b"\0" * 100)
    names = ["nan", "silent", "none", "short", "text", "gone"]
    rows = [*(f"{name}.wav,ab" for name in names), "phone.m4a,ab", "clips/0.wav,", "clips/1.wav,...", ",ab"]
    with good.open("a", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    return good


def test_everything_broken_is_listed_by_row(tmp_path: Path) -> None:
    data = broken(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = look(str(data), SPEECH)
    assert kinds(found.errors) == {
        "recording missing": [14],
        "not a number": [5],
        "silence": [6],
        "empty recording": [7],
        "truncated": [8],
        "unreadable": [9, 11],
        "missing": [10],
        "empty transcript": [12, 13],
    }
    (converted,) = [one for one in found.errors if one.row == 11]
    assert "ffmpeg -i" in converted.message
    assert len(found.table) == 3
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_findings_say_what_should_be_known(tmp_path: Path) -> None:
    rows = ["audio,text,split", "x.wav,ab,train", "x.wav,cd,train", "y.wav,ab!é,test"]
    write(tmp_path / "x.wav", "ab")
    write(tmp_path / "y.wav", "cd", 3)
    (tmp_path / "speech.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = look(str(tmp_path / "speech.csv"), SPEECH)
    assert {one.kind for one in found.findings} == {
        "identical recordings",
        "little speech",
        "unknown characters",
    }
    (foreign,) = [one for one in found.findings if one.kind == "unknown characters"]
    assert (foreign.file, foreign.row) == (str(tmp_path / "y.wav"), 4)
    assert "'é' (1 in all" in foreign.message


def test_unknown_characters_are_told_with_what_to_do(tmp_path: Path) -> None:
    rows = ["audio,text,split", "x.wav,ab,train", "y.wav,b7A,test", "y.wav,a!7,dev"]
    write(tmp_path / "x.wav", "ab")
    write(tmp_path / "y.wav", "cd", 3)
    (tmp_path / "speech.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    options = SPEECH.model_copy(update={"lowercase": False, "punctuation": "keep"})
    found = [
        one
        for one in look(str(tmp_path / "speech.csv"), options).findings
        if one.kind == "unknown characters"
    ]
    assert [one.row for one in found] == [3, 3, 4]
    for one, remedy in zip(
        found, ("numbers as words", "data.lowercase=true", "data.punctuation=drop"), strict=True
    ):
        assert remedy in one.message


def test_transcripts_that_repeat_are_told_of_phrases(tmp_path: Path) -> None:
    data = speech_table(tmp_path / "speech.csv", ["ab", "cd", "abc"] * 3)
    repeat, little = look(str(data), SPEECH).findings
    assert repeat.kind == "transcripts repeat"
    assert "decoding.phrases=transcripts" in repeat.message
    assert little.kind == "little speech"


def test_features_of_another_size_are_named(tmp_path: Path) -> None:
    for number, size in enumerate((3, 3, 4)):
        np.save(tmp_path / f"{number}.npy", np.ones((30, size), np.float32))
    np.save(tmp_path / "3.npy", np.ones(30, np.float32))
    rows = ["features,label", *(f"{number}.npy,{'xy'[number % 2]}" for number in range(4))]
    (tmp_path / "series.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = look(str(tmp_path / "series.csv"), CLASSES, training=False)
    assert kinds(found.errors) == {"other features": [4], "unreadable": [5]}


def test_a_table_with_two_columns_of_recordings_asks_which(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("audio,path,text\nx.wav,x.wav,ab\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"which column names the recordings\? Say --set data.audio=NAME"):
        look(str(tmp_path / "t.csv"), SPEECH)


@pytest.mark.skipif(not (HERE / "commonvoice_en").is_dir(), reason="needs the data set commonvoice_en")
def test_real_sentences_in_mp3() -> None:
    found = look(str(HERE / "commonvoice_en"), SPEECH)
    assert found.table.frame["split"].value_counts().to_dict() == {"train": 360, "test": 61, "validation": 40}
    assert not found.errors
    assert found.sizes.sum() == pytest.approx(44.3 * 60_000, rel=0.01)
    assert isinstance(found.table.frame["input"].iloc[0], Clip)


def kaldi_folder(folder: Path, texts: list[str]) -> Path:
    folder.mkdir(parents=True)
    lines: dict[str, list[str]] = {"wav.scp": [], "text": [], "utt2spk": []}
    for number, text in enumerate(texts):
        write(folder / "wav" / f"{number}.wav", text, number)
        lines["wav.scp"].append(f"u{number} {folder.name}/wav/{number}.wav")
        lines["text"].append(f"u{number} {text}")
        lines["utt2spk"].append(f"u{number} s{number % 3}")
    for name, found in lines.items():
        (folder / name).write_text("\n".join(found) + "\n", encoding="utf-8")
    return folder


def test_kaldi_folders(tmp_path: Path) -> None:
    for part in ("train", "test"):
        kaldi_folder(tmp_path / part, ["ab", "c d", "a"])
    assert recognize(str(tmp_path)).name == "kaldi folders"
    found = look(str(tmp_path), SPEECH)
    assert not found.errors
    assert found.table.targets == ["ab", "c d", "a"] * 2
    assert found.table.frame["split"].tolist() == ["test"] * 3 + ["train"] * 3
    assert set(found.table.frame["group"]) == {"s0", "s1", "s2"}


def test_kaldi_segments_cut_recordings(tmp_path: Path) -> None:
    data = kaldi_folder(tmp_path / "data", ["abcd"])
    (data / "segments").write_text(
        "one u0 0.0 0.4\ntwo u0 0.4 -1\nthree u9 0 1\nfour u0 x 1\n", encoding="utf-8"
    )
    (data / "text").write_text("one ab\ntwo cd\nthree a\nfour b\n", encoding="utf-8")
    found = look(str(data), SPEECH)
    assert [str(clip.path) for clip in found.table.frame["input"]] == [str(data / "wav" / "0.wav")] * 2
    assert found.sizes[:, 0].tolist() == [400, 1000 * len(sound("abcd")) // RATE - 400]
    assert kinds(found.errors) == {"no such recording": [3], "bad row": [4]}


def test_commands_in_kaldi_folders_are_not_run(tmp_path: Path) -> None:
    data = kaldi_folder(tmp_path / "data", ["ab", "c", "d"])
    mark = tmp_path / "ran"
    with (data / "wav.scp").open("a", encoding="utf-8") as file:
        file.write(f"u3 touch {mark} |\nu1 wav/0.wav\nu4\nu5 wav/0.wav\n")
    found = look(str(data), SPEECH)
    assert kinds(found.errors) == {
        "a command": [4],
        "named twice": [5],
        "bad row": [6],
        "transcript missing": [7],
    }
    assert not mark.exists()
    assert len(found.table) == 3


LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "said"
        xmin = 0
        xmax = 1.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.4
            text = "a ""b"" [1]"
        intervals [2]:
            xmin = 0.4
            xmax = 0.5
            text = ""
        intervals [3]:
            xmin = 0.5
            xmax = 0.9
            text = "cd"
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 1.5
        points: size = 1
        points [1]:
            number = 0.7
            mark = "click"
"""
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
1.5
<exists>
1
"IntervalTier"
"said"
0
1.5
2
0
0.4
"你好"
0.4
1.5
""
"""


def test_textgrids_cut_long_recordings(tmp_path: Path) -> None:
    for name, content, encoding in (("one", LONG, "utf-8"), ("two", SHORT, "utf-16")):
        write(tmp_path / f"{name}.wav", "abcd", 1)
        (tmp_path / f"{name}.TextGrid").write_text(content, encoding=encoding)
    assert recognize(str(tmp_path)).name == "text grids"
    found = look(str(tmp_path), SPEECH)
    assert not found.errors
    assert found.table.targets == ['a "b" [1]', "cd", "你好"]
    assert [(clip.start, clip.end) for clip in found.table.frame["input"]] == [(0, 0.4), (0.5, 0.9), (0, 0.4)]


def test_the_tier_of_a_textgrid_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "one.wav", "abcd", 1)
    second = LONG[LONG.index("    item [1]") : LONG.index("    item [2]")].replace("said", "phones")
    grid = LONG.replace("size = 2", "size = 3", 1) + second.replace("item [1]", "item [3]")
    (tmp_path / "one.TextGrid").write_text(grid, encoding="utf-8")
    (tmp_path / "cut.TextGrid").write_text(LONG[:300], encoding="utf-8")
    write(tmp_path / "cut.wav", "abcd", 1)
    found = look(str(tmp_path), SPEECH)
    assert kinds(found.errors) == {"several tiers": [None], "unreadable": [None]}
    named = look(str(tmp_path), SPEECH.model_copy(update={"tier": "phones"}))
    assert len(named.table) == 2
    assert kinds(look(str(tmp_path), SPEECH.model_copy(update={"tier": "x"})).errors)["no such tier"] == [
        None
    ]
