"""A model file looked at before it is run: is it plait's, whole, and free of what could reach other files.

ONNX is protobuf (https://protobuf.dev/programming-guides/encoding), read here field by field without the onnx
package, so that a deployed model needs only onnxruntime. Field numbers are those of onnx.proto.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from plait.errors import ModelError

SPEC_KEY = "plait"
DIGEST_KEY = "plait_sha256"
DOMAINS = (b"", b"ai.onnx")
"""Operators of ONNX itself; any other domain would need code that a model file must not ask for."""


def seal(content: bytes) -> bytes:
    """The file for a serialized ONNX model: the same bytes, and their SHA-256 as the last metadata entry."""
    digest = hashlib.sha256(content).hexdigest().encode()
    return content + _record(14, _record(1, DIGEST_KEY.encode()) + _record(2, digest))


def inspect(content: bytes) -> dict[str, Any]:
    """What the file says about itself, as ModelSpec.to_json gave it.

    Raises ModelError for what is no ONNX file of plait's, was changed or damaged after export, keeps data in
    other files or needs operators that are not ONNX's.
    """
    try:
        view = memoryview(content)
        entries = {key: (value, start, end) for key, value, start, end in _metadata(view)}
        if SPEC_KEY not in entries:
            raise ModelError("this is no model that plait exported: plait's description is missing")
        _check_digest(view, entries.get(DIGEST_KEY))
        _check_content(view)
        spec = json.loads(entries[SPEC_KEY][0])
    except (_DamagedError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise ModelError(f"this is no ONNX file, or a damaged one: {error}") from error
    if not isinstance(spec, dict):
        raise ModelError("this is no model that plait exported: plait's description is no mapping")
    return spec


class _DamagedError(Exception):
    """Bytes that are no protobuf."""


class _Field(NamedTuple):
    number: int
    value: "int | memoryview"
    start: int
    end: int


# Which fields hold messages in which something matters, by message; what is not listed is passed over unread.
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
}
_DOMAIN_FIELD = {"node": 7, "opset": 1, "function": 10}
_EXTERNAL_FIELDS = (13, 14)
_DEEPEST = 100


def _metadata(model: memoryview) -> Iterator[tuple[str, str, int, int]]:
    seen: set[str] = set()
    for field in _fields(model):
        if field.number == 14:
            parts = {part.number: _bytes(part) for part in _fields(_message(field))}
            key = str(parts.get(1, b""), "utf-8")
            if key in seen:
                raise _DamagedError(f"the metadata has {key!r} twice")
            seen.add(key)
            yield key, str(parts.get(2, b""), "utf-8"), field.start, field.end


def _check_digest(model: memoryview, entry: tuple[str, int, int] | None) -> None:
    if entry is None or entry[2] != len(model) or entry[0] != hashlib.sha256(model[: entry[1]]).hexdigest():
        raise ModelError(
            "the model file is damaged, or was changed after its export: copy it again, or export it again"
        )


def _check_content(model: memoryview) -> None:
    """Walks every message that can hold data or an operator."""
    waiting: list[tuple[str, memoryview, int]] = [("model", model, 0)]
    while waiting:
        kind, message, depth = waiting.pop()
        if depth > _DEEPEST:
            raise _DamagedError(f"nested deeper than {_DEEPEST} messages")
        inner = _MESSAGES.get(kind, {})
        for field in _fields(message):
            if kind == "tensor" and field.number in _EXTERNAL_FIELDS and field.value != 0:
                raise ModelError("the model keeps data in other files (external data), which is never opened")
            if field.number == _DOMAIN_FIELD.get(kind) and (domain := _bytes(field)) not in DOMAINS:
                raise ModelError(
                    f"the model needs operators of {str(domain, 'utf-8')!r}; only ONNX's own are run"
                )
            if field.number in inner:
                waiting.append((inner[field.number], _message(field), depth + 1))


def _fields(message: memoryview) -> Iterator[_Field]:
    position, end = 0, len(message)
    while position < end:
        start = position
        tag, position = _varint(message, position)
        number, wire = tag >> 3, tag & 7
        value: int | memoryview
        if wire == 0:
            value, position = _varint(message, position)
        elif wire in (1, 2, 5):
            size, position = _varint(message, position) if wire == 2 else ({1: 8, 5: 4}[wire], position)
            value, position = message[position : position + size], position + size
        else:
            raise _DamagedError(f"a field of the unknown kind {wire}")
        if position > end or not 0 < number < 2**29:
            raise _DamagedError("it ends too early, or a field has no number")
        yield _Field(number, value, start, position)


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(message[position : position + 10]):
        value |= (byte & 127) << (7 * count)
        if byte < 128:
            return value, position + count + 1
    raise _DamagedError("a number does not end")


def _message(field: _Field) -> memoryview:
    if isinstance(field.value, int):
        raise _DamagedError(f"field {field.number} is a number, expected a message")
    return field.value


def _bytes(field: _Field) -> bytes:
    return bytes(_message(field))


def _record(number: int, value: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(value)) + value


def _number(value: int) -> bytes:
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + _number(rest) if rest else bytes([low])
