"""A model file answers, and hostile or damaged ones end in ModelError and nothing else."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from little_models import SPEC, color_graph, packed, write_model
from onnx import TensorProto, helper

from plait.errors import ModelError
from plait.inference.model import OnnxModel
from plait.inference.onnx_file import inspect, seal
from plait.inference.threads import physical_cores

WHOLE = packed(color_graph())
FUZZ = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("batch", [0, 1, 2, 7])
def test_it_answers_batches_of_any_size(tmp_path: Path, batch: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (batch, 3, 4, 6), np.uint8)
    expected = (pictures.mean(axis=(2, 3)) - 127.5) / 25
    (answers,) = OnnxModel(write_model(tmp_path / "model.onnx")).run(pictures)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers, expected.reshape(-1, 3), atol=1e-5)


def test_it_knows_what_it_is(tmp_path: Path) -> None:
    assert OnnxModel(write_model(tmp_path / "model.onnx")).spec == SPEC


@pytest.mark.parametrize(
    "pictures",
    [np.zeros((1, 3, 4, 6), np.float32), np.zeros((1, 3, 6, 4), np.uint8), np.zeros((3, 4, 6), np.uint8)],
)
def test_other_input_is_refused(tmp_path: Path, pictures: np.ndarray) -> None:
    model = OnnxModel(write_model(tmp_path / "model.onnx"))
    with pytest.raises(ModelError, match="arrived, expected uint8"):
        model.run(pictures)


@FUZZ
@given(content=st.binary(max_size=200))
def test_random_bytes_are_refused(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path, content)


@FUZZ
@given(length=st.integers(0, len(WHOLE) - 1))
def test_a_truncated_file_is_refused(tmp_path: Path, length: int) -> None:
    refused(tmp_path, WHOLE[:length])


@FUZZ
@given(position=st.integers(0, len(WHOLE) - 1), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed(tmp_path: Path, position: int, flip: int) -> None:
    changed = bytearray(WHOLE)
    changed[position] ^= flip
    refused(tmp_path, bytes(changed))


@FUZZ
@given(position=st.integers(0, len(WHOLE) - 110), flip=st.integers(1, 255), removed=st.integers(0, 3))
def test_a_forged_file_is_read_or_refused(tmp_path: Path, position: int, flip: int, removed: int) -> None:
    """Whoever computes the digest anew gets further, but no further than an error."""
    changed = bytearray(color_with_spec())
    changed[position] ^= flip
    del changed[position + 1 : position + 1 + removed]
    forge(tmp_path, bytes(changed))


@FUZZ
@given(content=st.binary(max_size=200))
def test_forged_random_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path, seal(content))
    forge(tmp_path, color_with_spec() + content)


def external_data(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[1]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def external_data_unmarked(model: onnx.ModelProto) -> None:
    model.graph.initializer[1].external_data.add(key="location", value="elsewhere")


def external_data_in_an_attribute(model: onnx.ModelProto) -> None:
    tensor = TensorProto(data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    model.graph.node.append(helper.make_node("Constant", [], ["x"], value=tensor))


def external_data_in_a_branch(model: onnx.ModelProto) -> None:
    tensor = TensorProto(name="x", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    branch = helper.make_graph([], "branch", [], [], [tensor])
    model.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch))


def external_sparse_data(model: onnx.ModelProto) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.data_location = TensorProto.EXTERNAL


def foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.example"


def foreign_operator_set(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def foreign_function(model: onnx.ModelProto) -> None:
    opsets = [helper.make_opsetid("", 20)]
    model.functions.append(helper.make_function("com.example", "F", ["x"], ["x"], [], opsets))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (external_data, "other files"),
        (external_data_unmarked, "other files"),
        (external_data_in_an_attribute, "other files"),
        (external_data_in_a_branch, "other files"),
        (external_sparse_data, "other files"),
        (foreign_operator, "com.example"),
        (foreign_operator_set, "com.example"),
        (foreign_function, "com.example"),
    ],
)
def test_what_reaches_beyond_the_file_is_refused(
    tmp_path: Path, change: Callable[[onnx.ModelProto], None], word: str
) -> None:
    model = color_graph()
    change(model)
    refused(tmp_path, packed(model), word)


def test_a_model_of_another_make_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, color_graph().SerializeToString(), "no model that plait exported")
    refused(tmp_path, seal(color_graph().SerializeToString()), "no model that plait exported")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, packed(color_graph(), SPEC.to_json() | {"format_version": 2}), "newer plait")


def test_a_description_that_does_not_fit_the_network_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, packed(color_graph(), SPEC.to_json() | {"classes": ["a", "b"]}), "description says")


def test_deep_nesting_is_refused() -> None:
    inner = b""
    for _ in range(300):  # graph > node > attribute > graph ...
        node = field(5, field(6, inner))
        inner = field(1, node)
    with pytest.raises(ModelError, match="deeper"):
        inspect(seal(color_with_spec() + field(7, inner)))


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="more than the limit of 100"):
        OnnxModel(path, max_bytes=100)


@pytest.mark.parametrize("name", ["missing.onnx", "", "a\0b"])
def test_no_file_is_one_clear_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError):
        OnnxModel(f"{tmp_path}/{name}")


def test_cores_are_some_of_the_processors() -> None:
    import os

    assert 1 <= physical_cores() <= (os.cpu_count() or 1)


def test_opening_a_model_imports_nothing_heavy(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx")
    code = (
        "import sys; import plait.inference.model, plait.inference.predict, plait.inference.outputs as o; "
        "assert 'onnxruntime' not in sys.modules; assert 'rich' not in sys.modules; "
        f"plait.inference.model.OnnxModel({str(path)!r}); "
        "heavy = {'torch', 'lightning', 'pandas', 'onnx', 'pyarrow', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def forge(folder: Path, content: bytes) -> None:
    """A file with the right digest of the wrong content: an answer or a ModelError, nothing else."""
    path = folder / "forged.onnx"
    path.write_bytes(seal(content))
    with contextlib.suppress(ModelError):
        OnnxModel(path).run(np.zeros((2, 3, 4, 6), np.uint8))


def refused(folder: Path, content: bytes, word: str = "refused.onnx") -> None:
    path = folder / "refused.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=re.escape(word)) as caught:
        OnnxModel(path)
    assert str(path) in str(caught.value)


def color_with_spec() -> bytes:
    """What ``packed`` seals."""
    digest_entry = len(seal(b""))
    return WHOLE[:-digest_entry]


def field(number: int, value: bytes) -> bytes:
    """A protobuf field that holds bytes."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)
