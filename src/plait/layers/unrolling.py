"""Unrolling: a step repeated over time in plain PyTorch, in each way (direction), padded or not."""

from collections.abc import Callable
from collections.abc import Sequence as Series

import torch
from jaxtyping import Float
from torch import Tensor
from torch._higher_order_ops import scan

from plait.layers.cell import Lengths, Sequences, State, side_by_side
from plait.layers.masks import blank_padding, reverse, valid_steps

Move = Callable[[Tensor, State], State]
"""What a step's input (rows, channels) makes of the state before it; the answer's first tensor is the output."""


def unrolled(
    moves: Series[Move],
    parts: Series[Sequences],
    lengths: Lengths,
    starts: Series[State],
    reversals: Series[bool],
) -> tuple[Sequences, State]:
    """Outputs and last states of all ways side by side: each its own move, what it reads, and where it starts."""
    ways = zip(moves, parts, starts, reversals, strict=True)
    return side_by_side([_one_way(move, part, lengths, start, turned) for move, part, start, turned in ways])


def _one_way(
    move: Move, x: Sequences, lengths: Lengths, state: State, turned: bool
) -> tuple[Sequences, State]:
    """Step by step, by the textbook."""
    outer, time, inner, _ = x.shape
    rows = x.flatten(2)
    rows = reverse(rows, lengths) if turned else rows
    steps = rows.view(outer, time, inner, -1).transpose(0, 1).flatten(1, 2)
    states, ends = over_time(move, steps, _real_steps(rows, lengths, inner), state)
    outputs = states.view(time, outer, inner, -1).transpose(0, 1).flatten(2)
    outputs = blank_padding(outputs, lengths)
    outputs = reverse(outputs, lengths) if turned else outputs
    return outputs.view(outer, time, inner, -1), ends


def over_time(
    move: Move,
    steps: Float[Tensor, "time rows _"],
    real: Tensor | None,
    state: State,
) -> tuple[Float[Tensor, "time rows units"], State]:
    """Every step's output and the last state; where ``real`` (time, rows, 1) is False the state stays as it is.

    While a program for any length is exported by torch.export it is a scan.
    """

    def combine(now: State, at: tuple[Tensor, ...]) -> tuple[State, Tensor]:
        after = move(at[0], now)
        if len(at) > 1:
            after = tuple(torch.where(at[1], new, old) for new, old in zip(after, now, strict=True))
        return tuple(one.clone() for one in after), after[0].clone()

    given = (steps,) if real is None else (steps, real)
    state = tuple(one.to(steps.dtype).contiguous() for one in state)
    if torch.compiler.is_exporting() and type(steps.shape[0]) is not int:
        ends, outputs = scan(combine, state, given, dim=0)
        return outputs, ends
    every = []
    for at in zip(*given, strict=True):
        state, output = combine(state, at)
        every.append(output)
    return torch.stack(every), state


def _real_steps(rows: Tensor, lengths: Lengths, inner: int) -> Tensor | None:
    """(time, outer * inner, 1), True where a step is real."""
    if lengths is None:
        return None
    return valid_steps(rows, lengths).transpose(0, 1).repeat_interleave(inner, dim=1)
