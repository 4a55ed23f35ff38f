"""A network as a table: what each layer gives, and what it costs."""

import copy
from typing import TypedDict

import torch
from torch import nn

from plait.layers.layer import Layer
from plait.layers.shapes import Shape
from plait.layers.stack import Stack


class TableRow(TypedDict):
    """One layer; ``multiply_adds`` are of one example."""

    number: int
    layer: str
    output: str
    parameters: int
    multiply_adds: int


def network_table(stack: Stack, arriving: Shape) -> list[TableRow]:
    """A row a layer, in order; the stack may be built or not, and is not changed. Raises NetworkError."""
    return [
        TableRow(
            number=number,
            layer=layer.title,
            output=str(given),
            parameters=_parameters(layer, shape),
            multiply_adds=layer.multiply_adds(shape),
        )
        for number, (layer, shape, given) in enumerate(stack.walk(arriving), start=1)
    ]


def _parameters(layer: Layer, arriving: Shape) -> int:
    return count_parameters(layer) or count_parameters(_built(layer, arriving))


def count_parameters(module: nn.Module) -> int:
    """Numbers that are learnt."""
    return sum(parameter.numel() for parameter in module.parameters())


def _built(layer: Layer, arriving: Shape) -> Layer:
    """A copy with parameters that take no memory; a layer that is built already has none if it comes here."""
    twin = copy.deepcopy(layer)
    with torch.device("meta"):
        twin.create(arriving)
    return twin
