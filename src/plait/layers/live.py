"""Reading in pieces: which layers of a stack are asked again about what they look at, and which carry a state."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from jaxtyping import Float, Int
from torch import Tensor

from plait.errors import NetworkError
from plait.layers.cell import State
from plait.layers.layer import Window
from plait.layers.masks import blank_padding
from plait.layers.stack import Stack


def state_widths(stack: Stack) -> list[tuple[int, ...]]:
    """Of every state that a built stack carries, the widths of its tensors."""
    example = torch.zeros(1, 1)
    return [tuple(one.shape[1] for one in state) for state in stack.initial_state(example)]


def grouped(states: Sequence[Tensor], widths: Sequence[tuple[int, ...]]) -> Iterator[State]:
    """Tensors one after the other as the states that they make up."""
    at = 0
    for one in widths:
        yield tuple(states[at : at + len(one)])
        at += len(one)


def front(stack: Stack) -> tuple[int, Window]:
    """How many layers come before the first that carries a state, and what they see together.

    Those are asked anew about every piece, with what they look at on both sides; all that follow carry their states
    from piece to piece. Raises NetworkError with the number of a layer that looks at everything, or, behind the first
    that carries a state, at other steps.
    """
    count, seen = 0, Window(0, 0)
    for number, layer in enumerate(stack, start=1):
        begun = count < number - 1
        window = layer.window()
        if begun or layer.states:
            if not layer.reads_on:
                remedy = "take recurrent layers forward in time, and convolutions before them"
                raise NetworkError(f"layer {number} ({layer.title}) looks at steps to come: {remedy}")
            continue
        if math.isinf(window.left + window.right):
            remedy = "normalize by what was heard (normalize: running), and pool by kernels"
            raise NetworkError(f"layer {number} ({layer.title}) looks at the whole recording: {remedy}")
        count, seen = number, seen.then(window)
    return count, seen


def read_piece(
    stack: Stack,
    front: int,
    x: Tensor,
    lengths: Int[Tensor, "batch"],
    first: Int[Tensor, "batch"],
    last: Int[Tensor, "batch"],
    states: list[State],
) -> tuple[Float[Tensor, "batch steps channels"], Int[Tensor, "batch"], list[State]]:
    """What a stack makes of the steps ``first`` to ``last`` of a piece, whose sides are there to be looked at.

    Steps are counted as the first ``front`` layers give them. What is given begins with step ``first``, is zero behind
    ``last`` and comes with its real steps and the states to go on with.
    """
    for layer in islice(stack, front):
        x = layer(x, lengths)
        lengths = layer.output_lengths(lengths)
    steps = torch.minimum(lengths, last) - first
    places = torch.arange(x.shape[1], device=x.device) + first[:, None]
    x = x.gather(1, places.clamp_max(x.shape[1] - 1)[:, :, None].expand(-1, -1, x.shape[2]))
    x = blank_padding(x, steps)
    ends: list[State] = []
    for layer in islice(stack, front, None):
        x, after = layer.carry(x, states[len(ends) : len(ends) + layer.states], steps)
        ends += after
    return blank_padding(x, steps), steps, ends
