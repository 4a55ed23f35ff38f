"""output -> loss, predictions, scores: one file a task."""

from plait.tasks.audio_classification import AudioClassification
from plait.tasks.image_classification import ImageClassification
from plait.tasks.language_modeling import LanguageModeling
from plait.tasks.object_detection import ObjectDetection
from plait.tasks.sequence_tagging import SequenceTagging
from plait.tasks.speech_recognition import SpeechRecognition
from plait.tasks.task import Task
from plait.tasks.text_classification import TextClassification
from plait.tasks.text_recognition import TextRecognition

__all__ = [
    "AudioClassification",
    "ImageClassification",
    "LanguageModeling",
    "ObjectDetection",
    "SequenceTagging",
    "SpeechRecognition",
    "Task",
    "TextClassification",
    "TextRecognition",
]
