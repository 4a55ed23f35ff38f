"""Sections of recipes that belong to one task; every default stands in the task's own YAML."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from plait.section import Section


class EvaluationOptions(Section):
    """How a trained network is asked: ``mirror`` averages a picture's answer with its mirror image's, ``shift`` with
    those of the picture moved by so many pixels."""

    mirror: bool | Literal["auto"]
    shift: int = Field(ge=0, le=16)


class WordDropout(Section):
    """How training texts are changed."""

    word_dropout: float = Field(ge=0, lt=1)
    """Share of the tokens that become unknown."""


class PretrainingOptions(Section):
    """What the network's first layers learn before the task: to foresee tokens that are left out of texts."""

    epochs: int = Field(ge=0)
    """Passes over the training texts and the unlabelled ones; 0: none."""
    unlabelled: str | None
    """Further texts, one a line: a .txt file, or a folder of such files."""
    masked: float = Field(gt=0, le=0.9)
    """Share of the tokens that are left out."""

    @model_validator(mode="after")
    def _used(self) -> Self:
        if self.unlabelled is not None and not self.epochs:
            raise ValueError(
                "unlabelled texts are named, but epochs is 0: set pretraining.epochs, for example to 20"
            )
        return self


class NgramOptions(Section):
    """The linear model of n-grams beside the network."""

    orders: Literal["auto"] | list[Annotated[int, Field(ge=1)]]
    """Lengths of the n-grams in tokens; an empty list: no such model."""
    character_orders: Literal["auto"] | list[Annotated[int, Field(ge=1)]]
    """Lengths of the n-grams of characters within a token; an empty list: spelling says nothing."""
    buckets: int = Field(ge=1024, le=2**24)
    """N-grams are hashed into so many."""


class TagOptions(Section):
    """How tags are marked for the network, and whether neighbors are scored together."""

    scheme: Literal["iob2", "bioes"]
    chain: bool


class OutputOptions(Section):
    """How the next token is scored, and what training adds to the loss (Merity et al. 2018)."""

    tied: bool
    activation: float = Field(ge=0)
    change: float = Field(ge=0)


class DecodingOptions(Section):
    """How an answer is chosen among all transcripts."""

    width: int = Field(ge=1, le=1000)
    """The beam's; 1 takes the likeliest symbol of every step."""
    language: str | None
    """An n-gram model of words: transcripts (counted in the training part), or a file, .arpa or text."""
    order: int = Field(ge=1, le=10)
    weight: float = Field(ge=0)
    bonus: float
    hot: dict[str, float]
    phrases: str | None
    """One of these is answered: transcripts (of the training part), or a file with a phrase a line."""
    none: bool
    """With phrases: nothing is answered where none of them is near to what is heard."""


class PyramidOptions(Section):
    """How the maps at the network's taps are joined (Lin et al. 2017, "Feature pyramid networks")."""

    channels: int = Field(ge=1)
    context: list[Any]
    """Layers over each joined map, which keep its shape; an empty list: none."""


class DenseHeadOptions(Section):
    """Boxes and classes told at every position of every map; what the default recipe says of the other head is left
    out."""

    model_config = ConfigDict(extra="ignore")

    name: Literal["dense"]
    depth: int = Field(ge=0, le=8)
    """Convolutions before the answers."""


class RecurrentHeadOptions(Section):
    """Box after box told by a recurrent cell at every position of one map."""

    name: Literal["recurrent"]
    depth: int = Field(ge=0, le=8)
    """Convolutions before the cell."""
    cell: Literal["gru", "lstm"]
    units: int = Field(ge=1)
    steps: int = Field(ge=1, le=100)
    """Boxes of a position, at most."""


HeadOptions = Annotated[DenseHeadOptions | RecurrentHeadOptions, Field(discriminator="name")]


class BoxLossOptions(Section):
    """What weighs how much in training."""

    box: float = Field(ge=0)
    """Weight of how well boxes fit; that of their classes is 1."""


class DetectionOptions(Section):
    """What a detector answers."""

    overlap: float = Field(gt=0, lt=1)
    """Of two boxes of a class that cover each other by more (intersection over union) the surer stays."""
    least: float = Field(ge=0, lt=1)
    """Scores up to this are no answers at all."""
    most: int = Field(ge=1, le=1000)
    """Boxes of a picture."""
