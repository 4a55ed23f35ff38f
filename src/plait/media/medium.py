"""Medium: what is to be said of one kind of input between gathered files and a network; the rest all have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from plait.data.batches import Batch, steps_per_epoch
from plait.data.gather import Gathered
from plait.errors import Problem
from plait.inference.input import ModelInput
from plait.inference.spec import ModelSpec, Predictor
from plait.layers import Shape, outlined
from plait.layers.shapes import Raw
from plait.layers.table import TableRow
from plait.recipe import Recipe
from plait.tasks import Task
from plait.training.options import TrainingOptions

EVALUATION_BATCH = 256


class Store(Protocol):
    """The inputs of a table, opened; a row number counts the table's rows from 0."""

    def __len__(self) -> int: ...


class Medium(ABC):
    """One kind of input."""

    noun: ClassVar[str]
    """One of it, in messages."""
    baseline_rows: ClassVar[int]
    """Baselines are fitted on at most so many training examples, and take seconds."""
    train_rows: ClassVar[int] = 2000
    """So many training examples are scored, to be compared with others."""
    fitted: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names of weights that are found from the training part before training: another run's are
    never taken for them."""
    passing: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names of values that only a training in progress needs: a run's weights hold none of them."""

    @abstractmethod
    def settle(self, asking: Callable[..., Recipe], train: Gathered) -> Recipe:
        """What a recipe leaves to the data, from the training part.

        ``asking(instead=NAME)`` gives what the user asked for where the recipe's section NAME holds (recipe.INSTEAD).
        Raises NetworkError, RecipeError.
        """

    def settle_opened(self, recipe: Recipe, store: Any, targets: Any) -> Recipe:
        """What is left to the opened inputs and their targets: nothing, where a medium says nothing."""
        return recipe

    @abstractmethod
    def refuse_impossible(self, recipe: Recipe) -> None:
        """Before any data is read: raises NetworkError for a network that cannot work."""

    @abstractmethod
    def classes(self, recipe: Recipe, train: Gathered) -> list[str]:
        """What the network tells apart, by a settled recipe and the training part."""

    @abstractmethod
    def input(self, recipe: Recipe, train: Gathered) -> ModelInput:
        """What the network takes, by a settled recipe and the training part."""

    @abstractmethod
    def preview(self, recipe: Recipe, found: Gathered | None) -> Shape:
        """The shape that arrives at the network, of data or of a recipe alone."""

    @abstractmethod
    def arriving(self, input: ModelInput) -> Shape:
        """The shape of one input, by which a network is built and counted."""

    @abstractmethod
    def describe(self, found: Gathered, recipe: Recipe) -> dict[str, Any]:
        """What ``plait inspect`` says of the inputs."""

    def remarks(self, recipe: Recipe, train: Gathered) -> list[str]:
        """What the person should be told before training starts."""
        return []

    @abstractmethod
    def task(self, spec: ModelSpec, recipe: Recipe, counts: Sequence[int]) -> Task:
        """The task; ``counts`` are the training examples of each class."""

    @abstractmethod
    def network(self, task: Task, recipe: Recipe, input: ModelInput) -> nn.Module:
        """The recipe's network with the task's head, freshly drawn; its ``body`` is the Stack of layers."""

    def behind(self, recipe: Recipe, classes: int) -> list[TableRow]:
        """What of the network stands in no list of layers, as rows of its table."""
        return []

    def sample(self, gathered: Gathered, rows: int) -> Gathered:
        """An even sample of at most ``rows`` examples."""
        if len(gathered.table) <= rows:
            return gathered
        return gathered.take(np.linspace(0, len(gathered.table) - 1, rows).astype(np.int64))

    @abstractmethod
    def open(self, gathered: Gathered, recipe: Recipe, input: ModelInput) -> Any:
        """The inputs, opened."""

    def kept(self, input: ModelInput, recipe: Recipe) -> ModelInput:
        """How inputs are opened for training, by a settled recipe: with what augmentation needs."""
        return input

    def fit(
        self, network: nn.Module, store: Any, targets: Any, train: Gathered, recipe: Recipe
    ) -> Tensor | None:
        """Sets the weights that are not learnt by steps, if any; gives the hints (examples, classes) for training, if
        any."""
        return None

    def steps_per_epoch(self, recipe: Recipe, examples: int) -> int:
        """Batches in one pass over the training part."""
        return steps_per_epoch(examples, int(recipe.training.batch_size))

    @abstractmethod
    def training_batches(
        self,
        store: Any,
        targets: Any,
        hints: Tensor | None,
        recipe: Recipe,
        input: ModelInput,
        start: int,
        total: int,
    ) -> Iterable[Batch]:
        """The batches of steps ``start`` .. ``total`` - 1."""

    @abstractmethod
    def evaluation_batches(self, store: Any, targets: Any) -> Iterable[Batch]:
        """Every row once."""

    @abstractmethod
    def plain(self, store: Any, gathered: Gathered, rows: np.ndarray) -> Any:
        """The inputs of ``rows`` as baselines take them."""

    def impossible(self, recipe: Recipe, gathered: Gathered) -> dict[int, Problem]:
        """Rows that a settled recipe's network cannot learn from, and why."""
        return {}

    def heard(self, store: Any, rows: np.ndarray) -> list[dict[str, Any]]:
        """What else the report shows of each row."""
        return [{} for _ in rows]

    @abstractmethod
    def thumbnails(self, store: Any, rows: np.ndarray) -> list[str | None]:
        """A small picture of each row as a data URI, where there is something to see."""

    def speed(self, predictor: Predictor, store: Any, gathered: Gathered) -> dict[str, Any]:
        """What else the report says of how fast answers come."""
        return {}

    def tuned(self, input: ModelInput, scores: dict[str, Any]) -> ModelInput:
        """What the network takes, with what the scores of the validation part say of how its answers are read."""
        return input

    def untuned(self, input: ModelInput) -> ModelInput:
        """What the network takes, without what ``tuned`` found of an earlier part of the training."""
        return input

    def of_classes(self, gathered: Gathered, classes: Sequence[str]) -> Gathered | None:
        """The same data with what is of these classes alone; None where that is never compared."""
        return None

    def samples(self, predictor: Predictor) -> list[str]:
        """What the network makes by itself, where it makes anything."""
        return []


def sample(total: int, most: int, seed: int) -> np.ndarray:
    """At most ``most`` row numbers of ``total``, drawn, in order."""
    rows = np.random.default_rng(seed).permutation(total)[:most]
    return np.sort(rows)


def pace(training: TrainingOptions, examples: int, batch_size: int, epochs: int) -> dict[str, int]:
    """Epochs and batch size, where they are left to plait these, of so many training examples."""
    size = batch_size if training.batch_size == "auto" else training.batch_size
    return {
        "epochs": epochs if training.epochs == "auto" else training.epochs,
        "batch_size": min(size, examples),
    }


def weights(recipe: Recipe, arriving: Shape) -> tuple[dict[str, torch.Size], int]:
    """Every weight's shape, and the channels that come out: the head's weights depend on them."""
    network = outlined(recipe.layers(), arriving)
    given = network.output(arriving)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    return shapes, 0 if isinstance(given, Raw) else given.channels
