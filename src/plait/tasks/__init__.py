"""output -> loss, predictions, scores: one file a task."""

from plait.tasks.image_classification import ImageClassification
from plait.tasks.task import Task

TASKS: dict[str, type[ImageClassification]] = {"image-classification": ImageClassification}

__all__ = ["TASKS", "ImageClassification", "Task"]
