"""OnnxModel: a deployed model, opened with suspicion and run by onnxruntime."""

from pathlib import Path
from typing import Any

import numpy as np

from plait.errors import ModelError
from plait.inference.input import Array, Port
from plait.inference.onnx_file import inspect
from plait.inference.spec import ModelSpec
from plait.inference.threads import physical_cores

TYPES = {"float32": "float"}
"""Where onnxruntime's word is another than numpy's."""
MAX_BYTES = 2 * 1024**3
"""A larger file is refused unread."""


class OnnxModel:
    """A model.onnx that plait exported; ``run`` answers. Nothing of PyTorch is needed.

    Raises ModelError for a file that is missing, over ``max_bytes``, damaged, of another make or format,
    or that reaches for other files or foreign operators. ``threads`` is None for the usable physical cores.
    """

    def __init__(self, path: str | Path, max_bytes: int = MAX_BYTES, threads: int | None = None) -> None:
        self.path = Path(path)
        content = _read(self.path, max_bytes)
        try:
            self.spec = ModelSpec.from_json(inspect(content))
            self._session = _session(content, self.spec, threads or physical_cores())
        except ModelError as error:
            raise ModelError(f"{self.path}: {error}") from error

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """The arrays of one batch, one for each of the input's ports, to one for each of the spec's outputs."""
        ports = self.spec.input.ports
        if len(inputs) != len(ports) or not all(map(Port.accepts, ports, inputs)):
            arrived = ", ".join(f"{array.dtype} {array.shape}" for array in inputs)
            raise ModelError(f"{self.path}: {arrived} arrived, expected {', '.join(map(str, ports))}")
        if not len(inputs[0]):
            return tuple(_nothing(port) for port in self.spec.outputs)
        named = {port.name: np.ascontiguousarray(array) for port, array in zip(ports, inputs, strict=True)}
        return _answer(self._session, named, self.spec.outputs, self.path)


def _nothing(port: Port) -> Array:
    """The answer to no example."""
    sides = [side if isinstance(side, int) else 0 for side in port.sides]
    return np.zeros((0, *sides) if port.batched else sides, port.dtype)


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        if not path.is_file():
            raise ModelError(f"{path}: there is no such file")
        if (size := path.stat().st_size) > max_bytes:
            raise ModelError(f"{path} has {size:,} bytes, more than the limit of {max_bytes:,}")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def _session(content: bytes, spec: ModelSpec, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # What goes wrong is raised; the library's own lines on the terminal would only repeat it.
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    providers = ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(content, options, providers=providers, enable_fallback=0)
        _check_interface(session, spec)
    except _failures() as error:
        raise ModelError(f"onnxruntime {onnxruntime.__version__} cannot run this model: {error}") from error
    return session


def _check_interface(session: Any, spec: ModelSpec) -> None:
    ends = (*session.get_inputs(), *session.get_outputs())
    found = [(end.name, end.type, tuple(end.shape)) for end in ends]
    ports = (*spec.input.ports, *spec.outputs)
    expected = [(port.name, f"tensor({TYPES.get(port.dtype, port.dtype)})", _axes(port)) for port in ports]
    if found != expected:
        raise ModelError(f"the network takes and gives {found}, but its description says {expected}")


def _axes(port: Port) -> tuple[int | str, ...]:
    return ("batch", *port.sides) if port.batched else port.sides


def _answer(
    session: Any, inputs: dict[str, Array], outputs: tuple[Port, ...], path: Path
) -> tuple[Array, ...]:
    count = len(next(iter(inputs.values())))
    try:
        given: list[Array] = session.run([port.name for port in outputs], inputs)
    except _failures() as error:
        raise ModelError(f"{path}: the network failed on a batch of {count}: {error}") from error
    for port, array in zip(outputs, given, strict=True):
        if port.batched and len(array) != count:
            raise ModelError(f"{path}: the network gave {len(array)} answers to a batch of {count}")
    return tuple(given)


def _failures() -> tuple[type[Exception], ...]:
    """What onnxruntime raises; its exceptions have no common parent."""
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    names = (
        "Fail",
        "InvalidArgument",
        "InvalidGraph",
        "InvalidProtobuf",
        "NoModel",
        "NoSuchFile",
        "NotImplemented",
    )
    errors = [getattr(raised, name) for name in (*names, "EngineError", "EPFail", "RuntimeException")]
    return (*errors, RuntimeError, ValueError, MemoryError)
