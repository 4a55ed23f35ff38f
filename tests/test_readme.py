"""The README, executed: every command and every piece of Python works as shown; both languages agree."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.books import book
from tests.boxes import PARTS, scene, scenes, voc
from tests.lines import folder, line
from tests.sentences import columns, sentences
from tests.sounds import speech_table, words, write
from tests.texts import reviews, table

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

NOT_HERE = ("make ", "pip install ", "git clone ", "cd ", "python3 -m venv ", ".venv/bin/pip install ")
"""Commands that set up what the tests already stand on."""

QUICKLY = "--set training.epochs=1 --set training.precision=float32"
"""Added to each `plait train`: that it works is asked here, not how well."""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """What the README's reader has: ``photos/`` in class folders, a picture, a table, the recipes."""
    digits = load_digits()
    for number in range(60):
        target = int(digits.target[number]) % 3
        place = tmp_path / "photos" / f"class-{target}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((digits.images[number] * 15).astype("uint8")).save(place / f"{number:03}.png")
    picture = tmp_path / "photos" / "class-0" / "000.png"
    (tmp_path / "cat.jpg").write_bytes(b"")
    Image.open(picture).save(tmp_path / "cat.jpg")
    rows = [
        "image,taken",
        *(f"photos/class-0/{path.name},2024" for path in sorted(picture.parent.iterdir())[:3]),
    ]
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    table(tmp_path / "reviews.csv", reviews(60), ("review", "sentiment"))
    (tmp_path / "raw.txt").write_text("so warm\nso cold and so sad\n" * 5, encoding="utf-8")
    columns(tmp_path / "names.conll", sentences(60))
    book(tmp_path / "book.txt", 60)
    speech_table(tmp_path / "clips.csv", words(30))
    write(tmp_path / "clip.wav", "ab", 1000)
    folder(tmp_path / "lines", 30)
    Image.fromarray(line("ab", 1000)).save(tmp_path / "line.png")
    voc(tmp_path / "cells", scenes(8, PARTS))
    Image.fromarray(scene("cell.png", "", 1, 3, (48, 64)).pixels).save(tmp_path / "cell.png")
    (tmp_path / "recipes").mkdir()
    for recipe in (ROOT / "recipes").glob("*.yaml"):
        (tmp_path / "recipes" / recipe.name).write_bytes(recipe.read_bytes())
    return tmp_path


@pytest.mark.timeout(900)
def test_readme_works_as_shown(desk: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every block on a desk of its own, two at a time, its commands in one process: starting PyTorch takes longest."""
    with ThreadPoolExecutor(2) as pool:
        done = [
            pool.submit(
                _block, language, text, shutil.copytree(desk, tmp_path_factory.mktemp("block") / "desk")
            )
            for language, text in blocks(READMES[0])
        ]
    for one in done:
        one.result()


def _block(language: str, text: str, desk: Path) -> None:
    if language == "python":
        _run([sys.executable, "-W", "error", "-c", text], text, desk)
    asked = commands(text) if language == "sh" else []
    assert all(command.startswith("plait ") for command in asked)
    if asked:
        words = json.dumps([_words(command) for command in asked])
        _run([sys.executable, "-W", "error", "-c", COMMANDS, words], text, desk)


def test_both_languages_show_the_same_code() -> None:
    """So that running one of them is enough. Comments may be translated."""
    english, chinese = (
        [_without_comments(text) for language, text in blocks(name) if language in ("sh", "python")]
        for name in READMES
    )
    assert english
    assert english == chinese


@pytest.mark.parametrize("readme", READMES)
def test_files_that_the_readme_names_exist(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    named = [place for place in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in place]
    assert named
    missing = [place for place in named if not (ROOT / place).exists()]
    assert not missing


@pytest.mark.parametrize("readme", READMES)
def test_tree_in_the_readme_is_the_tree(readme: str) -> None:
    tree = next(text for language, text in blocks(readme) if language == "text" and "src/plait/" in text)
    folder = ""
    for written in tree.splitlines():
        name = (
            written.split("  ")[0].strip() if not written.startswith(" ") else written.strip().split("  ")[0]
        )
        folder = (name if name.endswith("/") else "") if not written.startswith(" ") else folder
        place = ROOT / (name if not written.startswith(" ") else folder + name)
        assert place.exists(), f"{readme}: {place.relative_to(ROOT)}"


def blocks(readme: str) -> list[tuple[str, str]]:
    """Language and text of every fenced block."""
    return BLOCK.findall((ROOT / readme).read_text(encoding="utf-8"))


def commands(text: str) -> list[str]:
    """A block's commands that are ours to run, comments removed."""
    lines = (written.partition("  #")[0].strip() for written in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", *NOT_HERE))]


def _without_comments(text: str) -> list[str]:
    return [line.partition("  #")[0].rstrip() for line in text.splitlines() if not line.startswith("#")]


def _words(command: str) -> list[str]:
    """The command's words, as a shell divides them."""
    return shlex.split(f"{command} {QUICKLY}" if " train " in command else command)


COMMANDS = """
import contextlib, json, sys
from plait import entry

for words in json.loads(sys.argv[1]):
    place = words.index(">") if ">" in words else len(words)
    sys.argv = words[:place]
    print("$", *words, file=sys.stderr)
    target = open(words[place + 1], "w", encoding="utf-8") if place < len(words) else None
    with target or contextlib.nullcontext(), contextlib.redirect_stdout(target or sys.stdout):
        try:
            entry.main()
        except SystemExit as leaving:
            if leaving.code:
                sys.exit(leaving.code)
"""
"""Runs commands one after the other, each as the command line would, ``>`` included; ends with the first that fails."""


def _run(command: list[str], shown: str, folder: Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{shown}\n{done.stdout}\n{done.stderr}"
