"""The kinds of cells by name."""

from typing import Literal

from plait.errors import RecipeError
from plait.layers.cell import Cell
from plait.layers.gated_cells import GRU, LSTM, Elman, GatedCell
from plait.layers.linear_cells import SRU, LinearCell, MinGRU
from plait.layers.own_cell import OwnCell, Stepped

CellName = Literal["rnn", "lstm", "gru", "sru", "mingru"]
CellKind = CellName | type[OwnCell]

GATED: dict[CellKind, type[GatedCell]] = {"rnn": Elman, "lstm": LSTM, "gru": GRU}
LINEAR: dict[CellKind, type[LinearCell]] = {"sru": SRU, "mingru": MinGRU}


def make_cell(
    kind: CellKind, channels: int, units: int, reversals: tuple[bool, ...], weight_drop: float = 0.0
) -> Cell:
    """A layer of recurrence; each of ``reversals`` is a way, which reads from the end where True."""
    if kind in GATED:
        return GATED[kind](channels, units, reversals, weight_drop)
    refuse_weight_drop(kind, weight_drop)
    if isinstance(kind, type):
        return Stepped(kind, channels, units, reversals)
    return LINEAR[kind](channels, units, reversals)


def refuse_weight_drop(kind: CellKind, weight_drop: float) -> None:
    """Raises RecipeError where there are no hidden weights to drop."""
    if kind not in GATED and weight_drop:
        name = kind.__name__ if isinstance(kind, type) else kind
        raise RecipeError(
            f"weight_drop is {weight_drop:g}, but {name} has no hidden weights to drop: leave it out, or take "
            "lstm, gru or rnn"
        )
