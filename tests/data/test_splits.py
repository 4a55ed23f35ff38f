"""A split is stratified, seeded, blind to the order of rows, and keeps together what belongs together."""

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.data.splits import split
from plait.data.table import Row, Table
from plait.errors import DataError

PARTS = ("train", "validation", "test")


def table(rows: list[tuple[str | tuple[str, ...], str, str | None]]) -> Table:
    made = [
        Row(f"{number}.png", target, part, "t.csv", number + 2, group)
        for number, (target, part, group) in enumerate(rows)
    ]
    return Table.from_rows(
        made, "t.csv", "table", several_labels=any(isinstance(row[0], tuple) for row in rows)
    )


def plain(counts: dict[str, int], part: str = "") -> Table:
    return table([(label, part, None) for label, count in counts.items() for _ in range(count)])


def names(made: Table) -> list[str]:
    """Digests of pictures no two of which are alike."""
    return [f"{number:08x}" for number in range(len(made))]


def per_class(made: Table) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for labels, part in zip(made.labels, made.splits, strict=True):
        for label in labels:
            counts[label][part] += 1
    return counts


def test_every_class_is_divided_in_the_same_proportion() -> None:
    made = plain({"a": 1000, "b": 100, "c": 50})
    divided = split(made, names(made), 0.1, 0.2, seed=0)
    assert per_class(divided) == {
        "a": {"train": 720, "validation": 80, "test": 200},
        "b": {"train": 72, "validation": 8, "test": 20},
        "c": {"train": 36, "validation": 4, "test": 10},
    }
    assert made.splits == [""] * 1150


def test_only_validation_is_missing() -> None:
    made = table([("ab"[number % 2], "train", None) for number in range(200)] + [("a", "test", None)] * 5)
    divided = split(made, names(made), 0.1, 0.2, seed=0)
    assert per_class(divided)["b"] == {"train": 90, "validation": 10}
    assert divided.splits[200:] == ["test"] * 5


def test_only_test_is_missing() -> None:
    made = table(
        [("ab"[number % 2], "train", None) for number in range(200)] + [("a", "validation", None)] * 5
    )
    divided = split(made, names(made), 0.1, 0.2, seed=0)
    assert per_class(divided)["b"] == {"train": 80, "test": 20}
    assert divided.splits[200:] == ["validation"] * 5


def test_given_parts_stay() -> None:
    made = table([("a", part, None) for part in PARTS * 3])
    assert split(made, names(made), 0.5, 0.5, seed=3).splits == list(PARTS * 3)


def test_parts_without_one_to_train_on_are_refused() -> None:
    made = plain({"a": 3}, "test")
    with pytest.raises(DataError, match="only the part test"):
        split(made, names(made), 0.1, 0.2, seed=0)


def test_seeds_differ_and_repeat() -> None:
    made = plain({"a": 60, "b": 40})
    first, again, other = (split(made, names(made), 0.1, 0.2, seed).splits for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_split_is_the_same_for_ever() -> None:
    made = plain({"a": 8, "b": 4})
    letters = "".join(str(PARTS.index(part)) for part in split(made, names(made), 0.2, 0.25, seed=0).splits)
    assert letters == "201002001002"


@pytest.mark.parametrize("count", range(1, 12))
@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.2), (0.01, 0.01), (0.8, 0.8)])
def test_every_class_is_in_every_part_it_has_enough_for(count: int, validation: float, test: float) -> None:
    made = plain({"big": 40, "small": count})
    found = per_class(split(made, names(made), validation, test, seed=0))["small"]
    assert found["train"] > 0
    assert len(found) == min(count, 3)


def test_tiny_data_still_has_every_part() -> None:
    made = plain({"a": 2, "b": 2})
    assert set(split(made, names(made), 0.1, 0.2, seed=0).splits) == set(PARTS)


def test_large_groups_leave_no_part_empty() -> None:
    made = table([("a", "", f"g{number // 10}") for number in range(30)])
    counts = Counter(split(made, names(made), 0.1, 0.2, seed=0).splits)
    assert counts == {"train": 10, "validation": 10, "test": 10}


def test_groups_and_copies_are_joined_through_each_other() -> None:
    made = table([("a", "", "g"), ("a", "", "g"), ("a", "", None), ("a", "", "h")] + [("a", "", None)] * 20)
    digests = names(made)
    digests[2] = digests[1]
    digests[3] = digests[2]
    for seed in range(20):
        assert len(set(split(made, digests, 0.2, 0.3, seed).splits[:4])) == 1


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.sampled_from([None, None, None, "g", "h"])),
    min_size=1,
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(ROWS, st.integers(0, 5), st.randoms(use_true_random=False))
def test_whole_units_in_any_order(
    rows: list[tuple[str, int, str | None]], seed: int, shuffle: random.Random
) -> None:
    def divided(rows: list[tuple[str, int, str | None]]) -> list[str]:
        made = table([(label, "", group) for label, _, group in rows])
        return split(made, [f"{picture:04x}" for _, picture, _ in rows], 0.2, 0.25, seed).splits

    parts = divided(rows)
    assert set(parts) <= set(PARTS)
    assert "train" in parts
    for place in (1, 2):
        sides = defaultdict(set)
        for row, part in zip(rows, parts, strict=True):
            sides[row[place]].add(part)
        assert all(len(side) == 1 for key, side in sides.items() if key is not None)
    assert {row[0] for row, part in zip(rows, parts, strict=True) if part == "train"} == {
        row[0] for row in rows
    }
    order = list(range(len(rows)))
    shuffle.shuffle(order)
    assert divided([rows[place] for place in order]) == [parts[place] for place in order]


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 80), min_size=1, max_size=8),
    st.integers(0, 3),
)
def test_single_rows_are_divided_within_one_of_the_share(counts: dict[str, int], seed: int) -> None:
    made = plain(counts)
    found = per_class(split(made, names(made), 0.1, 0.2, seed))
    for label, count in counts.items():
        assert found[label]["train"] > 0
        assert abs(found[label]["test"] - 0.2 * count) <= 1
        assert abs(found[label]["validation"] - 0.08 * count) <= 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.frozensets(st.sampled_from("abcd")), min_size=40, max_size=80), st.integers(0, 3))
def test_several_labels_are_all_trained_on(sets: list[frozenset[str]], seed: int) -> None:
    made = table([(tuple(sorted(labels)), "", None) for labels in sets])
    divided = split(made, names(made), 0.1, 0.2, seed)
    assert set(divided.part("train").classes) == set(made.classes)


def test_several_labels_are_divided_in_the_same_proportion() -> None:
    chance = random.Random(0)
    made = table(
        [(tuple(sorted(chance.sample("abcdef", chance.randrange(4)))), "", None) for _ in range(2000)]
    )
    divided = split(made, names(made), 0.1, 0.2, seed=0)
    for counts in [Counter(divided.splits), *per_class(divided).values()]:
        assert abs(counts["test"] / counts.total() - 0.2) < 0.03
        assert abs(counts["validation"] / counts.total() - 0.08) < 0.03
