"""A text becomes the same token numbers everywhere, in every script, and no text is without an answer."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.errors import ModelError
from plait.inference.text import FIRST, PADDING, UNKNOWN, TextInput, learn_vocabulary, pad, script, split

TEXTS = ["the cat sat", "the dog sat down", "a running dog"]


def words(vocabulary: list[str], longest: int = 0) -> TextInput:
    return TextInput("words", True, vocabulary, longest, "text", "line")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't stop, it's 3.5!", ["don't", "stop", ",", "it's", "3", ".", "5", "!"]),
        ("酒店很好 good", ["酒", "店", "很", "好", "good"]),
        ("ＡＢＣ　１２", ["abc", "12"]),
        ("naïve café", ["naïve", "café"]),
        ("snake_case", ["snake", "_", "case"]),
        ("สวัสดี", list("สวัสดี")),
        ("  \n\t ", []),
    ],
)
def test_words(text: str, tokens: list[str]) -> None:
    assert [token for token in split(text, "words", True) if token.strip()] == tokens


def test_characters_are_all_kept_and_white_space_is_one_blank() -> None:
    assert split("很 好\n\nOK", "characters", False) == ["很", " ", "好", " ", "O", "K"]


@given(st.text())
def test_every_text_has_at_least_one_number_and_only_known_ones(text: str) -> None:
    input = words(["the", "##ing"])
    numbers = input.encode(text)
    assert len(numbers) >= 1
    assert numbers.dtype == np.int64
    assert ((numbers >= UNKNOWN) & (numbers < input.size)).all()


@given(st.text(), st.sampled_from(["words", "characters"]))
def test_splitting_twice_is_splitting_once(text: str, tokens: str) -> None:
    once = split(text, tokens, True)
    joined = ("" if tokens == "characters" else " ").join(once)
    assert split(joined, tokens, True) == once


def test_unknown_words_are_known_by_their_ending() -> None:
    input = words(["the", "##ing", "##ed"])
    assert input.encode("the walking talked 7").tolist() == [FIRST, FIRST + 1, FIRST + 2, UNKNOWN]


def test_the_vocabulary_is_by_frequency_and_holds_shared_endings_of_rare_words() -> None:
    assert learn_vocabulary(TEXTS, "words", True, 1, 3) == ["dog", "sat", "the"]
    assert learn_vocabulary(TEXTS, "words", True, 2, 100) == ["dog", "sat", "the"]
    rare = [" ".join(f"{stem}ing" for stem in "abcdefghijkl")]
    many = [f"{letter}{letter}{letter}ing" for letter in "abcdefghijkl"]
    assert "##ing" in learn_vocabulary([*TEXTS, " ".join(many)], "words", True, 2, 100)
    assert "##ing" not in learn_vocabulary(rare[:0] + TEXTS, "words", True, 2, 100)


def test_texts_are_cut_where_the_recipe_says_so() -> None:
    assert words(["a", "b"], longest=2).encode("a b a b").tolist() == [FIRST, FIRST + 1]


def test_padding_stands_behind_and_lengths_beside() -> None:
    values, lengths = pad([np.array([5, 6, 7]), np.array([8])], multiple=4)
    assert values.tolist() == [[5, 6, 7, PADDING], [8, PADDING, PADDING, PADDING]]
    assert lengths.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [
        (["酒店位置很好，服务不错"], "characters"),
        (["これはペンです"], "characters"),
        (["ภาษาไทย"], "characters"),
        (["a good hotel", "很好"], "words"),
        (["안녕하세요 세계"], "words"),
        ([""], "words"),
    ],
)
def test_scripts_without_spaces_are_read_by_characters(texts: list[str], tokens: str) -> None:
    assert script(texts) == tokens


def test_what_a_model_file_says_of_its_texts_comes_back() -> None:
    input = TextInput("characters", False, ["好", "a"], 400, "评论", "file")
    assert TextInput.from_json(json.loads(json.dumps(input.to_json()))) == input


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tokens": "bytes"}, "words, characters"),
        ({"vocabulary": ["a", "a"]}, "twice"),
        ({"vocabulary": [1]}, "list of texts"),
        ({"longest": -1}, "at least 0"),
        ({"lowercase": 1}, "lowercase is int"),
        ({"unit": "page"}, "line or file"),
        ({"more": 1}, "needs exactly"),
    ],
)
def test_a_wrong_description_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        TextInput.from_json(words(["a"]).to_json() | change)
