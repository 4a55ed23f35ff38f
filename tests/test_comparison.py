"""Comparing variants: one split for all, one table, and it goes on where it stopped."""

import json
from pathlib import Path

import pytest

import plait
from plait import comparison
from plait.run import Run
from tests.pictures import class_folders

CHANGES = ["training.epochs=1", "training.batch_size=8", "training.precision=float32", "data.image_size=16"]
NETWORK = "network=[{conv: {channels: 4, stride: 4}}, {spatial_recurrent: {cell: gru, units: 4}}]"


def test_variants_share_their_split_and_stand_in_one_table(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "colors", each=12, side=16)
    said: list[str] = []
    found = plait.compare(
        data,
        ["network.1.cell=mingru,sru"],
        seeds=2,
        changes=[*CHANGES, NETWORK],
        out=tmp_path / "out",
        test=True,
        say=said.append,
    )
    assert found["finished"]
    assert [row["variant"] for row in found["variants"]] == ["network.1.cell=mingru", "network.1.cell=sru"]
    runs = [Run.open(one) for row in found["variants"] for one in row["runs"]]
    assert [run.recipe.training.seed for run in runs] == [0, 1, 0, 1]
    assert [run.recipe.network[1]["spatial_recurrent"]["cell"] for run in runs] == ["mingru"] * 2 + [
        "sru"
    ] * 2
    assert len({(run.folder / "examples.csv").read_text(encoding="utf-8") for run in runs}) == 1
    for row in found["variants"]:
        assert row["test"]["seeds"] == 2
        assert row["test"]["least"] <= row["test"]["value"] <= row["test"]["most"]
        assert row["test"]["low"] <= row["test"]["value"] <= row["test"]["high"]
    assert found["variants"][1]["parameters"] > found["variants"][0]["parameters"]
    assert json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8")) == found
    assert len((tmp_path / "out" / "comparison.md").read_text(encoding="utf-8").splitlines()) == 4
    assert len({len(row) for row in comparison.table(found)}) == 1

    before = {run.folder: (run.folder / "weights.safetensors").stat().st_mtime_ns for run in runs}
    again = plait.compare(
        data,
        ["network.1.cell=mingru,sru"],
        seeds=2,
        changes=[*CHANGES, NETWORK],
        out=tmp_path / "out",
        test=True,
    )
    assert again["variants"] == found["variants"]
    assert before == {place: (place / "weights.safetensors").stat().st_mtime_ns for place in before}


def test_another_seed_divides_otherwise(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "colors", each=12, side=16)
    divided = [
        (
            plait.train(
                data, changes=[*CHANGES, NETWORK, f"data.split_seed={split}"], out=tmp_path / str(split)
            ).folder
        )
        for split in (0, 5)
    ]
    first, second = ((one / "examples.csv").read_text(encoding="utf-8") for one in divided)
    assert first != second


@pytest.mark.parametrize(
    ("vary", "fault"),
    [
        ("network.1.cell", "expected key=value,value"),
        ("network.1.cell=[", "not a list of YAML values"),
        ("training.epoch=1,2", "unknown key 'epoch': did you mean 'epochs'"),
        ("training.epochs=1,none", "epochs"),
    ],
)
def test_a_variant_that_cannot_be_is_refused_before_any_training(
    tmp_path: Path, vary: str, fault: str
) -> None:
    with pytest.raises(plait.RecipeError, match=fault.replace("[", r"\[")):
        plait.compare(class_folders(tmp_path / "data", 2), [vary], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
