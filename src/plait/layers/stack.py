"""Stack: layers one after the other, itself a layer; the groups that nest (residual, repeat, parallel); and taps."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import torch
from jaxtyping import Int, Shaped
from pydantic import Field
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.cell import State
from plait.layers.layer import STEP, Layer, Window
from plait.layers.options import Count, checked
from plait.layers.shapes import Raw, Shape, remedy


class Stack(Layer):
    """``layers`` in order; a layer that does not fit what arrives is named by its number, from 1."""

    word = "stack"

    def __init__(self, *layers: Layer) -> None:
        super().__init__()
        self.given = {}
        self.layers = nn.ModuleList(layers)

    def output(self, arriving: Shape) -> Shape:
        return [arriving, *(given for _, _, given in self.walk(arriving))][-1]

    def create(self, arriving: Shape) -> None:
        for layer, shape, _ in self.walk(arriving):
            layer.create(shape)

    def forward(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Shaped[Tensor, "batch *given"]:
        for layer in self:
            x = layer(x, lengths)
            lengths = lengths if lengths is None else layer.output_lengths(lengths)
        return x

    def output_lengths(self, lengths: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        for layer in self:
            lengths = layer.output_lengths(lengths)
        return lengths

    def tapped(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> tuple[Shaped[Tensor, "batch *given"], dict[str, Tensor]]:
        """``forward``, and with it what passed each ``tap`` of this stack, by name."""
        passed: dict[str, Tensor] = {}
        for layer in self:
            x, inner = layer.tapped(x, lengths)
            lengths = lengths if lengths is None else layer.output_lengths(lengths)
            passed |= inner
        return x, passed

    @property
    def states(self) -> int:
        return sum(layer.states for layer in self)

    def initial_state(self, x: Tensor) -> list[State]:
        return [state for layer in self for state in layer.initial_state(x)]

    def carry(
        self, x: Tensor, states: list[State], lengths: Int[Tensor, "batch"] | None = None
    ) -> tuple[Tensor, list[State]]:
        ends: list[State] = []
        for layer in self:
            x, after = layer.carry(x, states[len(ends) : len(ends) + layer.states], lengths)
            ends += after
        return x, ends

    @property
    def reads_on(self) -> bool:
        return all(layer.reads_on for layer in self)

    def taps(self, arriving: Shape) -> dict[str, Shape]:
        """The shape that passes each tap; raises NetworkError where two have one name."""
        return _each_once(layer.taps(shape) for layer, shape, _ in self.walk(arriving))

    def window(self) -> Window:
        seen = STEP
        for layer in self:
            seen = seen.then(layer.window())
        return seen

    def multiply_adds(self, arriving: Shape) -> int:
        return sum(layer.multiply_adds(shape) for layer, shape, _ in self.walk(arriving))

    def walk(self, arriving: Shape) -> Iterator[tuple[Layer, Shape, Shape]]:
        """Each layer with what arrives and what it gives; raises NetworkError with the layer's number."""
        for number, layer in enumerate(self, start=1):
            try:
                given = layer.output(arriving)
            except NetworkError as error:
                raise NetworkError(f"layer {number} ({layer.title}): {error}") from None
            yield layer, arriving, given
            arriving = given

    def __iter__(self) -> Iterator[Layer]:
        for layer in self.layers:
            assert isinstance(layer, Layer)
            yield layer

    def __len__(self) -> int:
        return len(self.layers)


def _each_once(taps: Iterable[dict[str, Shape]]) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for name, shape in (pair for some in taps for pair in some.items()):
        if name in shapes:
            raise NetworkError(f"two taps are named {name!r}: each needs a name of its own")
        shapes[name] = shape
    return shapes


def outlined(layers: Sequence[Layer], arriving: Shape) -> Stack:
    """A stack built without memory: shapes, windows and states are as they will be, and weights hold nothing."""
    stack = Stack(*layers)
    with torch.device("meta"):
        stack.build(arriving)
    return stack


class Group(Layer):
    """A layer around a stack, which decides what is created, seen, carried and counted."""

    inside: Stack

    def create(self, arriving: Shape) -> None:
        self.inside.create(arriving)

    def forward(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Shaped[Tensor, "batch *given"]:
        return self.tapped(x, lengths)[0]

    def taps(self, arriving: Shape) -> dict[str, Shape]:
        return self.inside.taps(arriving)

    def window(self) -> Window:
        return self.inside.window()

    @property
    def states(self) -> int:
        return self.inside.states

    def initial_state(self, x: Tensor) -> list[State]:
        return self.inside.initial_state(x)

    @property
    def reads_on(self) -> bool:
        return self.inside.reads_on

    def multiply_adds(self, arriving: Shape) -> int:
        return self.inside.multiply_adds(arriving)


class Residual(Group):
    """What arrives is added to what ``layers`` make of it (He et al. 2015)."""

    word = "residual"

    @checked
    def __init__(self, layers: list[Layer]) -> None:
        super().__init__()
        self.inside = Stack(*layers)

    def output(self, arriving: Shape) -> Shape:
        given = self.inside.output(arriving)
        if given != arriving:
            raise NetworkError(
                f"a {arriving} arrives and the layers inside give a {given}, and the two are added: "
                "let them give what arrives"
            )
        return arriving

    def tapped(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> tuple[Shaped[Tensor, "batch *axes"], dict[str, Tensor]]:
        changed, passed = self.inside.tapped(x, lengths)
        return x + changed, passed

    def carry(
        self, x: Tensor, states: list[State], lengths: Int[Tensor, "batch"] | None = None
    ) -> tuple[Tensor, list[State]]:
        changed, ends = self.inside.carry(x, states, lengths)
        return x + changed, ends


class Repeat(Group):
    """The same ``layers`` ``times`` over, each time with weights of their own."""

    word = "repeat"

    @checked
    def __init__(self, times: Count, layers: list[Layer]) -> None:
        super().__init__()
        self.inside = Stack(*(copy.deepcopy(layer) for _ in range(times) for layer in layers))

    def output(self, arriving: Shape) -> Shape:
        return self.inside.output(arriving)

    def tapped(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> tuple[Shaped[Tensor, "batch *given"], dict[str, Tensor]]:
        return self.inside.tapped(x, lengths)

    def carry(
        self, x: Tensor, states: list[State], lengths: Int[Tensor, "batch"] | None = None
    ) -> tuple[Tensor, list[State]]:
        return self.inside.carry(x, states, lengths)

    def output_lengths(self, lengths: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        return self.inside.output_lengths(lengths)


class Parallel(Layer):
    """``branches``, lists of layers that all read what arrives; their channels are put one after the other.

    They must agree in everything but channels (Szegedy et al. 2015, "Going deeper with convolutions").
    """

    word = "parallel"

    @checked
    def __init__(self, branches: Annotated[list[list[Layer]], Field(min_length=2)]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(Stack(*layers) for layers in branches)

    def output(self, arriving: Shape) -> Shape:
        given = [
            self._named(number, branch, arriving) for number, branch in enumerate(self._stacks(), start=1)
        ]
        first = given[0]
        for number, one in enumerate(given[1:], start=2):
            if _without_channels(one) != _without_channels(first):
                raise NetworkError(
                    f"branch 1 gives a {first} and branch {number} a {one}, and they are put side by side: "
                    "let all but their channels agree"
                )
        channels = [one.channels for one in given if not isinstance(one, Raw)]
        if isinstance(first, Raw):
            advice = remedy(first).replace("before it", "into each branch")
            raise NetworkError(f"a branch gives a {first}, which has no channels: {advice}")
        return replace(first, channels=sum(channels))

    def create(self, arriving: Shape) -> None:
        for branch in self._stacks():
            branch.create(arriving)

    def forward(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Shaped[Tensor, "batch *given"]:
        return self.tapped(x, lengths)[0]

    def tapped(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> tuple[Shaped[Tensor, "batch *given"], dict[str, Tensor]]:
        given, passed = zip(*(branch.tapped(x, lengths) for branch in self._stacks()), strict=True)
        both = torch.cat(given, dim=1 if given[0].dim() == 4 else -1)
        return both, {name: one for branch in passed for name, one in branch.items()}

    def taps(self, arriving: Shape) -> dict[str, Shape]:
        return _each_once(branch.taps(arriving) for branch in self._stacks())

    def output_lengths(self, lengths: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        """Of the steps that every branch has for real."""
        return torch.stack([branch.output_lengths(lengths) for branch in self._stacks()]).amin(dim=0)

    def window(self) -> Window:
        windows = [branch.window() for branch in self._stacks()]
        return replace(
            windows[0],
            left=max(window.left for window in windows),
            right=max(window.right for window in windows),
        )

    @property
    def states(self) -> int:
        return sum(branch.states for branch in self._stacks())

    def initial_state(self, x: Tensor) -> list[State]:
        return [state for branch in self._stacks() for state in branch.initial_state(x)]

    def carry(
        self, x: Tensor, states: list[State], lengths: Int[Tensor, "batch"] | None = None
    ) -> tuple[Tensor, list[State]]:
        given: list[Tensor] = []
        ends: list[State] = []
        for branch in self._stacks():
            one, after = branch.carry(x, states[len(ends) : len(ends) + branch.states], lengths)
            given.append(one)
            ends += after
        return torch.cat(given, dim=-1), ends

    @property
    def reads_on(self) -> bool:
        return all(branch.reads_on for branch in self._stacks())

    def multiply_adds(self, arriving: Shape) -> int:
        return sum(branch.multiply_adds(arriving) for branch in self._stacks())

    def _stacks(self) -> Iterator[Stack]:
        for branch in self.branches:
            assert isinstance(branch, Stack)
            yield branch

    def _named(self, number: int, branch: Stack, arriving: Shape) -> Shape:
        try:
            return branch.output(arriving)
        except NetworkError as error:
            raise NetworkError(f"branch {number}, {error}") from None


class Tap(Layer):
    """Changes nothing; what passes it is an inner output of the network by this ``name`` (``Stack.tapped``)."""

    word = "tap"

    @checked
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def output(self, arriving: Shape) -> Shape:
        return arriving

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Shaped[Tensor, "batch *axes"]:
        return x

    def tapped(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> tuple[Shaped[Tensor, "batch *axes"], dict[str, Tensor]]:
        return x, {self.name: x}

    def taps(self, arriving: Shape) -> dict[str, Shape]:
        return {self.name: arriving}

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        return 0


def _without_channels(shape: Shape) -> Shape:
    return shape if isinstance(shape, Raw) else replace(shape, channels=1)
