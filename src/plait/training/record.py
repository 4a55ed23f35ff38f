"""Record: what has happened in a run so far. It is part of every checkpoint, and log.csv is drawn from it."""

import csv
import io
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from plait.files import write_text

COLUMNS = ("epoch", "step", "loss", "validation_loss", "validation_score", "learning_rate", "seconds")


@dataclass
class Record:
    """Steps done, the history of validations, the best of them, and the loss since the last one."""

    step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_steps: int = 0
    best_step: int = 0
    best_score: float = -math.inf
    best_loss: float = math.inf
    peak: float = -math.inf
    peak_error: float = 0.0
    """The highest score, and its standard error."""
    waited: int = 0
    """Validations since the best."""
    history: list[dict[str, float]] = field(default_factory=list)

    def add(self, row: dict[str, float], error: float = 0.0) -> bool:
        """Takes in a validation's row; True where it is the best so far.

        Scores within one standard ``error`` of the highest count as equal (Breiman et al. 1984, the one-standard-error
        rule), and the loss judges among equals: one picture more or less of a small validation part must not prefer
        half-trained weights to those of the end.
        """
        self.history.append(row)
        self.loss_sum, self.loss_steps = 0.0, 0
        score, loss = row["validation_score"], row["validation_loss"]
        if score > self.peak:
            self.peak, self.peak_error = score, error
        least = self.peak - self.peak_error
        better = score >= least and (
            self.best_score < least or (loss, -score) < (self.best_loss, -self.best_score)
        )
        self.waited = 0 if better else self.waited + 1
        if better:
            self.best_step, self.best_score, self.best_loss = int(row["step"]), score, loss
        return better

    def to_json(self) -> dict[str, Any]:
        """JSON writes every float so that reading gives the same one; what is infinite is written as null."""
        return {
            name: None if value in (math.inf, -math.inf) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Record":
        """Raises ValueError where ``values`` is no record."""
        names = {one.name for one in fields(cls)}
        if set(values) != names:
            raise ValueError(f"a record holds {sorted(names)}, not {sorted(values)}")
        return cls(**{name: value for name, value in values.items() if value is not None})

    def write_log(self, path: Path) -> None:
        """The history as CSV, the file replaced whole."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        write_text(path, text.getvalue())
