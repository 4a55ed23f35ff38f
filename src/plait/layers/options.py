"""Options: a layer's description is checked against its constructor, the owner of names, types, defaults."""

import functools
import inspect
from collections.abc import Callable
from collections.abc import Sequence as Series
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar, cast

from pydantic import ConfigDict, Field, ValidationError, validate_call

from plait.errors import RecipeError, suggestion

Count = Annotated[int, Field(ge=1)]
"""A whole number of at least 1."""
Share = Annotated[float, Field(ge=0, lt=1)]
"""A number from 0 to below 1."""
Sides = Count | Annotated[Series[Count], Field(min_length=2, max_length=2)]
"""One number for both sides of a map (or for a sequence), or [height, width]."""


P = ParamSpec("P")
Self = TypeVar("Self")


def checked(constructor: Callable[Concatenate[Self, P], None]) -> Callable[Concatenate[Self, P], None]:
    """Checks a layer's options against the constructor's annotations, and remembers them as ``self.given``.

    Raises RecipeError naming every option at fault and the nearest known one.
    """
    validated = validate_call(config=ConfigDict(strict=True, arbitrary_types_allowed=True))(constructor)
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def construct(self: Any, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            validated(self, *args, **kwargs)
        except ValidationError as error:
            raise RecipeError(_faults(self.word, signature, error)) from None
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        self.given = {name: value for name, value in bound.arguments.items() if name != "self"}

    return cast("Callable[Concatenate[Self, P], None]", construct)


def option_names(layer: type[Any]) -> list[str]:
    """The options of a layer as a recipe writes them; ``return_`` in Python is ``return`` there."""
    return [_written(name) for name in inspect.signature(layer.__init__).parameters if name != "self"]


def pair(value: int | Series[int]) -> tuple[int, int]:
    """(height, width) of an option given once or twice."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _faults(word: str, signature: inspect.Signature, error: ValidationError) -> str:
    names = list(signature.parameters)
    known = [_written(name) for name in names if name != "self"]
    # What a name should be says more than that it is no class of one's own.
    faults = [
        one
        for one in error.errors(include_url=False, include_context=False)
        if one["type"] != "is_subclass_of"
    ]
    return "; ".join(dict.fromkeys(f"{word}: {_fault(dict(fault), names, known)}" for fault in faults))


def _fault(fault: dict[str, Any], names: list[str], known: list[str]) -> str:
    place = fault["loc"][0]
    option = _written(names[place] if isinstance(place, int) and place < len(names) else str(place))
    match fault["type"]:
        case "unexpected_keyword_argument":
            return f"unknown option {option!r}: {suggestion(option, known)}"
        case "missing_argument":
            return f"the option {option!r} is missing"
        case "unexpected_positional_argument":
            return f"too many options; known are {', '.join(known)}"
    return f"{option} is {fault['input']!r}: {fault['msg'].replace('Input should', 'it should')}"


def _written(name: str) -> str:
    return name.removesuffix("_")
