"""The errors a user can meet: one small family, printed without a traceback by the command line (exit code 2)."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Problem:
    """One thing found in the user's data: where it is, what it is, and whether training can go on with it.

    ``kind`` is a short fixed word ("unreadable", "identical pictures"); ``file`` is the file at fault, ``row`` the line
    of the table that names it (the header is line 1) or None; ``error`` is False for a finding, which is never fatal.
    """

    kind: str
    file: str
    message: str
    row: int | None = None
    error: bool = True

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}, row {self.row}"
        return f"{place}: {self.kind}: {self.message}"

    def to_json(self) -> dict[str, object]:
        return asdict(self)


class PlaitError(Exception):
    """What the user can mend; the message says what arrived, what was expected, where, and what to do."""


class DataError(PlaitError):
    """The data cannot be used as it is; ``problems`` lists every fault at once, each with its file and row."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([message, *(f"  {problem}" for problem in self.problems)]))


class RecipeError(PlaitError):
    """A recipe asks for something that does not exist or does not fit."""


class NetworkError(PlaitError):
    """A network that cannot work: a layer does not fit the shape that arrives."""


class RunError(PlaitError):
    """A run folder cannot be read, written or resumed."""


class ModelError(PlaitError):
    """A model file cannot be read, or must not be."""


class MissingExtraError(PlaitError):
    """Something asked for needs packages that are not installed; the message says which command installs them."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs more packages: pip install "plait[{extra}]"')


def counted(count: int, noun: str) -> str:
    """ "1 example", "2,000 boxes": how messages count."""
    many = f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"
    return f"{count:,} {noun if count == 1 else many}"


def suggestion(word: str, known: Iterable[object]) -> str:
    """ "did you mean X?", or the first twenty known words where none is near."""
    names = [str(name) for name in known]
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names[:20])}"
