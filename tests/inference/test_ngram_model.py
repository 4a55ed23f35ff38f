"""n-gram models: probabilities that sum to one, ARPA's format, and counting against the baseline's formula."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.evaluation.kneser_ney import KneserNey
from plait.inference.ngram_counting import count_model
from plait.inference.ngram_model import BEGIN, END, FLOOR, UNKNOWN, NgramModel, read_arpa

ARPA = """This is made by hand.

\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-99\t<s>\t-0.5
-1.0\t</s>
-0.3\tyes\t-0.2
-0.7\tno

\\2-grams:
-0.1\t<s> yes
-0.4\tyes </s>

\\end\\
"""
SENTENCES = [
    "the cat sat on the mat",
    "the dog sat on the cat",
    "a cat saw the dog on a mat",
    "the cat saw a dog",
    "dogs sat",
]

words = st.sampled_from(["a", "b", "c", "d", "ü"])
texts = st.lists(st.lists(words, max_size=7), min_size=1, max_size=12)


def counted(order: int) -> NgramModel:
    return count_model([sentence.split() for sentence in SENTENCES], order)


def test_probabilities_and_backoffs_of_arpa() -> None:
    model = read_arpa(ARPA)
    ten = math.log(10)
    assert model.order == 2
    assert model.words == {"yes", "no"}
    assert model.score("yes", (BEGIN,)) == pytest.approx(-0.1 * ten)
    assert model.score("no", (BEGIN,)) == pytest.approx((-0.5 - 0.7) * ten)
    assert model.score("yes", ("no",)) == pytest.approx(-0.3 * ten)
    assert model.score("no", ("no", "no", "yes")) == pytest.approx((-0.2 - 0.7) * ten)
    assert model.sentence(["yes"]) == pytest.approx((-0.1 - 0.4) * ten)
    assert model.start == (BEGIN,)
    assert model.trim(("yes", "no")) == ("no",)


def test_unknown_words() -> None:
    model = read_arpa(ARPA)
    assert model.score("maybe", ("yes",)) == FLOOR
    assert model.score("yes", ("maybe",)) == model.score("yes", ())
    assert NgramModel({("a",): (-1.0, 0.0)}, unknown=-3.0).score("b", ()) == -3.0
    known = read_arpa(ARPA.replace("no\n", "<UNK>\n"))
    assert known.score("maybe", ("yes",)) == pytest.approx((-0.2 - 0.7) * math.log(10))


def test_arpa_is_read_with_blanks_and_other_line_ends() -> None:
    assert read_arpa(ARPA.replace("\t", "  ").replace("\n", " \r\n")).to_arpa() == read_arpa(ARPA).to_arpa()


@pytest.mark.parametrize(
    ("damage", "instead", "message"),
    [
        ("\\data\\", "data", "line 18: the text ends here, before"),
        ("\\end\\", "", "line 18: the text ends here, before"),
        ("ngram 2=2", "ngram 3=2", "line 5: the count of 3-grams where that of 2-grams belongs"),
        ("ngram 2=2", "two", "line 5: 'two' where a count"),
        ("ngram 2=2", "ngram 2=3", "line 17: 1 2-grams fewer than were announced"),
        ("ngram 1=4", "ngram 1=3", "line 11: more 1-grams than were announced"),
        ("\\2-grams:", "\\3-grams:", "line 13: after section 1 of 2 comes section 3"),
        ("-0.7\tno", "no", "line 11: 1 fields, but a 1-gram has 2, or one more"),
        ("-0.7\tno", "x\tno", "line 11: could not convert string to float: 'x'"),
        ("-0.7\tno", "nan\tno", "line 11: nan is no logarithm"),
        ("-0.7\tno", "0.7\tno", "line 11: 'no' has a probability above 1"),
        ("-0.7\tno", "-0.7\tyes", "line 11: 'yes' stands here for the second time"),
        ("<s> yes", "<s> maybe", "line 14: '<s> maybe' has a word that is not among the 1-grams"),
    ],
)
def test_damage_names_its_line(damage: str, instead: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_arpa(ARPA.replace(damage, instead, 1))


def test_a_model_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2: the model ends here, without a word"):
        read_arpa("\\data\\\n\\end\\\n")
    with pytest.raises(ValueError, match="at least one word"):
        NgramModel({})
    with pytest.raises(ValueError, match="'a b' has a word that is not among the 1-grams"):
        NgramModel({("a",): (-1.0, 0.0), ("a", "b"): (-1.0, 0.0)})


@settings(max_examples=40, deadline=None)
@given(sentences=texts, order=st.integers(1, 4), context=st.lists(words, max_size=3), begins=st.booleans())
def test_probabilities_after_any_context_sum_to_one(
    sentences: list[list[str]], order: int, context: list[str], begins: bool
) -> None:
    model = count_model(sentences, order)
    history = (BEGIN, *context) if begins else tuple(context)
    chance = sum(math.exp(model.score(word, history)) for word in {*model.words, END, UNKNOWN})
    assert chance == pytest.approx(1, abs=1e-9)


def test_probabilities_after_every_known_context_sum_to_one() -> None:
    model = counted(3)
    everything = [*model.words, BEGIN]
    for first in everything:
        for second in everything:
            row = [math.exp(model.score(word, (first, second))) for word in {*model.words, END, UNKNOWN}]
            assert sum(row) == pytest.approx(1, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(sentences=texts, order=st.integers(1, 4), asked=st.lists(words, max_size=6))
def test_arpa_keeps_the_scores(sentences: list[list[str]], order: int, asked: list[str]) -> None:
    model = count_model(sentences, order)
    again = read_arpa(model.to_arpa())
    assert again.sentence(asked) == pytest.approx(model.sentence(asked), abs=1e-5)
    assert again.to_arpa() == read_arpa(again.to_arpa()).to_arpa()
    assert (again.order, again.words) == (model.order, model.words)


@pytest.mark.parametrize("order", [1, 2])
def test_the_formula_is_the_baselines(order: int) -> None:
    """On one sentence, whose begin is a token as others are, with a number that is no word's."""
    sentence = " ".join(SENTENCES).split()
    model = count_model([sentence], order)
    numbers = {word: number for number, word in enumerate(sorted(model.words))}
    tokens = [len(numbers)] * (order > 1) + [numbers[word] for word in sentence] + [len(numbers) + 1]
    expected = KneserNey(np.array(tokens), len(numbers) + 2, order).nats(np.array(tokens))
    assert -model.sentence(sentence) == pytest.approx(expected[order - 1 :].sum(), abs=1e-9)


def test_counts_by_hand() -> None:
    """Two sentences "a b", "a": of bigrams (begin a) counts 2, (a b), (b end), (a end) count 1, so 3/5 is the discount;
    of unigrams a and b follow one word, end two, so 2/4."""
    model = count_model([["a", "b"], ["a"]], 2)
    uniform = 0.5 * 3 / 4 / 4
    unigram_a, unigram_end = 0.5 / 4 + uniform, 1.5 / 4 + uniform
    assert math.exp(model.score("a", ())) == pytest.approx(unigram_a)
    assert math.exp(model.score(UNKNOWN, ())) == pytest.approx(uniform)
    assert math.exp(model.score("a", (BEGIN,))) == pytest.approx(1.4 / 2 + 0.6 / 2 * unigram_a)
    assert math.exp(model.score(END, ("a",))) == pytest.approx(0.4 / 2 + 0.6 * 2 / 2 * unigram_end)


def test_the_discount_is_a_half_where_nothing_occurs_twice() -> None:
    model = count_model([["a"]], 1)
    assert math.exp(model.score(UNKNOWN, ())) == pytest.approx(0.5 * 2 / 2 / 3)


def test_a_sentences_begin_counts_as_often_as_it_occurs() -> None:
    model = count_model([["a", "b"]] * 3 + [["c", "b"]], 3)
    assert model.score("a", (BEGIN,)) > model.score("c", (BEGIN,)) + 0.5


def test_seen_words_are_likelier_than_unseen() -> None:
    model = counted(3)
    seen = SENTENCES[0].split()
    assert model.sentence(seen) > model.sentence(seen[::-1])
    assert model.score("cat", (BEGIN, "the")) > model.score("on", (BEGIN, "the"))
    assert model.score("cat", ()) > model.score("zebra", ())
    assert model.score("zebra", ("the",)) == model.score(UNKNOWN, ("the",))


@pytest.mark.parametrize(
    ("sentences", "order", "message"),
    [
        ([["a"]], 0, "order is 0"),
        ([], 2, "no sentence"),
        ([["a b"]], 2, "'a b' is no word"),
        ([["a", ""]], 2, "'' is no word"),
        ([["a", "</s>"]], 2, "'</s>' is no word"),
    ],
)
def test_nonsense_is_refused(sentences: list[list[str]], order: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count_model(sentences, order)
