"""What a recipe says under `training:`. Every value is given there; the task's recipe owns the defaults."""

from typing import Literal, Self

from pydantic import Field, model_validator

from plait.section import Section


class OptimizerOptions(Section):
    """How gradients move the weights.

    ``momentum`` is SGD's (Nesterov) and RMSprop's momentum, Adam's and AdamW's first decay rate, and Muon's
    momentum. ``weight_decay`` is decoupled from the gradient for adamw and muon (Loshchilov & Hutter 2019),
    added to it otherwise; vectors (biases, norms) are never decayed.
    """

    name: Literal["sgd", "adam", "adamw", "rmsprop", "muon"]
    learning_rate: float = Field(gt=0)
    matrix_rate: float = Field(gt=0)
    """Muon's learning rate for matrices and kernels, as a factor; the other optimizers do not use it."""
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    norm_scale_rate: float = Field(ge=0)
    """Learning rate of the norms' scales, as a factor; 0 leaves them as they start."""
    norm_bias_rate: float = Field(ge=0)
    """Learning rate of the norms' biases, as a factor (Page 2018, "How to train your ResNet 8")."""


class ScheduleOptions(Section):
    """How the learning rate goes over the steps; ``warmup`` is the share of them in which it rises."""

    name: Literal["one-cycle", "cosine", "linear", "step", "constant"]
    warmup: float = Field(ge=0, lt=1)


class TrainingOptions(Section):
    """How a network is trained. A step is one move of the weights, by ``accumulate`` batches.

    The length is ``minutes`` where given, else ``steps``, else ``epochs``.
    """

    epochs: int | Literal["auto"]
    steps: int | None = Field(gt=0)
    minutes: float | None = Field(gt=0)
    batch_size: int | Literal["auto"]
    accumulate: int = Field(gt=0)
    clip: float = Field(ge=0)
    """The norm that a step's gradient is cut to; 0 is never."""
    optimizer: OptimizerOptions
    schedule: ScheduleOptions
    averaging: float = Field(ge=0, lt=1)
    """Decay of the averaged weights a step; 0 is no averaging."""
    early_stopping: int = Field(ge=0)
    """Validations without progress after which training stops; 0 is never."""
    precision: Literal["auto", "bfloat16", "float32"]
    seed: int = Field(ge=0, lt=2**63)
    freeze: int = Field(ge=0)
    """Epochs in which a pretrained backbone stays as it is."""
    backbone_rate: float = Field(ge=0)
    """Learning rate of a pretrained backbone, as a factor."""

    @model_validator(mode="after")
    def _counts(self) -> Self:
        for name, value in (("epochs", self.epochs), ("batch_size", self.batch_size)):
            if value != "auto" and value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1, or auto")
        return self
