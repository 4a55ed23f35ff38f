"""The text network answers alike however it is padded, and its n-grams say of a text what others taught them."""

import numpy as np
import pytest
import torch

from plait.errors import NetworkError
from plait.inference.text import TextInput, pad
from plait.layers import read_network
from plait.layers.ngrams import NgramLinear
from plait.media import MEDIA
from plait.recipe import read_recipe
from plait.tasks import TextClassification
from plait.tasks.ngram_fit import fit_ngrams
from plait.tasks.text_classification import TextNetwork, text_network

INPUT = TextInput("words", True, [f"w{number}" for number in range(50)], 0, "text", "line")
TASK = TextClassification(["a", "b"], False, read_recipe(None, (), "text-classification").loss, [5, 5])


def network() -> TextNetwork:
    torch.manual_seed(0)
    made = text_network(TASK, read_recipe(None, (), "text-classification").layers(), INPUT, [1, 2], 1024)
    assert made.ngrams is not None
    made.ngrams.weight.normal_()
    return made.eval()


def fitted(
    linear: NgramLinear,
    found: list[np.ndarray],
    targets: np.ndarray | torch.Tensor,
    groups: np.ndarray | None = None,
    spellings: tuple[str, ...] = (),
) -> torch.Tensor:
    """What the model says of each text without having seen it; spellings of two to four characters."""
    told = spellings or ("",) * len(linear.spelling)
    apart = np.arange(len(found)) if groups is None else groups
    return fit_ngrams(linear, found, told, [2, 3, 4], torch.as_tensor(targets), apart, seed=3)


def texts(count: int = 300) -> tuple[list[np.ndarray], np.ndarray]:
    """The class is whether word 5 stands in a text; the rest is noise."""
    chance = np.random.default_rng(0)
    found = [chance.integers(6, 52, chance.integers(3, 12)) for _ in range(count)]
    targets = np.arange(count) % 2
    for text, target in zip(found, targets, strict=True):
        if target:
            text[0] = 5
    return found, targets


@torch.no_grad()
def test_padding_never_changes_an_answer() -> None:
    made = network()
    found, _ = texts(20)
    together = made(*map(torch.from_numpy, pad(found, 16)))
    for row, text in enumerate(found):
        alone = made(*map(torch.from_numpy, pad([text])))
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-5)


def test_a_hint_takes_the_place_of_the_ngrams() -> None:
    made = network()
    values = [torch.from_numpy(array) for array in pad(texts(4)[0])]
    hint = torch.randn(4, 2)
    assert made.ngrams is not None
    told = made.ngrams(*values)
    torch.testing.assert_close(made(*values, hint) - made.trust * hint, made(*values) - made.trust * told)


def test_ngrams_learn_the_word_and_do_not_see_their_own_fold() -> None:
    found, targets = texts()
    linear = NgramLinear(2, [1, 2], 4096, INPUT.size)
    hints = fitted(linear, found, targets)
    assert (hints.argmax(1).numpy() == targets).mean() > 0.95
    answers = linear(*map(torch.from_numpy, pad(found)))
    assert (answers.argmax(1).numpy() == targets).mean() > 0.95
    again = NgramLinear(2, [1, 2], 4096, INPUT.size)
    assert torch.equal(hints, fitted(again, found, targets))
    assert torch.equal(linear.weight, again.weight)
    noise = np.random.default_rng(1).integers(0, 2, len(found))
    hints = fitted(linear, found, noise)
    assert (hints.argmax(1).numpy() == noise).mean() < 0.65, "texts were judged by their own labels"


def test_a_spelling_tells_the_class_of_words_that_were_never_seen() -> None:
    """Forty words with "good" inside and forty with "bad", of which training has half."""
    chance = np.random.default_rng(0)
    stems = ["good", "bad"]
    names = ["", "", *(f"<{chr(97 + word % 26)}{word}{stems[word % 2]}{word}>" for word in range(80))]
    words = np.arange(2, 82)
    found = [chance.choice(words[side:40:2], 3) for side in (0, 1) for _ in range(100)]
    targets = np.repeat([0, 1], 100)
    unseen = [np.array([word]) for word in words[40:]]
    linear, blind = (NgramLinear(2, [1], 4096, len(names)) for _ in range(2))
    fitted(linear, found, targets, spellings=tuple(names))
    fitted(blind, found, targets)
    values = [torch.from_numpy(array) for array in pad(unseen)]
    assert (linear(*values).argmax(1).numpy() == np.arange(40) % 2).all()
    torch.testing.assert_close(blind(*values), blind.bias.expand(40, 2))


def test_copies_are_judged_without_one_another() -> None:
    found, _ = texts(100)
    doubled = [*found, *found]
    noise = np.tile(np.random.default_rng(1).integers(0, 2, len(found)), 2)
    linear = NgramLinear(2, [1, 2], 4096, INPUT.size)
    hints = fitted(linear, doubled, noise, np.tile(np.arange(100), 2))
    assert (hints.argmax(1).numpy() == noise).mean() < 0.7


def test_ngrams_are_as_sure_as_they_are_right() -> None:
    """Where a fifth of the labels are wrong, no other scale of the logits foresees them better."""
    found, targets = texts()
    wrong = np.random.default_rng(2).random(len(found)) < 0.2
    wanted = torch.from_numpy(np.where(wrong, 1 - targets, targets))
    hints = fitted(NgramLinear(2, [1, 2], 4096, INPUT.size), found, wanted)
    losses = [torch.nn.functional.cross_entropy(scale * hints, wanted) for scale in (0.8, 1.0, 1.25)]
    assert min(losses) == losses[1]


def test_ngrams_of_several_labels() -> None:
    found, targets = texts()
    wanted = torch.from_numpy(np.stack([targets, 1 - targets, np.zeros_like(targets)], axis=1)).float()
    hints = fitted(NgramLinear(3, [1], 4096, INPUT.size), found, wanted)
    assert (((hints[:, :2] > 0).numpy() == wanted[:, :2].numpy()).mean()) > 0.95
    assert (hints[:, 2] < 0).all()


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ("[{embedding: 8}, flatten]", "depend on the length"),
        ("[{embedding: 8}, {pool: 2}, global_pool]", "layer 2"),
        ("[{conv: {channels: 4}}]", "layer 1"),
    ],
)
def test_networks_that_cannot_work_are_refused_before_any_data(layers: str, said: str) -> None:
    recipe = read_recipe(None, [f"network={layers}"], "text-classification")
    with pytest.raises(NetworkError, match=said):
        MEDIA[recipe.task].refuse_impossible(recipe)


def test_a_sequence_at_the_classes_is_refused_with_the_remedy() -> None:
    with pytest.raises(NetworkError, match="need a vector"):
        TASK.body(read_network([{"embedding": 8}]), MEDIA[TASK.name].arriving(INPUT))
