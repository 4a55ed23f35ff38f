"""Checkpoints: whole or passed over; a full disk harms nothing that was saved."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from plait.errors import RunError
from plait.training.checkpoint import Checkpoint, Checkpoints


def checkpoint(step: int, best: int = 0, size: int = 1000) -> Checkpoint:
    weights = {"w": torch.arange(size, dtype=torch.float32) + step, "empty": torch.zeros(0, 2)}
    optimizer = {"0.step": torch.tensor(float(step)), "0.exp_avg": torch.full((3, 1, 2), 0.1)}
    found = {"w": torch.full((4,), float(best))} if best else {}
    return Checkpoint(step, {"weights": weights, "optimizer": optimizer}, best, found, {"record": {"x": 0.1}})


def test_what_is_read_is_what_was_saved(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert checkpoints.newest() is None
    checkpoints.save(checkpoint(7, best=5))
    found = checkpoints.newest()
    assert found is not None
    assert (found.step, found.best_step, found.state) == (7, 5, {"record": {"x": 0.1}})
    for name, tensors in checkpoint(7).parts.items():
        assert {key: value.tolist() for key, value in found.parts[name].items()} == {
            key: value.tolist() for key, value in tensors.items()
        }
    assert found.best["w"].tolist() == [5.0] * 4


def test_two_stay_and_only_the_best_weights_they_name(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step, best in ((1, 0), (2, 1), (3, 3), (4, 3), (5, 5)):
        checkpoints.save(checkpoint(step, best))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best-00000003.safetensors",
        "best-00000005.safetensors",
        "step-00000004",
        "step-00000005",
    ]


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "optimizer.safetensors", "state.json", "../best-00000002.safetensors"]
)
@pytest.mark.parametrize("damage", ["truncated", "flipped", "gone"])
def test_damaged_newest_is_passed_over_with_a_warning(tmp_path: Path, name: str, damage: str) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(checkpoint(1, best=1))
    checkpoints.save(checkpoint(2, best=2))
    path = checkpoints.path(2) / name
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    path.unlink()
    if damage != "gone":
        path.write_bytes(flipped if damage == "flipped" else content[:middle])
    with pytest.warns(UserWarning, match="step-00000002 is damaged"):
        found = checkpoints.newest()
    assert found is not None
    assert found.step == 1


def test_full_disk_is_one_clear_error_and_the_checkpoint_before_loads(
    tmp_path: Path, full_disk: Callable[[int], None]
) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save(checkpoint(1, best=1))
    full_disk(100_000)
    with pytest.raises(RunError, match=r"(?s)disk is full.*free some space.*--resume"):
        checkpoints.save(checkpoint(2, best=1, size=1_000_000))
    found = checkpoints.newest()
    assert found is not None
    assert found.step == 1
    assert not (checkpoints.folder / ".writing").exists()
