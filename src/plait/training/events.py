"""Events: the history for TensorBoard, under tensorboard/ in the run's folder."""

from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


class Events:
    """Writes rows of the history; what a resumed run had written after ``start`` is purged."""

    def __init__(self, folder: Path, start: int) -> None:
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=start + 1)

    def write(self, row: dict[str, float]) -> None:
        for name in ("loss", "validation_loss", "validation_score", "learning_rate"):
            self._writer.add_scalar(name, row[name], int(row["step"]))

    def close(self) -> None:
        self._writer.close()
