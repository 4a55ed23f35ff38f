"""A detector that looks at no picture: a network must find more."""

from collections.abc import Sequence

import numpy as np

from plait.evaluation.detection_matches import Floats, Found, Marked

Size = tuple[int, int]


def mean_box_baseline(
    train: Sequence[Marked], train_sizes: Sequence[Size], test_sizes: Sequence[Size], classes: int
) -> tuple[str, list[Found]]:
    """Its name, and in each picture of the test part one box a class: the mean of the training part's boxes, as shares
    of their pictures' sides, as sure as is the share of training pictures that have the class.

    Sizes are height and width. What is ignored in training, and a class that it has not, are left out.
    """
    labels = [one.labels[~one.ignored] for one in train]
    having = np.array([np.isin(np.arange(classes), some) for some in labels]).sum(axis=0)
    present = np.flatnonzero(having)
    boxes = [_shares(one, size) for one, size in zip(train, train_sizes, strict=True)]
    means = _means(np.concatenate(boxes), np.concatenate(labels), present)
    scores = having[present] / len(train)
    return "mean box of each class", [Found(means * _sides(size), present, scores) for size in test_sizes]


def _shares(one: Marked, size: Size) -> Floats:
    shares: Floats = one.boxes.reshape(-1, 4)[~one.ignored] / _sides(size)
    return shares


def _means(boxes: Floats, labels: np.ndarray, present: np.ndarray) -> Floats:
    return np.array([boxes[labels == label].mean(axis=0) for label in present]).reshape(-1, 4)


def _sides(size: Size) -> Floats:
    height, width = size
    return np.array([width, height, width, height], np.float64)
