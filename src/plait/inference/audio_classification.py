"""Audio classification without PyTorch: a recording as the network takes it; logits are read by classification."""

from plait.inference.classification import decode
from plait.inference.speech_recognition import encode

__all__ = ["decode", "encode"]
