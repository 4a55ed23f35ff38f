"""What differs between kinds of input on the way from files to batches: one file a kind."""

from plait.media.boxed_pictures import BoxedPictures
from plait.media.lines import Lines
from plait.media.medium import Medium, Store
from plait.media.pictures import Pictures
from plait.media.recordings import AudioClasses, Speech
from plait.media.sentences import Sentences
from plait.media.streams import Streams
from plait.media.texts import Texts

__all__ = [
    "MEDIA",
    "AudioClasses",
    "BoxedPictures",
    "Lines",
    "Medium",
    "Pictures",
    "Sentences",
    "Speech",
    "Store",
    "Streams",
    "Texts",
]

MEDIA: dict[str, Medium] = {
    "image-classification": Pictures(),
    "text-classification": Texts(),
    "sequence-tagging": Sentences(),
    "language-modeling": Streams(),
    "audio-classification": AudioClasses(),
    "speech-recognition": Speech(),
    "text-recognition": Lines(),
    "object-detection": BoxedPictures(),
}
"""Of each task."""
