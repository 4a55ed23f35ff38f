"""Running text to tokens and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.books import story

from plait.data.subword_learning import learn_subwords
from plait.errors import ModelError
from plait.inference.language_modeling import _drawn
from plait.inference.stream import StreamInput, learn_tokens, pieces
from plait.inference.subwords import Subwords
from plait.inference.text import UNKNOWN

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80)


@given(TEXTS, st.sampled_from(["words", "characters"]))
def test_pieces_together_are_the_text(text: str, tokens: str) -> None:
    assert "".join(pieces(text, tokens)) == text
    assert all(pieces(text, tokens))


@given(TEXTS, st.sampled_from(["words", "characters"]))
def test_what_was_learnt_is_written_back(text: str, tokens: str) -> None:
    input = StreamInput(tokens, learn_tokens([text], tokens, 1, 10_000), [3])
    assert "".join(map(input.decode, input.encode(text).tolist())) == text
    assert input.naming_bits(text) == 0


def test_words_take_the_blank_before_them_along() -> None:
    assert pieces("It's  3 o'clock, 好的!\n", "words") == [
        "It's",
        " ",
        " 3",
        " o'clock",
        ",",
        " ",
        "好",
        "的",
        "!",
        "\n",
    ]


def test_the_rare_are_unknown_and_cost_their_name() -> None:
    input = StreamInput("words", learn_tokens(["a b a b c"], "words", 2, 10), [])
    assert input.vocabulary == [" b"]
    assert input.encode(" zz")[0] == UNKNOWN
    assert input.naming_bits(" zz") == pytest.approx(3 * np.log2(0x110000), rel=1e-6)


def test_it_is_written_and_read() -> None:
    input = StreamInput("characters", ["a", "\n"], [4, 8])
    assert StreamInput.from_json(input.to_json()) == input
    assert input.start == 3
    with pytest.raises(ModelError, match="exactly"):
        StreamInput.from_json({"tokens": "words"})
    with pytest.raises(ModelError, match="twice"):
        StreamInput.from_json({"tokens": "words", "vocabulary": ["a", "a"], "states": [], "merges": []})


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1.0))
def test_only_the_likeliest_that_reach_top_p_are_drawn(seed: int, top_p: float) -> None:
    chance = np.random.default_rng(seed)
    probabilities = chance.dirichlet(np.ones(6))
    order = np.argsort(-probabilities)
    allowed = order[: int((np.cumsum(probabilities[order]) < top_p).sum()) + 1]
    drawn = {_drawn(np.log(probabilities), 1.0, top_p, chance) for _ in range(30)}
    assert drawn <= set(allowed.tolist())


def test_they_are_drawn_by_their_probabilities() -> None:
    chance = np.random.default_rng(0)
    probabilities = np.array([0.5, 0.3, 0.2])
    counts = np.bincount([_drawn(np.log(probabilities), 1.0, 1.0, chance) for _ in range(4000)], minlength=3)
    np.testing.assert_allclose(counts / 4000, probabilities, atol=0.03)
    colder = np.bincount([_drawn(np.log(probabilities), 0.5, 1.0, chance) for _ in range(4000)], minlength=3)
    np.testing.assert_allclose(colder / 4000, probabilities**2 / (probabilities**2).sum(), atol=0.03)


def test_subwords_are_those_of_the_library_they_were_learnt_by() -> None:
    from tokenizers import Tokenizer, models, trainers

    words = pieces(story(200).replace("the", "their other"), "words")
    known, merges = learn_subwords(words, 2, 60)
    reference = Tokenizer(models.BPE())
    reference.train_from_iterator(
        words, trainers.BpeTrainer(vocab_size=60, min_frequency=2, show_progress=False)
    )
    split = Subwords(merges).split
    for word in {*words, "their", "theother", " unfriendly", ""}:
        here = [piece for piece in split(word) if piece in known]
        assert here == reference.encode(word).tokens
    assert len(known) <= 60


@given(TEXTS)
def test_subwords_together_are_the_text(text: str) -> None:
    known, merges = learn_subwords(pieces(story(30), "words"), 2, 80)
    input = StreamInput("subwords", known, [3], merges)
    assert "".join(input.pieces(text)) == text
    assert StreamInput.from_json(input.to_json()) == input
