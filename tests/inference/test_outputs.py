"""The user's own table comes back byte for byte with columns added; no input is ever overwritten."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from little_models import SPEC
from rich.console import Console

from plait.errors import DataError
from plait.inference.classification import Classification, Labeling
from plait.inference.outputs import show, to_json, write_csv
from plait.inference.prediction import Origin, Prediction
from plait.inference.tables import open_table
from plait.inference.user_table import PICTURES

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
TABLE = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=6)
)


def answered(table: Path, label: str = 'a, "b"') -> list[Prediction]:
    """A prediction for every row."""
    rows = open_table(table, PICTURES).rows()
    return [
        Classification(Origin(row.input, str(table), row.number), label, 0.25, {label: 0.25})
        for row in rows
        if row.fault is None
    ]


def written(folder: Path, content: bytes, name: str = "t.csv", label: str = "cat") -> bytes:
    (folder / name).write_bytes(content)
    write_csv(folder / f"out_{name}", answered(folder / name, label), [str(folder / name)], SPEC)
    return (folder / f"out_{name}").read_bytes()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("image,n\na.png,1\n", "image,n,prediction,probability\na.png,1,cat,0.25\n"),
        ("image,n\na.png,1", "image,n,prediction,probability\na.png,1,cat,0.25"),
        ("image;n\r\na.png;1,5\r\n", "image;n;prediction;probability\r\na.png;1,5;cat;0.25\r\n"),
        ("\ufeffimage\na.png\n", "\ufeffimage,prediction,probability\na.png,cat,0.25\n"),
        ('\ufeff"image"\n"a.png"\n', '\ufeff"image",prediction,probability\n"a.png",cat,0.25\n'),
        (
            'image,n\n"a.png","x\ny ""z"""\n',
            'image,n,prediction,probability\n"a.png","x\ny ""z""",cat,0.25\n',
        ),
        ("image,n\n\na.png, 1 \r\n", "image,n,prediction,probability\n\na.png, 1 ,cat,0.25\r\n"),
        ("prediction,image\nx,a.png\n", "prediction,image,prediction_2,probability\nx,a.png,cat,0.25\n"),
        ("image\r1\r2\r", "image,prediction,probability\r1,cat,0.25\r2,cat,0.25\r"),
    ],
)
def test_nothing_but_the_new_columns_changes(tmp_path: Path, content: str, expected: str) -> None:
    assert written(tmp_path, content.encode()).decode() == expected


def test_a_table_stays_in_its_encoding(tmp_path: Path) -> None:
    table, target = tmp_path / "t.csv", tmp_path / "out.csv"
    table.write_bytes("image,n\ncafé.png,1\n".encode("latin-1"))
    for label, ending in (("thé", "thé,0.25"), ("猫", None)):
        rows = open_table(table, PICTURES, "latin-1").rows()
        answers = [
            Classification(Origin(row.input, str(table), row.number), label, 0.25, {label: 0.25})
            for row in rows
        ]
        if ending is not None:
            write_csv(target, answers, [str(table)], SPEC, "latin-1")
        else:
            with pytest.raises(DataError, match=r"has no '猫': save .*t\.csv as UTF-8"):
                write_csv(target, answers, [str(table)], SPEC, "latin-1")
        expected = "image,n,prediction,probability\ncafé.png,1,thé,0.25\n"
        assert target.read_bytes() == expected.encode("latin-1")


def test_a_tsv_stays_one(tmp_path: Path) -> None:
    given_back = written(tmp_path, b"image\tn\na,b.png\t1\n", "t.tsv")
    assert given_back == b"image\tn\tprediction\tprobability\na,b.png\t1\tcat\t0.25\n"


def test_a_label_is_quoted_where_it_must_be(tmp_path: Path) -> None:
    assert (
        written(tmp_path, b"image\na\n", label='a, "b"')
        == b'image,prediction,probability\na,"a, ""b""",0.25\n'
    )


def test_json_lines_gain_fields(tmp_path: Path) -> None:
    given_back = written(
        tmp_path, b'\xef\xbb\xbf{"image": "a", "n": 1.10 }\r\n\n{"n": 2}\n{"image": "b"}', "t.jsonl", "\u732b"
    )
    added = '"prediction": "\u732b", "probability": 0.25}'
    assert given_back.decode() == (
        f'\ufeff{{"image": "a", "n": 1.10, {added}\r\n\n{{"n": 2}}\n{{"image": "b", {added}'
    )
    with pytest.raises(DataError, match=r"expected a name ending in \.jsonl or \.ndjson"):
        write_csv(tmp_path / "out.csv", never(), [str(tmp_path / "t.jsonl")], SPEC)


def test_a_workbook_is_given_back_as_csv(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["image", "n"], ["a", 1], ["b", None]):
        book.active.append(row)
    table, target = tmp_path / "t.xlsx", tmp_path / "out.csv"
    book.save(table)
    write_csv(target, answered(table, "cat")[:1], [str(table)], SPEC)
    assert target.read_text(encoding="utf-8").split() == [
        "image,n,prediction,probability",
        "a,1,cat,0.25",
        "b,,,",
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=TABLE,
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    mark=st.sampled_from(["", "\ufeff"]),
    label=CELL,
)
def test_any_table_keeps_its_cells(
    tmp_path: Path, *, table: list[list[str]], delimiter: str, end: str, quoting: int, mark: str, label: str
) -> None:
    width = len(table[0]) if table else 2
    delimiter = delimiter if width > 1 else ","  # nothing shows which one separates one column
    rows = [["image", *(f"column {number}" for number in range(1, width))]]
    rows += [["x" + row[0], *row[1:]] for row in table]
    if (
        quoting == csv.QUOTE_MINIMAL
    ):  # Python's writer may leave a lone \r unquoted, which ends a line for readers
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    answer = written(tmp_path, (mark + file.getvalue()).encode(), label=label).decode()
    found = list(
        csv.reader(io.StringIO(answer.removeprefix(mark), newline=""), delimiter=delimiter, strict=True)
    )
    assert [row[:width] for row in found] == rows
    assert [row[width:] for row in found[1:]] == [[label, "0.25"] for _ in table]


def test_rows_left_out_are_empty_and_odd_ones_untouched(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("image,n\na,1\nb,2\nc\nd,4,5\ne,6\n", encoding="utf-8")
    good = [prediction for prediction in answered(table, "cat") if prediction.row in (2, 6)]
    write_csv(tmp_path / "out.csv", good, [str(table)], SPEC)
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines == ["image,n,prediction,probability", "a,1,cat,0.25", "b,2,,", "c", "d,4,5", "e,6,cat,0.25"]


def test_parquet_keeps_columns_types_and_metadata(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"n": arrow.array([1, 2], arrow.int8()), "image": ["a", "b"], "tags": [["x"], []]})
    table = table.replace_schema_metadata({"made by": "me"})
    parquet.write_table(table, tmp_path / "t.parquet")
    write_csv(
        tmp_path / "out.parquet",
        answered(tmp_path / "t.parquet", "cat")[:1],
        [str(tmp_path / "t.parquet")],
        SPEC,
    )
    before, found = (parquet.read_table(tmp_path / name) for name in ("t.parquet", "out.parquet"))
    assert found.select(table.column_names).equals(before, check_metadata=True)
    assert found.column("prediction").to_pylist() == ["cat", None]
    assert found.column("probability").to_pylist() == [0.25, None]


def test_a_damaged_parquet_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match=r"t\.parquet"):
        open_table(tmp_path / "t.parquet", PICTURES)


def test_several_sources_give_a_new_csv(tmp_path: Path) -> None:
    write_csv(tmp_path / "out.csv", two(), ["a.png", "b.png"], SPEC)
    found = list(csv.reader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert found == [
        ["picture", "prediction", "probability"],
        ["a.png", "x, y", "0.75"],
        ["b.png", "蓝", "1"],
    ]


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes(b"image\na\n")
    (tmp_path / "link.csv").symlink_to(table)
    for target in (table, tmp_path / "link.csv", tmp_path / "." / "t.csv"):
        with pytest.raises(DataError, match="never overwritten"):
            write_csv(target, never(), [str(table)], SPEC)
    assert table.read_bytes() == b"image\na\n"


@pytest.mark.parametrize("name", ["out.png", "out", "out.parquet", "folder"])
def test_a_wrong_target_is_refused_before_predicting(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "t.csv").write_bytes(b"image\na\n")
    with pytest.raises(DataError, match="--out"):
        write_csv(tmp_path / name, never(), [str(tmp_path / "t.csv")], SPEC)


def test_an_error_on_the_way_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_bytes(b"old")
    with pytest.raises(DataError, match="bad picture"):
        write_csv(tmp_path / "out.csv", failing(), ["a.png"], SPEC)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_bytes() == b"old"


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_csv(tmp_path / "gone" / "out.csv", two(), ["a.png"], SPEC)


def test_json_has_everything() -> None:
    document = json.loads(json.dumps(to_json(two(), SPEC), allow_nan=False))
    assert document["task"] == "image-classification"
    assert document["predictions"][0] == {
        "input": "a.png",
        "prediction": "x, y",
        "probability": 0.75,
        "probabilities": {"x, y": 0.75, "蓝": 0.25},
    }
    several = Labeling(Origin("p", "t.csv", 3), ("x",), {"x": 0.6, "y": 0.1})
    assert to_json([several], SPEC)["predictions"] == [
        {"input": "p", "table": "t.csv", "row": 3, "prediction": ["x"], "probabilities": {"x": 0.6, "y": 0.1}}
    ]


def test_a_terminal_shows_a_table_and_a_file_gets_csv() -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=60)
    plain = Console(file=io.StringIO(), force_terminal=False)
    for console in (terminal, plain):
        show(two("[red]a.png"), SPEC, console)
    assert "[red]a.png" in terminal.file.getvalue()  # type: ignore[attr-defined]
    assert plain.file.getvalue().splitlines()[1] == '[red]a.png,"x, y",0.75'  # type: ignore[attr-defined]


def two(first: str = "a.png") -> list[Prediction]:
    return [
        Classification(Origin(first), "x, y", 0.75, {"x, y": 0.75, "蓝": 0.25}),
        Classification(Origin("b.png"), "蓝", 1.0, {"x, y": 0.0, "蓝": 1.0}),
    ]


def failing() -> Iterator[Prediction]:
    yield two()[0]
    raise DataError("bad picture")


def never() -> Iterator[Prediction]:
    raise AssertionError("predicted although the target was wrong")
    yield
