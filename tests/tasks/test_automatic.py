"""What `auto` gives, and that it looks at the training pictures alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from plait.tasks import automatic


def test_small_pictures_are_used_as_they_are() -> None:
    assert automatic.image_side(np.array([[8, 8], [8, 9], [8, 8]])) == 8
    assert automatic.image_side(np.array([[224, 500], [1200, 800]])) == automatic.PHOTOGRAPH_SIDE


def test_more_examples_mean_fewer_epochs_and_no_smaller_batches() -> None:
    for side in (28, 112):
        counts = [automatic.epochs(examples, side) for examples in (10, 100, 1000, 10_000, 100_000)]
        assert counts == sorted(counts, reverse=True)
    sizes = [automatic.batch_size(examples) for examples in (10, 100, 1000, 10_000, 100_000)]
    assert sizes == sorted(sizes)


def test_digits_are_not_mirrored_and_symmetric_things_are() -> None:
    digits = load_digits()
    pictures = (digits.images * 15.9).astype(np.uint8)[..., None]
    assert not automatic.mirror_keeps_class(pictures, digits.target)
    symmetric = np.concatenate([pictures, pictures[:, :, ::-1]], axis=2)
    assert automatic.mirror_keeps_class(symmetric, digits.target)


def test_classes_missing_from_one_half_do_no_harm() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (9, 8, 8, 3), np.uint8)
    automatic.mirror_keeps_class(pictures, np.arange(9))


@given(st.integers(100, 10**9), st.integers(1, 512))
def test_of_running_text_an_epoch_has_steps(tokens: int, window: int) -> None:
    size = automatic.stream_batch_size(tokens, window)
    assert 1 <= size <= 32
    assert size == 1 or tokens / (size * window) >= 100
    assert automatic.stream_epochs(tokens) >= automatic.stream_epochs(10 * tokens) >= 2


def test_words_are_spelled_unless_texts_are_many() -> None:
    most = automatic.FEW_LETTERS
    assert automatic.character_orders("words", most) == [3, 4, 5]
    assert not automatic.character_orders("words", most + 1)
    assert not automatic.character_orders("characters", 100) + automatic.character_orders("subwords", 100)
