"""Text classification without PyTorch: a text as the network takes it; logits are read by classification."""

from plait.inference.classification import decode
from plait.inference.prediction import Origin
from plait.inference.spec import ModelSpec
from plait.inference.text import Numbers, TextInput

__all__ = ["decode", "encode"]


def encode(origin: Origin, spec: ModelSpec) -> Numbers:
    """The text as token numbers (time,)."""
    assert isinstance(spec.input, TextInput)
    return spec.input.encode(origin.content)
