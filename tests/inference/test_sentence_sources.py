"""Sentences are asked about in files of tokens, in columns or in lists, and as text; such a file comes back tagged."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from little_models import SPEC

from plait.errors import DataError
from plait.inference.outputs import write_csv
from plait.inference.prediction import Prediction
from plait.inference.sentence import SentenceInput
from plait.inference.sequence_tagging import Tagging, tokens_of
from plait.inference.sources import asked

INPUT = SentenceInput(["in"], ["i"], True, 2, "words", "3", "iob2", [], [])
TAGGER = replace(SPEC, task="sequence-tagging", classes=["O", "B-X"], input=INPUT)


def answered(source: Path) -> list[Prediction]:
    """Every sentence that can be used, each of its tokens an X."""
    found: list[Prediction] = []
    for one in asked([str(source)], INPUT):
        if one.problem is None:
            tokens = tokens_of(one.origin, TAGGER)
            tags = ("B-X",) * len(tokens)
            found.append(Tagging(one.origin, tokens, tags, (0.5,) * len(tokens), ()))
    return found


def words(source: Path) -> list[list[str]]:
    return [[token.word for token in one.tokens] for one in answered(source) if isinstance(one, Tagging)]


def given_back(source: Path, target: str) -> str:
    write_csv(source.parent / target, answered(source), [str(source)], TAGGER)
    return (source.parent / target).read_text(encoding="utf-8")


def test_lists_of_tokens_are_read_and_come_back_with_their_tags(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    good, bad = {"id": 1, "tokens": ["to", "Lima"], "tags": ["O", "O"]}, {"tokens": "to Lima"}
    path.write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n", encoding="utf-8")
    (problem,) = [one.problem for one in asked([str(path)], INPUT) if one.problem]
    assert "row 2: bad row: expected a list of words under tokens" in str(problem)
    assert words(path) == [["to", "Lima"]]
    lines = given_back(path, "out.jsonl").splitlines()
    found = [json.loads(line) for line in lines]
    assert found == [good | {"prediction": ["B-X", "B-X"], "probability": 0.5}, bad]


def test_columns_are_read_and_come_back_whatever_their_name(tmp_path: Path) -> None:
    for name in ("eng.testa", "eng.txt", "eng.conll"):
        path = tmp_path / name
        path.write_text("in IN O\nLima NN B-LOC\n\nhe PRP O\n", encoding="utf-8")
        assert words(path) == [["in", "Lima"], ["he"]]
        new = given_back(path, "out" + path.suffix)
        assert new == "in IN B-X\nLima NN B-X\n\nhe PRP B-X\n"
    text = tmp_path / "text.txt"
    text.write_text("he ran .\nin Lima .\n", encoding="utf-8")
    assert words(text) == [["he", "ran", "."], ["in", "Lima", "."]]


def test_bytes_that_are_no_text_are_named_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_bytes("in IN O\ncafé NN O\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.conll, row 2: the byte 0xE9"):
        given_back(path, "out.conll")


def test_no_tag_is_put_into_another_column(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("in IN O\nLima B-LOC\nhe PRP O\n", encoding="utf-8")
    assert words(path) == [["in", "Lima", "he"]]
    with pytest.raises(DataError, match="row 2: other columns: 2 columns, but most lines have 3"):
        given_back(path, "out.conll")
    assert not (tmp_path / "out.conll").exists()
