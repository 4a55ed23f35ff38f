"""Pictures: what a recipe leaves to the data (`auto`), settled; how they are opened, drawn and shown."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from plait.data.augmentation import Augmentation, training_size
from plait.data.batches import Batch, EvaluationBatches, TrainingBatches
from plait.data.gather import Gathered
from plait.data.options import PictureDataOptions
from plait.data.store import PictureStore
from plait.errors import NetworkError, RecipeError
from plait.evaluation.data_uri import thumbnail_uri
from plait.inference.input import ModelInput
from plait.inference.picture import PictureInput
from plait.inference.spec import ModelSpec
from plait.layers import Map, Pretrained, Shape, Stack
from plait.layers.normalize import Normalize
from plait.layers.own import Own
from plait.layers.whitening import fit_whitening
from plait.media.medium import EVALUATION_BATCH, Medium, pace, sample, weights
from plait.recipe import PictureRecipe, Recipe
from plait.tasks import ImageClassification, Task, automatic
from plait.tasks.classification import loss_name, refuse_sequence
from plait.tasks.image_classification import PictureNetwork, picture_network

FITTED = 2000
FITTED_PIXELS = 50_000_000
"""Training pictures, and pixels of them, that tell what is fitted to them, at most."""
SHOWN = 112
"""Pixels of a picture in the report, the longer side."""


class Pictures(Medium):
    """Pictures of one size, normalized by the statistics of the training part."""

    noun = "picture"
    baseline_rows = 5_000

    def settle(self, asking: Callable[..., Recipe], train: Gathered) -> Recipe:
        settled = of_pictures(settle(asking, train))
        return settled.with_values(loss={"name": loss_name(settled.loss.name, train.table.several_labels)})

    def settle_opened(self, recipe: Recipe, store: PictureStore, targets: Tensor) -> Recipe:
        return settle_mirror(of_pictures(recipe), store, targets.numpy())

    def refuse_impossible(self, recipe: Recipe) -> None:
        """Where the data will say the size, what works at none of the sizes that it can say."""
        if of_pictures(recipe).data.image_size != "auto":
            _refuse(recipe, self.preview(recipe, None))
        elif not any(isinstance(layer, Own) for layer in recipe.layers()):
            _refuse_at_any_size(recipe)

    def classes(self, recipe: Recipe, train: Gathered) -> list[str]:
        return train.table.classes

    def input(self, recipe: Recipe, train: Gathered) -> PictureInput:
        return picture_input(of_pictures(recipe))

    def preview(self, recipe: Recipe, found: Gathered | None) -> Shape:
        return self.arriving(picture_input(of_pictures(recipe)))

    def arriving(self, input: ModelInput) -> Shape:
        assert isinstance(input, PictureInput)
        return Map(input.channels, input.height, input.width)

    def describe(self, found: Gathered, recipe: Recipe) -> dict[str, Any]:
        order = np.lexsort((found.sizes.max(axis=1), found.sizes.min(axis=1))) if len(found.table) else ()
        size = ["{}x{}".format(*found.sizes[row]) for row in order]
        return {
            "pictures": {
                "smallest": size[0] if size else None,
                "median": size[len(size) // 2] if size else None,
                "largest": size[-1] if size else None,
                "color": "grey" if found.grey else "color",
            }
        }

    def task(self, spec: ModelSpec, recipe: Recipe, counts: Sequence[int]) -> ImageClassification:
        asked = of_pictures(recipe)
        seed = asked.training.seed
        return ImageClassification(
            spec.classes, spec.several_labels, asked.loss, counts, asked.augmentation, seed
        )

    def network(self, task: Task, recipe: Recipe, input: ModelInput) -> PictureNetwork:
        assert isinstance(input, PictureInput)
        asked = of_pictures(recipe).evaluation
        return picture_network(task, recipe.layers(), input, bool(asked.mirror), asked.shift)

    def open(self, gathered: Gathered, recipe: Recipe, input: ModelInput) -> PictureStore:
        assert isinstance(input, PictureInput)
        data = of_pictures(recipe).data
        return PictureStore(gathered.table, input, data.cache_mb * 1_000_000, max_pixels=data.max_pixels)

    def kept(self, input: ModelInput, recipe: Recipe) -> PictureInput:
        assert isinstance(input, PictureInput)
        return replace(input, margin=_margin(of_pictures(recipe).data, min(input.height, input.width)))

    def fit(
        self, network: nn.Module, store: PictureStore, targets: Tensor, train: Gathered, recipe: Recipe
    ) -> None:
        assert isinstance(network, PictureNetwork)
        fit_to_pictures(network.normalize, network.body, store, recipe.training.seed)

    def training_batches(
        self,
        store: PictureStore,
        targets: Tensor,
        hints: Tensor | None,
        recipe: Recipe,
        input: ModelInput,
        start: int,
        total: int,
    ) -> Iterable[Batch]:
        assert isinstance(input, PictureInput)
        augmentation = Augmentation(of_pictures(recipe).augmentation, input)
        size, seed = int(recipe.training.batch_size), recipe.training.seed
        return TrainingBatches(store, targets, size, seed, augmentation, total, start)

    def evaluation_batches(self, store: PictureStore, targets: Tensor) -> Iterable[Batch]:
        return EvaluationBatches(store, targets, EVALUATION_BATCH)

    def plain(self, store: PictureStore, gathered: Gathered, rows: np.ndarray) -> np.ndarray:
        """uint8 (rows, height, width, channels) as the network sees them."""
        return store.center(rows).numpy().transpose(0, 2, 3, 1)

    def thumbnails(self, store: PictureStore, rows: np.ndarray) -> list[str | None]:
        return (
            [thumbnail_uri(picture, SHOWN) for picture in store.center(rows).numpy().transpose(0, 2, 3, 1)]
            if len(rows)
            else []
        )


def of_pictures(recipe: Recipe) -> PictureRecipe:
    """The recipe, whose task is one on pictures."""
    assert isinstance(recipe, PictureRecipe)
    return recipe


def settle(asking: Callable[..., Recipe], train: Gathered) -> PictureRecipe:
    """Image size, channels, epochs, batch size and sizes from the training part."""
    examples = len(train.table)
    recipe = of_pictures(asking())
    size = automatic.image_side(train.sizes) if recipe.data.image_size == "auto" else recipe.data.image_size
    side = size if isinstance(size, int) else min(size)
    if side <= automatic.SMALL_SIDE:
        recipe = of_pictures(asking(instead="small_pictures"))
    data = recipe.data
    channels = (1 if train.grey else 3) if data.channels == "auto" else data.channels
    batch_size, epochs = automatic.batch_size(examples), automatic.epochs(examples, side)
    recipe = recipe.with_values(
        data={"image_size": size, "channels": channels, "margin": _margin(data, side)},
        training=pace(recipe.training, examples, batch_size, epochs),
    )
    return recipe.with_values(augmentation={"sizes": _sizes(recipe)})


def settle_mirror(recipe: PictureRecipe, store: PictureStore, targets: np.ndarray) -> PictureRecipe:
    """Whether pictures may be mirrored in training and in answering, where the recipe says auto."""
    if "auto" not in (recipe.augmentation.flip, recipe.evaluation.mirror):
        return recipe
    rows = sample(len(targets), 4000, recipe.training.seed)
    pictures = store.take(rows).numpy().transpose(0, 2, 3, 1)
    keeps = targets.ndim > 1 or automatic.mirror_keeps_class(pictures, targets[rows])
    flip = (
        ("horizontal" if keeps else "none")
        if recipe.augmentation.flip == "auto"
        else recipe.augmentation.flip
    )
    mirror = keeps if recipe.evaluation.mirror == "auto" else recipe.evaluation.mirror
    return recipe.with_values(augmentation={"flip": flip}, evaluation={"mirror": mirror})


def _sizes(recipe: PictureRecipe) -> tuple[float, float]:
    """Smaller for photographs, if the network's weights fit any size.

    Raises NetworkError or RecipeError where the recipe names sizes that training cannot have.
    """
    input, resamples = picture_input(recipe), recipe.augmentation.resamples
    sizes = recipe.augmentation.sizes
    if sizes == "auto":
        wanted = automatic.sizes(min(input.height, input.width))
        backbone = any(isinstance(layer, Pretrained) for layer in recipe.layers())
        return wanted if resamples and not backbone and _fits(recipe, input, wanted) else (1.0, 1.0)
    if sizes[0] < 1 and not resamples:
        raise RecipeError(
            f"augmentation.sizes is {list(sizes)}, which needs a random crop or rotation beside it: set it to [1, 1]"
        )
    if not _fits(recipe, input, sizes):
        raise NetworkError(
            f"augmentation.sizes is {list(sizes)}, but the network's weights depend on the size of its pictures: "
            "end its maps with global_pool in place of flatten, or set it to [1, 1]"
        )
    return sizes


def _fits(recipe: PictureRecipe, input: PictureInput, sizes: tuple[float, float]) -> bool:
    """Whether the weights for whole pictures serve those of training."""
    whole = (input.height, input.width)
    every = {whole, *(training_size(whole, sizes, done) for done in (0.0, 0.5, 0.75))}
    try:
        first, *others = (weights(recipe, Map(input.channels, *size)) for size in every)
    except NetworkError:
        return False
    return all(other == first for other in others)


def _refuse(recipe: Recipe, arriving: Shape) -> None:
    refuse_sequence(Stack(*recipe.layers()).output(arriving))


def _refuse_at_any_size(recipe: Recipe) -> None:
    first: NetworkError | None = None
    asked = of_pictures(recipe).data.channels
    for side in (automatic.PHOTOGRAPH_SIDE, *range(4, automatic.SMALL_SIDE + 1)):
        for channels in (3, 1) if asked == "auto" else (asked,):
            try:
                return _refuse(recipe, Map(channels, side, side))
            except NetworkError as error:
                first = first or error
    assert first is not None
    raise first


def picture_input(recipe: PictureRecipe, default_side: int = automatic.PHOTOGRAPH_SIDE) -> PictureInput:
    """What the network takes; where the recipe still says auto, a photograph's ``default_side`` in color.

    Where training draws crops, answers see the whole square; without, its middle, as large as training showed it.
    """
    data = recipe.data
    size = default_side if data.image_size == "auto" else data.image_size
    height, width = (size, size) if isinstance(size, int) else size
    channels = 3 if data.channels == "auto" else data.channels
    try:
        kept = PictureInput(height, width, channels, data.resize, _margin(data, min(height, width)))
    except ValueError as error:
        raise RecipeError(f"data.image_size or data.margin: {error}") from error
    return replace(kept, margin=1.0) if recipe.augmentation.crops else kept


def _margin(data: PictureDataOptions, side: int) -> float:
    return automatic.margin(side) if data.margin == "auto" else data.margin


def fit_to_pictures(normalize: Normalize, body: Stack, store: PictureStore, seed: int) -> None:
    """Channels' statistics, of a pretrained backbone its own, and whitening, from training pictures."""
    backbones = [layer for layer in body if isinstance(layer, Pretrained)]
    pictures = some_pictures(store, seed)
    normalize.know(*(backbones[0].statistics if backbones else mean_and_std(pictures)))
    fit_whitening(normalize, body, pictures)


def some_pictures(store: PictureStore, seed: int) -> Tensor:
    """Training pictures, drawn, that what is fitted to the data is fitted to."""
    most = max(1, min(FITTED, FITTED_PIXELS // math.prod(store.spec.stored)))
    return store.take(sample(len(store), most, seed))


def mean_and_std(pictures: Tensor) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel in 0..1, of uint8 pictures."""
    values = pictures.float().div_(255)
    std = values.std(dim=(0, 2, 3), correction=0).clamp(min=1e-3)
    return values.mean(dim=(0, 2, 3)).tolist(), std.tolist()
