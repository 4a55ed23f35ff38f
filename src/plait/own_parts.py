"""OwnParts: network, loss and optimizer that the user gave in Python in place of the recipe's."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from plait.errors import RunError
from plait.run import Run


@dataclass(frozen=True)
class OwnParts:
    """What the user gave in place of the recipe's."""

    network: nn.Module | None
    loss: Callable[[Tensor, Tensor], Tensor] | None
    optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None

    def names(self) -> dict[str, str]:
        """Of those given."""
        given = {"network": self.network, "loss": self.loss, "optimizer": self.optimizer}
        return {
            part: getattr(value, "__name__", type(value).__name__)
            for part, value in given.items()
            if value is not None
        }

    def refuse_others(self, run: Run) -> None:
        """Raises RunError where ``run`` was trained with parts of other names."""
        if self.names() != run.data["own"]:
            raise RunError(
                f"{run.folder} was trained with {run.data['own'] or 'no parts of your own'}, and is to go on with "
                f"{self.names() or 'none'}: give the same to plait.train(resume=...)"
            )
