"""Own: a module of the user's own among the layers. A recipe only names it; no file can bring it."""

import inspect

import torch
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from plait.errors import NetworkError
from plait.layers.layer import EVERYTHING, Layer, Window
from plait.layers.shapes import Map, Samples, Sequence, Shape, Tokens, Vector, Words


class Own(Layer):
    """Any ``module`` that takes one tensor and gives one: a map, a sequence or a vector (see Map, Sequence, Vector).

    If its forward has a parameter ``lengths``, it is given the real steps of each example (batch,), or None where all
    are real; without it the module must see by itself where padding, zeros, begins. Its parameters are there already.
    What it gives for a shape is found by a trial with zeros, in evaluation mode.
    """

    word = "own"

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.given = {"name": type(module).__name__}
        self.module = module
        self.told = "lengths" in inspect.signature(module.forward).parameters

    def output(self, arriving: Shape) -> Shape:
        given = self._trial(arriving)
        match tuple(given.shape[1:]):
            case (channels, height, width):
                return Map(channels, height, width)
            case (time, channels):
                return Sequence(time, channels)
            case (channels,):
                return Vector(channels)
        raise NetworkError(
            f"{self.given['name']} gives a tensor of shape {tuple(given.shape)}, but a map (batch, channels, height, "
            "width), a sequence (batch, time, channels) or a vector (batch, channels) is needed"
        )

    def create(self, arriving: Shape) -> None:
        """Nothing: the module has its parameters."""

    def forward(
        self, x: Shaped[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Shaped[Tensor, "batch *given"]:
        given: Tensor = self.module(x, lengths=lengths) if self.told else self.module(x)
        return given

    def window(self) -> Window:
        return EVERYTHING

    def multiply_adds(self, arriving: Shape) -> int:
        with FlopCounterMode(display=False) as counter:
            self._trial(arriving)
        return int(counter.get_total_flops() // 2)

    @torch.no_grad()
    def _trial(self, arriving: Shape) -> Tensor:
        training = self.module.training
        try:
            given = self.module.eval()(_zeros(arriving))
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            advice = "; build it first: network.build(...)" if isinstance(self.module, Layer) else ""
            raise NetworkError(f"{self.given['name']} cannot take a {arriving}: {error}{advice}") from error
        finally:
            self.module.train(training)
        if not isinstance(given, Tensor):
            raise NetworkError(f"{self.given['name']} gives {type(given).__name__}, but one tensor is needed")
        return given


def _zeros(shape: Shape) -> Tensor:
    """Of one example."""
    match shape:
        case Map(channels, height, width):
            return torch.zeros(1, channels, height, width)
        case Sequence(time, channels):
            return torch.zeros(1, time, channels)
        case Vector(channels):
            return torch.zeros(1, channels)
        case Words() as words:
            return torch.zeros(1, words.time, words.width, dtype=torch.int64)
        case Tokens(time, _):
            return torch.zeros(1, time, dtype=torch.int64)
        case Samples(time, _):
            return torch.zeros(1, time, dtype=torch.int16)
