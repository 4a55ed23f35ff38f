"""A recipe's list of descriptions to layers; the dict of layers is closed: no recipe can name code."""

from typing import Any

from plait.errors import RecipeError, suggestion
from plait.layers.activation import Activation
from plait.layers.blocks import ResidualBlock, SeparableConv
from plait.layers.characters import CharacterConv
from plait.layers.conversion import Flatten, ToMap, ToSequence
from plait.layers.convolution import Conv
from plait.layers.dense import Dense
from plait.layers.dropout import Dropout
from plait.layers.embedding import Embedding
from plait.layers.layer import Layer
from plait.layers.log_mel import LogMel
from plait.layers.norm import Norm
from plait.layers.normalize import Normalize
from plait.layers.options import option_names
from plait.layers.own import Own
from plait.layers.pooling import AdaptivePool, GlobalPool, Pool
from plait.layers.pretrained import Pretrained
from plait.layers.recurrence import Recurrent
from plait.layers.scale import Scale
from plait.layers.spatial_recurrence import SpatialRecurrent
from plait.layers.spec_augment import SpecAugment
from plait.layers.squeeze import Squeeze
from plait.layers.stack import Parallel, Repeat, Residual, Tap
from plait.layers.whitening import Whitening

LAYERS: dict[str, type[Layer]] = {
    "conv": Conv,
    "separable_conv": SeparableConv,
    "residual_block": ResidualBlock,
    "pool": Pool,
    "adaptive_pool": AdaptivePool,
    "global_pool": GlobalPool,
    "recurrent": Recurrent,
    "spatial_recurrent": SpatialRecurrent,
    "dense": Dense,
    "dropout": Dropout,
    "embedding": Embedding,
    "character_conv": CharacterConv,
    "log_mel": LogMel,
    "spec_augment": SpecAugment,
    "norm": Norm,
    "activation": Activation,
    "flatten": Flatten,
    "to_sequence": ToSequence,
    "to_map": ToMap,
    "squeeze": Squeeze,
    "pretrained": Pretrained,
    "normalize": Normalize,
    "whitening": Whitening,
    "scale": Scale,
    "residual": Residual,
    "repeat": Repeat,
    "parallel": Parallel,
    "tap": Tap,
}

NESTED = {"residual", "repeat"}
"""Layers whose option ``layers`` is a list of descriptions."""


def read_network(network: list[Any], place: str = "") -> list[Layer]:
    """Layers from a list such as ``[{conv: 32}, {pool: {size: 2}}, global_pool]``.

    A description is a word, or a word with its options, or with its first option alone. Raises RecipeError
    naming the layer's number and the nearest known word or option.
    """
    return [_read_layer(one, f"{place}layer {number}") for number, one in enumerate(network, start=1)]


def _read_layer(description: Any, place: str) -> Layer:
    word, given = _word_and_options(description, place)
    if word == Own.word:
        raise RecipeError(
            f"{place}: the network is one of your own, {given}, which no file can bring: give it again from Python, "
            "plait.load(RUN, network=...) or plait.train(resume=RUN, network=...)"
        )
    if word not in LAYERS:
        raise RecipeError(f"{place}: there is no layer {word!r}: {suggestion(word, LAYERS)}")
    layer = LAYERS[word]
    known = option_names(layer)
    options = _named(given, known, f"{place} ({word})")
    if word in NESTED and isinstance(options.get("layers"), list):
        options["layers"] = read_network(options["layers"], f"{place} ({word}), ")
    if word == "parallel" and isinstance(options.get("branches"), list):
        options["branches"] = [
            read_network(branch, f"{place} ({word}), branch {number}, ")
            if isinstance(branch, list)
            else branch
            for number, branch in enumerate(options["branches"], start=1)
        ]
    try:
        return layer(**{_in_python(name): value for name, value in options.items()})
    except RecipeError as error:
        raise RecipeError(f"{place}: {error}") from None


def _word_and_options(description: Any, place: str) -> tuple[str, Any]:
    if isinstance(description, str):
        return description, {}
    if isinstance(description, dict) and len(description) == 1:
        word, given = next(iter(description.items()))
        return str(word), {} if given is None else given
    raise RecipeError(
        f"{place}: {description!r} is not a layer's description, which is one word with its options, "
        "for example conv: {channels: 32}"
    )


def _named(given: Any, known: list[str], place: str) -> dict[str, Any]:
    """Options by name; anything but a mapping is the first option's value."""
    if not isinstance(given, dict):
        if not known:
            raise RecipeError(f"{place}: it has no options, but {given!r} was given; remove it")
        return {known[0]: given}
    unknown = [str(name) for name in given if name not in known]
    if unknown:
        raise RecipeError(
            "; ".join(f"{place}: unknown option {name!r}: {suggestion(name, known)}" for name in unknown)
        )
    return dict(given)


def _in_python(name: str) -> str:
    """``return`` is a word of Python's own."""
    return f"{name}_" if name == "return" else name
