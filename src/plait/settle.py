"""What a recipe leaves to the data (`auto`), settled: after this a recipe has only values, and the run records them."""

from collections.abc import Callable

import numpy as np
import torch

from plait.data.augmentation import training_size
from plait.data.gather import Gathered
from plait.data.store import PictureStore
from plait.errors import NetworkError, RecipeError
from plait.inference.picture import PictureInput
from plait.layers import Map, Pretrained, Shape, Stack, Vector
from plait.recipe import Recipe
from plait.tasks import automatic


def settle(asking: Callable[..., Recipe], train: Gathered) -> Recipe:
    """Image size, channels, epochs, batch size and sizes from the training part.

    ``asking(small=...)`` gives what the user asked for over the default, or over the default for small pictures.
    """
    examples = len(train.table)
    recipe = asking()
    size = automatic.image_side(train.sizes) if recipe.data.image_size == "auto" else recipe.data.image_size
    side = size if isinstance(size, int) else min(size)
    if side <= automatic.SMALL_SIDE:
        recipe = asking(small=True)
    data, training = recipe.data, recipe.training
    channels = (1 if train.grey else 3) if data.channels == "auto" else data.channels
    epochs = automatic.epochs(examples, side) if training.epochs == "auto" else training.epochs
    batch_size = automatic.batch_size(examples) if training.batch_size == "auto" else training.batch_size
    recipe = recipe.with_values(
        data={"image_size": size, "channels": channels},
        training={"epochs": epochs, "batch_size": min(batch_size, examples)},
    )
    return _with_sizes(recipe, given=asking().data.image_size != "auto")


def _with_sizes(recipe: Recipe, given: bool) -> Recipe:
    """The sizes of training pictures and the margin; a photograph's own size too, where it was not ``given``."""
    sizes = _sizes(recipe)
    size = recipe.data.image_size
    if not given and size == automatic.PHOTOGRAPH_SIDE and sizes[1] == 1:
        size = automatic.FIXED_PHOTOGRAPH_SIDE
    assert size != "auto"
    side = size if isinstance(size, int) else min(size)
    margin = automatic.margin(side, sizes[1]) if recipe.data.margin == "auto" else recipe.data.margin
    return recipe.with_values(data={"image_size": size, "margin": margin}, augmentation={"sizes": sizes})


def settle_mirror(recipe: Recipe, store: PictureStore, targets: np.ndarray) -> Recipe:
    """Whether pictures may be mirrored in training and in answering, where the recipe says auto."""
    if "auto" not in (recipe.augmentation.flip, recipe.evaluation.mirror):
        return recipe
    rows = _sample(len(targets), 4000, recipe.training.seed)
    pictures = store.take(rows).numpy().transpose(0, 2, 3, 1)
    keeps = targets.ndim > 1 or automatic.mirror_keeps_class(pictures, targets[rows])
    flip = (
        ("horizontal" if keeps else "none")
        if recipe.augmentation.flip == "auto"
        else recipe.augmentation.flip
    )
    mirror = keeps if recipe.evaluation.mirror == "auto" else recipe.evaluation.mirror
    return recipe.with_values(augmentation={"flip": flip}, evaluation={"mirror": mirror})


def _sizes(recipe: Recipe) -> tuple[float, float]:
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


def _fits(recipe: Recipe, input: PictureInput, sizes: tuple[float, float]) -> bool:
    """Whether the weights for whole pictures serve those of training."""
    whole = (input.height, input.width)
    every = {whole, *(training_size(whole, sizes, done) for done in (0.0, 0.5, 0.75))}
    try:
        first, *others = (_weights(recipe, Map(input.channels, *size)) for size in every)
    except NetworkError:
        return False
    return all(other == first for other in others)


def _weights(recipe: Recipe, arriving: Map) -> tuple[dict[str, torch.Size], Shape | None]:
    """Every weight's shape, and that of a vector that comes out: the head's weights depend on it."""
    network = Stack(*recipe.layers())
    with torch.device("meta"):
        network.build(arriving)
    given = network.output(arriving)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    return shapes, given if isinstance(given, Vector) else None


def picture_input(recipe: Recipe, default_side: int = automatic.PHOTOGRAPH_SIDE) -> PictureInput:
    """What the network takes; where the recipe still says auto, a photograph's ``default_side`` in color."""
    data = recipe.data
    size = default_side if data.image_size == "auto" else data.image_size
    height, width = (size, size) if isinstance(size, int) else size
    channels = 3 if data.channels == "auto" else data.channels
    sizes = recipe.augmentation.sizes
    last = automatic.sizes(min(height, width))[1] if sizes == "auto" else sizes[1]
    margin = automatic.margin(min(height, width), last) if data.margin == "auto" else data.margin
    return PictureInput(height, width, channels, data.resize, margin)


def mean_and_std(store: PictureStore, seed: int) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel in 0..1, over at most 2,000 training pictures."""
    rows = _sample(len(store), 2000, seed)
    values = store.take(rows).float().div_(255)
    std = values.std(dim=(0, 2, 3), correction=0).clamp(min=1e-3)
    return values.mean(dim=(0, 2, 3)).tolist(), std.tolist()


def _sample(total: int, most: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).permutation(total)[:most]
    return np.sort(rows)
