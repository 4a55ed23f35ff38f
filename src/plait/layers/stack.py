"""Stack: layers one after the other, itself a layer; and the groups that nest: residual and repeat."""

import copy
from collections.abc import Iterator

from jaxtyping import Shaped
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.layer import STEP, Layer, Window
from plait.layers.options import Count, checked
from plait.layers.shapes import Shape


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


class Residual(Layer):
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

    def create(self, arriving: Shape) -> None:
        self.inside.create(arriving)

    def forward(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Shaped[Tensor, "batch *axes"]:
        changed: Tensor = self.inside(x, lengths)
        return x + changed

    def window(self) -> Window:
        return self.inside.window()

    def multiply_adds(self, arriving: Shape) -> int:
        return self.inside.multiply_adds(arriving)


class Repeat(Layer):
    """The same ``layers`` ``times`` over, each time with weights of their own."""

    word = "repeat"

    @checked
    def __init__(self, times: Count, layers: list[Layer]) -> None:
        super().__init__()
        self.inside = Stack(*(copy.deepcopy(layer) for _ in range(times) for layer in layers))

    def output(self, arriving: Shape) -> Shape:
        return self.inside.output(arriving)

    def create(self, arriving: Shape) -> None:
        self.inside.create(arriving)

    def forward(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Shaped[Tensor, "batch *given"]:
        changed: Tensor = self.inside(x, lengths)
        return changed

    def window(self) -> Window:
        return self.inside.window()

    def multiply_adds(self, arriving: Shape) -> int:
        return self.inside.multiply_adds(arriving)
