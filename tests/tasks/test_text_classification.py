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
    linear = NgramLinear(2, [1, 2], 4096)
    groups = np.arange(len(found))
    hints = fit_ngrams(linear, found, torch.from_numpy(targets), groups, seed=3)
    assert (hints.argmax(1).numpy() == targets).mean() > 0.95
    answers = linear(*map(torch.from_numpy, pad(found)))
    assert (answers.argmax(1).numpy() == targets).mean() > 0.95
    again = NgramLinear(2, [1, 2], 4096)
    assert torch.equal(hints, fit_ngrams(again, found, torch.from_numpy(targets), groups, seed=3))
    assert torch.equal(linear.weight, again.weight)
    noise = np.random.default_rng(1).integers(0, 2, len(found))
    hints = fit_ngrams(linear, found, torch.from_numpy(noise), groups, seed=3)
    assert (hints.argmax(1).numpy() == noise).mean() < 0.65, "texts were judged by their own labels"


def test_copies_are_judged_without_one_another() -> None:
    found, _ = texts(100)
    doubled = [*found, *found]
    noise = np.tile(np.random.default_rng(1).integers(0, 2, len(found)), 2)
    linear = NgramLinear(2, [1, 2], 4096)
    hints = fit_ngrams(linear, doubled, torch.from_numpy(noise), np.tile(np.arange(100), 2), seed=3)
    assert (hints.argmax(1).numpy() == noise).mean() < 0.7


def test_ngrams_of_several_labels() -> None:
    found, targets = texts()
    wanted = torch.from_numpy(np.stack([targets, 1 - targets, np.zeros_like(targets)], axis=1)).float()
    hints = fit_ngrams(NgramLinear(3, [1], 4096), found, wanted, np.arange(len(found)), seed=0)
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
