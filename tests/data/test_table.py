"""A Table keeps its rows and their origin, whatever is asked of it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plait.data.table import Row, Table, natural_key


def table(*rows: Row, several_labels: bool = False) -> Table:
    return Table.from_rows(rows, "data", "table", several_labels)


def test_arrays_of_one_shape_stay_one_to_a_row() -> None:
    pictures = [np.full((4, 5), value, np.uint8) for value in range(3)]
    made = table(*(Row(picture, "a", "", "x", number) for number, picture in enumerate(pictures, 1)))
    assert len(made) == 3
    assert all(made.frame["input"].iat[row] is pictures[row] for row in range(3))


def test_no_rows_are_a_table() -> None:
    assert len(table()) == 0
    assert table().classes == []
    assert len(table().part("train")) == 0


def test_part_and_take_number_rows_from_0() -> None:
    made = table(
        *(
            Row(f"{name}.png", "a", split, "t.csv", 2)
            for name, split in zip("abc", ("train", "test", "train"), strict=True)
        )
    )
    train = made.part("train")
    assert list(train.frame["input"]) == ["a.png", "c.png"]
    assert list(train.frame.index) == [0, 1]
    assert list(made.take([2, 0]).frame["input"]) == ["c.png", "a.png"]
    assert len(made) == 3


def test_classes_are_in_natural_order_and_counted() -> None:
    made = table(
        *(Row(f"{place}.png", label, "", "x") for place, label in enumerate(["10", "9", "b2", "b10", "10"]))
    )
    assert made.classes == ["9", "10", "b2", "b10"]
    assert made.counts(["10", "9", "never"]) == [2, 1, 0]


def test_several_labels_count_each() -> None:
    rows = [
        Row("a.png", ("x", "y"), "", "t.csv", 2),
        Row("b.png", (), "", "t.csv", 3),
        Row("c.png", ("y",), "", "t.csv", 4),
    ]
    made = table(*rows, several_labels=True)
    assert made.classes == ["x", "y"]
    assert made.counts(made.classes) == [1, 2]
    assert made.targets == [("x", "y"), (), ("y",)]
    assert table(Row("a.png", None, "", "a.png")).classes == []


def test_place_names_the_picture_or_the_file_that_holds_it() -> None:
    made = table(
        Row("a.png", "x", "", "t.csv", 7),
        Row(np.zeros((2, 2), np.uint8), "x", "", "images-idx3", 8),
        Row("b.png", "x", "", "b.png"),
    )
    assert made.places == [("a.png", 7), ("images-idx3", 8), ("b.png", None)]


def test_with_column_changes_nothing_else() -> None:
    made = table(Row("a.png", "x", "", "a.png"))
    changed = made.with_column("split", ["test"])
    assert changed.splits == ["test"]
    assert made.splits == [""]
    assert list(changed.frame.columns) == list(made.frame.columns)


@given(st.lists(st.integers(0, 10**30)))
def test_numbers_sort_by_value(numbers: list[int]) -> None:
    assert sorted(map(str, numbers), key=natural_key) == [str(number) for number in sorted(numbers)]


@given(st.lists(st.text(), unique=True))
def test_any_names_have_one_order(names: list[str]) -> None:
    turned = names[::-1]
    assert sorted(names, key=natural_key) == sorted(turned, key=natural_key)
