"""What is foreseen of tokens left out, and which of a network's layers learn it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from plait.data.masked_batches import NOT_MASKED
from plait.errors import NetworkError
from plait.inference.text import pad
from plait.layers import Tokens, Words, read_network
from plait.recipe import read_recipe
from plait.tasks.masked_tokens import MaskedTokens, masked_loss, reading_layers

ARRIVING = Tokens(24, 30)


def model() -> MaskedTokens:
    torch.manual_seed(0)
    layers = read_network([{"embedding": 8}, {"recurrent": {"cell": "gru", "units": 5, "direction": "both"}}])
    given = ARRIVING
    for layer in layers:
        given = layer.build(given)
    return MaskedTokens(layers, ARRIVING).eval()


@pytest.mark.parametrize(
    ("task", "arriving", "words"),
    [
        ("text-classification", ARRIVING, ["embedding", "parallel", "dropout", "recurrent"]),
        (
            "sequence-tagging",
            Words(24, 30, letters=6, characters=20),
            ["parallel", "dropout", "recurrent", "dropout"],
        ),
    ],
)
def test_the_default_networks_read_until_they_pool(task: str, arriving: Tokens, words: list[str]) -> None:
    layers = read_recipe(None, (), task).layers()
    assert [layer.word for layer in layers[: reading_layers(layers, arriving)]] == words


def test_a_network_without_vectors_of_tokens_is_refused() -> None:
    layers = read_network([{"character_conv": {"channels": 8}}])
    with pytest.raises(NetworkError, match="embedding"):
        reading_layers(layers, Words(24, 30, letters=6, characters=20))


@torch.no_grad()
def test_only_the_places_are_scored_and_padding_changes_nothing() -> None:
    made = model()
    chance = np.random.default_rng(0)
    texts = [chance.integers(2, 30, length) for length in (4, 9, 6)]
    for multiple in (1, 16):
        tokens, lengths = (torch.from_numpy(one) for one in pad(texts, multiple))
        places = torch.zeros(tokens.shape, dtype=torch.bool)
        places[0, 1] = places[1, 8] = places[1, 0] = True
        targets = torch.where(places, tokens, NOT_MASKED)
        logits = made(tokens, lengths, places)
        vectors = made.reading.state_dict()["layers.0.table.weight"]
        everywhere = made.narrowing(made.reading(tokens, lengths)) @ vectors[2:].T + made.bias
        torch.testing.assert_close(logits, everywhere[places])
        expected = F.cross_entropy(everywhere[places], tokens[places] - 2)
        torch.testing.assert_close(masked_loss(logits, targets), expected)
    assert masked_loss(logits[:0], torch.full_like(targets, NOT_MASKED)) == 0
