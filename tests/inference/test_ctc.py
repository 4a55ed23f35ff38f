"""CTC against brute force over all paths, against PyTorch's loss, and on examples that can be read."""

import math
from itertools import groupby, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.inference.ctc import (
    BLANK,
    best_phrase,
    forced_alignment,
    greedy,
    log_probabilities,
    log_probability,
    log_softmax,
)
from plait.inference.ctc_beam import beam_search
from plait.inference.ctc_decoder import Decoder, heard, spelled
from plait.inference.ngram_counting import count_model
from plait.inference.ngram_model import NgramModel

LETTERS = [" ", *"abcdefghijklmnopqrstuvwxyz", "'"]
NOTHING = (None, 0.0, 0.0, {})
"""No language, weight, bonus or hot words."""
seeds = st.integers(0, 10**6)


def chances(seed: int, steps: int, symbols: int, spread: float = 2.0) -> np.ndarray:
    return log_softmax(np.random.default_rng(seed).standard_normal((steps, 1 + symbols)) * spread)


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(one for one, _ in groupby(path) if one != BLANK)


def by_all_paths(logprobs: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of every labelling that has a path."""
    found: dict[tuple[int, ...], float] = {}
    for path in product(range(logprobs.shape[1]), repeat=len(logprobs)):
        chance = math.exp(sum(logprobs[step, one] for step, one in enumerate(path)))
        found[collapsed(path)] = found.get(collapsed(path), 0.0) + chance
    return found


def written(text: str, symbols: list[str], repeat: int = 2, sure: float = 8.0) -> np.ndarray:
    """Logits that say ``text``, each symbol for ``repeat`` steps and then a blank for one."""
    rows = []
    for sign in text:
        rows += [symbols.index(sign) + 1] * repeat + [BLANK]
    return np.eye(1 + len(symbols))[rows] * sure


@settings(max_examples=30, deadline=None)
@given(seed=seeds, steps=st.integers(1, 5), symbols=st.integers(1, 3))
def test_probability_is_the_sum_over_all_paths(seed: int, steps: int, symbols: int) -> None:
    logprobs = chances(seed, steps, symbols)
    expected = by_all_paths(logprobs)
    found = np.exp(log_probabilities(logprobs, list(expected)))
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-9)
    assert found.sum() == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, steps=st.integers(8, 40), length=st.integers(0, 8))
def test_probability_is_that_of_pytorchs_loss(seed: int, steps: int, length: int) -> None:
    logprobs = chances(seed, steps, 5)
    labelling = np.random.default_rng(seed).integers(1, 6, length)
    loss = torch.nn.functional.ctc_loss(
        torch.from_numpy(logprobs)[:, None],
        torch.from_numpy(labelling)[None],
        torch.tensor([steps]),
        torch.tensor([length]),
        reduction="sum",
    )
    assert -log_probability(logprobs, labelling.tolist()) == pytest.approx(loss.item(), rel=1e-9)


def test_what_does_not_fit_the_steps_is_impossible() -> None:
    logprobs = chances(0, 3, 2)
    assert log_probability(logprobs, (1, 1, 2)) == -math.inf
    assert log_probability(logprobs, (1, 2, 1)) > -math.inf
    assert log_probability(logprobs[:0], ()) == 0
    assert log_probability(logprobs[:0], (1,)) == -math.inf


@settings(max_examples=40, deadline=None)
@given(seed=seeds, steps=st.integers(1, 5), symbols=st.integers(1, 2))
def test_a_wide_beam_finds_all_labellings_in_order(seed: int, steps: int, symbols: int) -> None:
    logprobs = chances(seed, steps, symbols)
    expected = sorted(by_all_paths(logprobs).items(), key=lambda one: -one[1])
    found = beam_search(logprobs, "ab"[:symbols], "characters", 1000, *NOTHING, prune=0)
    assert [labelling for labelling, _ in found] == [labelling for labelling, _ in expected]
    np.testing.assert_allclose([score for _, score in found], np.log([chance for _, chance in expected]))


@settings(max_examples=40, deadline=None)
@given(seed=seeds, unit=st.sampled_from(["characters", "subwords", "words"]))
def test_a_wide_beam_finds_the_best_sum_of_sound_and_language(seed: int, unit: str) -> None:
    symbols = {"characters": ["a", " "], "subwords": [" a", "b"], "words": ["a", "b"]}[unit]
    language = count_model([["a", "b"], ["a"], ["b", "a"], ["ab", "a"]], 3)
    logprobs = chances(seed, 5, 2)

    def score(labelling: tuple[int, ...]) -> float:
        words = spelled([symbols[one - 1] for one in labelling], unit).split()
        sound = log_probability(logprobs, labelling)
        return sound + 0.8 * language.sentence(words) + 0.3 * len(words) + 1.5 * words.count("b")

    expected = max(by_all_paths(logprobs), key=score)
    found = beam_search(logprobs, symbols, unit, 1000, language, 0.8, 0.3, {"b": 1.5}, prune=0)
    assert found[0][0] == expected
    for labelling, total in found:
        assert total == pytest.approx(score(labelling), abs=1e-9)


def test_a_wider_beam_is_no_worse() -> None:
    for seed in range(20):
        logprobs = chances(seed, 12, 4, spread=1.0)
        best = [beam_search(logprobs, "abcd", "characters", width, *NOTHING)[0][1] for width in (1, 4, 64)]
        assert best[0] <= best[2] + 1e-9
        assert best[1] <= best[2] + 1e-9


def test_a_beam_finds_what_the_best_path_is_not() -> None:
    """Graves et al. 2006, section 3.2: the most probable labelling need not be that of the most probable path."""
    logprobs = np.log([[0.6, 0.4], [0.6, 0.4]])
    assert greedy(logprobs) == ()
    assert beam_search(logprobs, "a", "characters", 2, *NOTHING)[0][0] == (1,)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, steps=st.integers(1, 6), symbols=st.integers(1, 3))
def test_alignment_is_the_best_of_all_paths(seed: int, steps: int, symbols: int) -> None:
    logprobs = chances(seed, steps, symbols)
    best: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
    for path in product(range(1 + symbols), repeat=steps):
        chance = sum(logprobs[step, one] for step, one in enumerate(path))
        best[collapsed(path)] = max(best.get(collapsed(path), (-math.inf, ())), (chance, path))
    for labelling, (_, path) in best.items():
        runs = [(one, [step for step, _ in run]) for one, run in groupby(enumerate(path), lambda at: at[1])]
        expected = [[run[0], run[-1] + 1] for one, run in runs if one != BLANK]
        assert forced_alignment(logprobs, labelling).tolist() == expected


def test_alignment_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="no path through 2 steps has these 2 symbols"):
        forced_alignment(chances(0, 2, 1), (1, 1))


@pytest.mark.parametrize(
    ("symbols", "unit", "text"),
    [
        ([" ", "a", " ", " ", "b", " "], "characters", "a b"),
        ([" the", "se", " old"], "subwords", "these old"),
        (["turn", "left"], "words", "turn left"),
        ([], "words", ""),
    ],
)
def test_spelled(symbols: list[str], unit: str, text: str) -> None:
    assert spelled(symbols, unit) == text


@pytest.mark.parametrize("decoder", [Decoder(), Decoder(width=8)])
def test_what_is_said_clearly_is_heard_where_it_is(decoder: Decoder) -> None:
    found = heard(written(" see  all ", LETTERS, sure=12.0), LETTERS, "characters", decoder)
    assert found.text == "see all"
    assert [(word.text, word.start, word.end) for word in found.words] == [("see", 3, 11), ("all", 18, 26)]
    assert 0.9 < found.confidence <= 1
    assert all(0.9 < word.confidence <= 1 for word in found.words)
    assert [len(word.characters) for word in found.words] == [3, 3]
    assert all(min(word.characters) == word.confidence for word in found.words)


@pytest.mark.parametrize(
    ("symbols", "unit", "said", "words"),
    [
        ([" a", "b", " c"], "subwords", [1, 2, 3], ["ab", "c"]),
        (["left", "right"], "words", [1, 2, 2], ["left", "right", "right"]),
    ],
)
def test_words_of_other_units(symbols: list[str], unit: str, said: list[int], words: list[str]) -> None:
    logits = np.eye(1 + len(symbols))[[one for each in said for one in (each, BLANK)]] * 9
    found = heard(logits, symbols, unit, Decoder())
    assert found.symbols == tuple(said)
    assert [word.text for word in found.words] == words
    assert [len(word.characters) for word in found.words] == [
        0 if unit == "words" else len(one) for one in words
    ]
    assert found.text == " ".join(words)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, width=st.sampled_from([1, 6]), unit=st.sampled_from(["characters", "subwords", "words"]))
def test_words_make_the_text_and_lie_one_after_the_other(seed: int, width: int, unit: str) -> None:
    symbols = [" ", "a", "b"] if unit == "characters" else [" a", "b", " cd"]
    symbols = symbols if unit != "words" else ["a", "b", "cd"]
    found = heard(chances(seed, 15, 3), symbols, unit, Decoder(width=width))
    assert " ".join(word.text for word in found.words) == found.text
    ends = [0] + [place for word in found.words for place in (word.start, word.end)]
    assert ends == sorted(ends)
    assert all(0 <= one.confidence <= 1 for one in (found, *found.words))


def test_greedy_confidence_is_the_exact_probability_of_what_was_heard() -> None:
    logits = np.random.default_rng(3).standard_normal((4, 3))
    found = heard(logits, "ab", "characters", Decoder())
    assert found.confidence == pytest.approx(by_all_paths(log_softmax(logits))[found.symbols])


def test_no_steps_say_nothing_for_sure() -> None:
    for decoder in (Decoder(), Decoder(width=4), Decoder(phrases=((1,),))):
        found = heard(np.zeros((0, 2)), "a", "characters", decoder)
        assert (found.text, found.confidence, found.words) == ("", 1.0, ())


def test_columns_that_are_not_the_symbols_are_refused() -> None:
    with pytest.raises(ValueError, match=r"logits are \(4, 2\), but 2 symbols need \(steps, 3\)"):
        heard(np.zeros((4, 2)), "ab", "characters", Decoder())


@pytest.fixture(scope="module")
def language() -> NgramModel:
    return count_model([["the", "old", "man"], ["the", "old", "man", "sat"], ["an", "old", "man"]], 2)


def unclear() -> np.ndarray:
    """ "the old man", in which one letter sounds a little more like another."""
    logits = written("the old man", LETTERS)
    place = "the old man".index("m") * 3
    logits[place : place + 2, LETTERS.index("n") + 1] = 8.5
    return logits


def test_language_decides_what_sounds_alike(language: NgramModel) -> None:
    assert heard(unclear(), LETTERS, "characters", Decoder()).text == "the old nan"
    assert heard(unclear(), LETTERS, "characters", Decoder(width=8)).text == "the old nan"
    found = heard(unclear(), LETTERS, "characters", Decoder(width=8, language=language))
    assert found.text == "the old man"
    assert found.confidence > 0.5


def test_a_searched_answers_confidence_is_its_texts_share_in_what_was_found(language: NgramModel) -> None:
    symbols = [" ", "old", "man", "o", "ld"]
    logprobs = chances(2, 6, 5)
    found = beam_search(logprobs, symbols, "characters", 16, language, 0.7, 0.1, {"old": 1.0})
    answer = heard(logprobs, symbols, "characters", Decoder(16, language, 0.7, 0.1, {"old": 1.0}))
    same = [spelled([symbols[one - 1] for one in row], "characters") == answer.text for row, _ in found]
    shares = np.exp([score for _, score in found])
    assert answer.symbols == found[0][0]
    assert answer.confidence == pytest.approx(shares[same].sum() / shares.sum())


def test_hot_words_are_preferred() -> None:
    found = heard(unclear(), LETTERS, "characters", Decoder(width=8, hot={"man": 3.0}))
    assert found.text == "the old man"


def test_a_bonus_makes_more_words() -> None:
    logits = written("ab", [" ", "a", "b"], repeat=1, sure=3.0)
    few, many = (
        heard(logits, [" ", "a", "b"], "characters", Decoder(width=16, bonus=nats)) for nats in (-8.0, 8.0)
    )
    assert len(few.words) < len(many.words)


def test_the_most_probable_phrase_and_its_share() -> None:
    logprobs = chances(1, 8, 3)
    phrases = [(1, 2), (3,), (2, 2, 1), (1, 1, 1, 1, 1)]
    exact = np.exp([log_probability(logprobs, one) for one in phrases])
    place, probability = best_phrase(logprobs, phrases, rejects=False)
    assert place == exact.argmax()
    assert probability == pytest.approx(exact.max() / exact.sum())
    assert exact[3] == 0


def test_what_is_no_phrase_is_rejected() -> None:
    symbols = ["left", "right", "stop"]
    logits = np.eye(4)[[3, 3, 0, 3, 0]] * 9
    phrases = ((1,), (2,))
    for rejects, text in ((False, ("left", "right")), (True, ("",))):
        found = heard(logits, symbols, "words", Decoder(phrases=phrases, rejects=rejects))
        assert found.text in text
    assert found.confidence > 0.9
    clear = heard(np.eye(4)[[0, 1, 0]] * 9, symbols, "words", Decoder(phrases=phrases, rejects=True))
    assert (clear.text, clear.words[0].start, clear.words[0].end) == ("left", 1, 2)
    patient = Decoder(phrases=phrases, rejects=True, threshold=100.0)
    assert heard(logits, symbols, "words", patient).text in ("left", "right")


def test_no_phrase_fits() -> None:
    assert best_phrase(chances(0, 1, 2), [(1, 2)], rejects=False) == (None, 0.0)
    assert best_phrase(chances(0, 1, 2), [], rejects=False) == (None, 0.0)


def test_a_phrase_named_twice_counts_once() -> None:
    logits = np.random.default_rng(0).standard_normal((6, 3))
    once, twice = (
        heard(logits, ["a", "b"], "words", Decoder(phrases=phrases))
        for phrases in (((1,), (2,)), ((1,), (2,), (1,), (2,)))
    )
    assert once == twice


def test_long_and_improbable_sounds_keep_their_numbers() -> None:
    logprobs = chances(0, 1500, 4, spread=0.1)
    found = beam_search(logprobs, "abc ", "characters", 4, *NOTHING)
    assert all(math.isfinite(score) for _, score in found)
    assert found[0][1] >= log_probability(logprobs, greedy(logprobs))
