"""Training: network, loss and batches go in, trained weights come out. Only here is Lightning imported."""

from plait.training.job import Job, Outcome
from plait.training.options import OptimizerOptions, ScheduleOptions, TrainingOptions
from plait.training.train import train

__all__ = ["Job", "OptimizerOptions", "Outcome", "ScheduleOptions", "TrainingOptions", "train"]
