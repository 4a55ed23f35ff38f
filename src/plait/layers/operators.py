"""Operators: recurrence of a whole sequence by the compiled kernels, with gradients, known to PyTorch by name.

Sequences lie in tensors (outer, time, inner, features), see recurrence.c; ``lengths`` (outer) are whole numbers, of
which what lies outside of 0 to time counts as the nearest: the kernels write where they say. Each way
(direction) reads its own features of what arrives and writes its own of what is given. Here ``native.usable`` has been
asked before; cells.py holds the same in plain PyTorch.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from plait.layers import native


@torch.library.custom_op("plait::mingru", mutates_args=(), device_types="cpu")
def mingru(
    before: Tensor, lengths: Tensor | None, start: Tensor | None, ways: int, reversed: bool
) -> tuple[Tensor, Tensor]:
    """minGRU: ``before`` (outer, time, inner, ways * 2 * units) to every state and the last (outer, inner,
    ways * units)."""
    given, end = _like(before, ways, 2)
    native.call(
        "mingru_forward",
        before.dtype,
        *(before, _bounded(lengths, before), start, given, end),
        *(*_sizes(before, ways, 2), reversed),
    )
    return given, end


@mingru.register_fake
def _(
    before: Tensor, lengths: Tensor | None, start: Tensor | None, ways: int, reversed: bool
) -> tuple[Tensor, Tensor]:
    return _like(before, ways, 2)


def _keep_mingru(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    before, lengths, start, ctx.ways, ctx.reversed = inputs
    ctx.save_for_backward(before, lengths, start, output[0])


@once_differentiable
def _mingru_slopes(ctx: Any, of_given: Tensor, of_end: Tensor) -> tuple[Tensor | None, ...]:
    before, lengths, start, given = ctx.saved_tensors
    of_before = torch.empty_like(before)
    of_start = torch.empty_like(of_end, memory_format=torch.contiguous_format)
    native.call(
        "mingru_backward",
        before.dtype,
        *(before, _bounded(lengths, before), start, given),
        *(of_given.contiguous(), of_end.contiguous(), of_before, of_start),
        *(*_sizes(before, ctx.ways, 2), ctx.reversed),
    )
    return of_before, None, None if start is None else of_start, None, None


mingru.register_autograd(_mingru_slopes, setup_context=_keep_mingru)


@torch.library.custom_op("plait::sru", mutates_args=(), device_types="cpu")
def sru(
    before: Tensor, peephole: Tensor, lengths: Tensor | None, start: Tensor | None, ways: int, reversed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """SRU: ``before`` (outer, time, inner, ways * 4 * units) to every output, every memory and the last memory."""
    given, end = _like(before, ways, 4)
    memories = torch.empty_like(given)
    native.call(
        "sru_forward",
        before.dtype,
        *(before, peephole, _bounded(lengths, before), start, given, memories, end),
        *(*_sizes(before, ways, 4), reversed),
    )
    return given, memories, end


@sru.register_fake
def _(
    before: Tensor, peephole: Tensor, lengths: Tensor | None, start: Tensor | None, ways: int, reversed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    given, end = _like(before, ways, 4)
    return given, torch.empty_like(given), end


def _keep_sru(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    before, peephole, lengths, start, ctx.ways, ctx.reversed = inputs
    ctx.save_for_backward(before, peephole, lengths, start, output[1])


@once_differentiable
def _sru_slopes(ctx: Any, of_given: Tensor, _: Tensor, of_end: Tensor) -> tuple[Tensor | None, ...]:
    before, peephole, lengths, start, memories = ctx.saved_tensors
    of_before = torch.empty_like(before)
    of_start = torch.empty_like(of_end, memory_format=torch.contiguous_format)
    each = peephole.new_empty((of_end[..., 0].numel(), len(peephole)), dtype=_computed(before.dtype))
    native.call(
        "sru_backward",
        before.dtype,
        *(before, peephole, _bounded(lengths, before), start, memories),
        *(of_given.contiguous(), of_end.contiguous()),
        *(of_before, each, of_start, *_sizes(before, ctx.ways, 4), ctx.reversed),
    )
    of_peephole = each.sum(0).to(peephole.dtype)
    return of_before, of_peephole, None, None if start is None else of_start, None, None


sru.register_autograd(_sru_slopes, setup_context=_keep_sru)


@torch.library.custom_op("plait::gru", mutates_args=(), device_types="cpu")
def gru(
    before: Tensor, weight: Tensor, bias: Tensor, lengths: Tensor | None, start: Tensor | None, reversed: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """GRU: ``before`` (outer, time, inner, ways * 3 * units), ``weight`` (ways, 3 * units, units), ``bias``
    (ways, 3 * units), ``start`` (ways, outer * inner, units); gives every state, the last ones, and what the backward
    pass needs: the states (ways, time + 1, rows, units) in the order of reading, and the activated gates."""
    given, states, kept = _prepared(before, weight, start)
    sizes, lengths = _sizes(before, len(weight), 3), _bounded(lengths, before)
    for way in range(len(weight)):
        turned = reversed or way == 1
        for step in range(sizes[1]):
            product = torch.addmm(bias[way], states[way, step], weight[way].T)
            native.call(
                "gru_forward",
                before.dtype,
                *(before, product, lengths, states[way, step], states[way, step + 1], kept[way, step], given),
                *(step, *sizes, way, turned),
            )
    return given, states[:, -1].clone(), states, kept


@gru.register_fake
def _(
    before: Tensor, weight: Tensor, bias: Tensor, lengths: Tensor | None, start: Tensor | None, reversed: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    given, states, kept = _prepared(before, weight, start)
    return given, torch.empty_like(states[:, -1]), states, kept


def _keep_gru(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    before, weight, _, lengths, start, ctx.reversed = inputs
    ctx.starts = start is not None
    ctx.save_for_backward(before, weight, lengths, *output[2:])


@once_differentiable
def _gru_slopes(ctx: Any, of_given: Tensor, of_end: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    before, weight, lengths, states, kept = ctx.saved_tensors
    sizes, lengths = _sizes(before, len(weight), 3), _bounded(lengths, before)
    of_given, of_before = of_given.contiguous(), torch.empty_like(before)
    of_hidden = before.new_empty((len(weight), sizes[1], states.shape[2], weight.shape[1]))
    carried = of_end.to(_computed(before.dtype), copy=True, memory_format=torch.contiguous_format)
    for way in range(len(weight)):
        turned = ctx.reversed or way == 1
        for step in range(sizes[1] - 1, -1, -1):
            native.call(
                "gru_backward",
                before.dtype,
                *(kept[way, step], states[way, step], lengths, of_given, carried[way], of_before),
                *(of_hidden[way, step], step, *sizes, way, turned),
            )
            _add_product(carried[way], of_hidden[way, step], weight[way])
    of_weight, of_bias = _weight_slopes(of_hidden, states)
    return of_before, of_weight, of_bias, None, carried.to(before.dtype) if ctx.starts else None, None


gru.register_autograd(_gru_slopes, setup_context=_keep_gru)


def _sizes(before: Tensor, ways: int, gates: int) -> tuple[int, int, int, int, int]:
    """outer, time, inner, units, ways."""
    outer, time, inner, features = before.shape
    return outer, time, inner, features // (ways * gates), ways


def _bounded(lengths: Tensor | None, before: Tensor) -> Tensor | None:
    return None if lengths is None else lengths.clamp(0, before.shape[1]).long().contiguous()


def _like(before: Tensor, ways: int, gates: int) -> tuple[Tensor, Tensor]:
    """Room for every state and for the last one."""
    outer, time, inner, units, _ = _sizes(before, ways, gates)
    return before.new_empty((outer, time, inner, ways * units)), before.new_empty(
        (outer, inner, ways * units)
    )


def _prepared(before: Tensor, weight: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Room for what is given, for the states with their start, and for the four numbers a unit that are kept."""
    outer, time, inner, units, ways = _sizes(before, len(weight), 3)
    rows = outer * inner
    states = before.new_empty((ways, time + 1, rows, units))
    states[:, 0] = 0 if start is None else start
    kept = before.new_empty((ways, time, rows, 4 * units))
    return before.new_empty((outer, time, inner, ways * units)), states, kept


def _add_product(carried: Tensor, of_hidden: Tensor, weight: Tensor) -> None:
    """What reaches the old state by way of the product."""
    if carried.dtype == of_hidden.dtype:
        carried.addmm_(of_hidden, weight)
    else:
        carried.add_(of_hidden @ weight)


def _weight_slopes(of_hidden: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
    """Of the hidden weights and biases, for all steps in one product each."""
    slopes, before = of_hidden.flatten(1, 2), states[:, :-1].flatten(1, 2)
    return slopes.mT @ before, slopes.sum(1)


def _computed(kind: torch.dtype) -> torch.dtype:
    """What the kernels compute in."""
    return torch.float32 if kind == torch.bfloat16 else kind
