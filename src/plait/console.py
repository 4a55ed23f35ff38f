"""What the commands print: messages and progress on standard error, answers on standard output."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.errors import PlaitError, Problem, counted

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 20
"""Problems of one kind that a terminal shows; --json has all."""


def say(text: str) -> None:
    """One line for the person, on standard error; work goes on where nobody reads it any more."""
    with suppress(BrokenPipeError):
        print(text, file=sys.stderr, flush=True)


def say_problem(problem: Problem) -> None:
    """Something left out on the user's word."""
    say(f"left out: {problem}")


def terminal() -> "Console":
    """Where tables are drawn: standard output."""
    from rich.console import Console

    return Console()


def print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False))


def print_error(error: PlaitError) -> None:
    say(f"error: {error}")


@contextmanager
def checking(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar for the reading and checking of files, where standard error is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking", total=None)
        done: list[bool] = []

        def progress(count: int, total: int) -> None:
            bar.update(task, completed=count, total=total)
            if count >= total and not done:
                done.append(True)
                bar.stop()

        yield progress


def print_inspection(answer: dict[str, Any]) -> None:
    """Counts, problems, findings, network."""
    if "source" in answer:
        print(f"{answer['source']}: {answer['task']}, read as {answer['format']}")
        if "running_text" in answer:
            print(f"  {_running(answer['running_text'])}")
        else:
            classes = f", {counted(len(answer['classes']), 'class')}" if answer["classes"] else ""
            print(f"  {counted(answer['examples'], 'usable example')}{classes}")
            for part, count in answer["splits"].items():
                print(f"  {part or 'not divided'}: {count}")
            print(f"  {_inputs(answer)}")
            if answer["classes"]:
                _print_counts(answer["classes"])
        _print_problems("cannot be used", answer["errors"])
        _print_problems("should be known", answer["findings"])
        for advice in answer["advice"]:
            print(advice)
    print(f"\nnetwork, for a {answer['input']}:")
    print(network_text(answer["network"]))


def _inputs(answer: dict[str, Any]) -> str:
    """Sizes of pictures, or lengths of texts, sentences, recordings, lines."""
    kind = next(kind for kind in INPUTS if kind in answer)
    found = answer[kind]
    return f"{kind}: none that can be used" if found is None else INPUTS[kind](found)


def _texts(found: dict[str, Any]) -> str:
    cut = f"; {found['cut']:.1%} are cut" if found["cut"] else ""
    return (
        "texts: {shortest} to {longest} {tokens}, median {median}; vocabulary {vocabulary:,}".format(**found)
        + cut
    )


def _recordings(found: dict[str, Any]) -> str:
    speakers = f"; {counted(found['speakers'], 'speaker')}" if found["speakers"] else ""
    return (
        "recordings: {shortest:.2f} to {longest:.2f} seconds, median {median:.2f}; {minutes:.1f} minutes in all"
    ).format(**found) + speakers


def _running(found: dict[str, Any] | None) -> str:
    if found is None:
        return "running text: none that can be used"
    return (
        "running text: {files} files, {characters:,} characters; {tokens:,} tokens ({kind}), vocabulary {vocabulary:,}"
    ).format(**found)


INPUTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "pictures": lambda found: (
        "pictures: {smallest} to {largest} (height x width), median {median}, {color}".format(**found)
    ),
    "sentences": lambda found: (
        "sentences: {shortest} to {longest} tokens, median {median}, {tokens:,} in all; vocabulary {vocabulary:,} "
        "words, {characters:,} characters"
    ).format(**found),
    "recordings": _recordings,
    "lines": lambda found: (
        "lines: {lowest} to {highest} pixels high, {narrowest} to {widest} wide; {symbols} symbols"
    ).format(**found),
    "texts": _texts,
    "boxes": lambda found: (
        "boxes: {boxes:,} in all, at most {most} a picture; {without} pictures without; their shorter sides are "
        "{smallest} to {largest} % of the picture's longer, median {median} %"
    ).format(**found),
}
"""What is said of the inputs, of each kind."""


def network_text(rows: list[dict[str, Any]]) -> str:
    """The network as a table: layer, shape out, parameters, multiply-adds."""
    cells = [["", "layer", "shape out", "parameters", "multiply-adds"]]
    for number, row in enumerate(rows, 1):
        cells.append(
            [
                str(number),
                str(row["layer"]),
                str(row["output"]),
                f"{row['parameters']:,}",
                f"{row['multiply_adds']:,}",
            ]
        )
    sums = [sum(row[key] for row in rows) for key in ("parameters", "multiply_adds")]
    cells.append(["", "all", "", f"{sums[0]:,}", f"{sums[1]:,}"])
    return aligned(cells, numbers=2)


def aligned(rows: list[list[str]], numbers: int) -> str:
    """Columns side by side; the last ``numbers`` of them end at one line."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    words = len(widths) - numbers
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place < words else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def print_comparison(comparison: dict[str, Any], rows: list[list[str]]) -> None:
    """The table of variants, and where it and the runs lie."""
    print(aligned(rows, numbers=2))
    print(f"written: {Path(comparison['folder']) / 'comparison.md'}; the runs lie beside it")
    if not comparison["finished"]:
        print("stopped early: the same command with the same --out goes on")


def print_training(folder: Path, report: dict[str, Any], finished: bool) -> None:
    """The validation score, where the report lies, and what to do next."""
    from plait.evaluation.report import summary

    for line in summary(report):
        print(line)
    print(f"trained in {report['training_seconds']:.0f} s; report: {folder / 'report.html'}")
    if not finished:
        print(how_to_go_on(folder))
    print("next:")
    print(f"  plait test {folder}")
    print(f"  {_use(str(folder), report['noun'])}")
    print(f"  plait export {folder} model.onnx")


def how_to_go_on(folder: Path) -> str:
    return f"stopped early: the best so far is kept; go on with\n  plait train --resume {folder}"


def print_test(folder: Path, report: dict[str, Any]) -> None:
    from plait.evaluation.report import summary

    for line in summary(report):
        print(line)
    print(f"report: {folder / 'report.html'}")


def print_written(prompt: str, written: Iterable[str]) -> None:
    """A text while it is being written."""
    print(prompt, end="", flush=True)
    for token in written:
        print(token, end="", flush=True)
    print()


def print_export(path: Path, noun: str) -> None:
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, answers as the network does")
    print(f"next:\n  {_use(str(path), noun)}")


def _use(model: str, noun: str) -> str:
    """The command that uses what was trained."""
    if noun == "token":
        return f'plait generate {model} --prompt "A BEGINNING"'
    return f"plait predict {model} " + ('"A TEXT"' if noun in ("text", "sentence") else noun.upper())


def without_pictures(report: dict[str, Any]) -> dict[str, Any]:
    """The report for programs: the thumbnails are for the page."""
    mistakes = [
        {key: value for key, value in one.items() if key != "thumbnail"} for one in report["mistakes"]
    ]
    return report | {"mistakes": mistakes}


def problem_lines(title: str, problems: list[Problem]) -> list[str]:
    """Problems grouped by kind, the first of each shown."""
    if not problems:
        return []
    lines = [f"{title}: {len(problems)}"]
    for kind, count in Counter(problem.kind for problem in problems).items():
        some = [problem for problem in problems if problem.kind == kind][:SHOWN]
        lines += [f"  {problem}" for problem in some]
        if count > SHOWN:
            lines.append(f"  ... and {count - SHOWN} more: {kind} (--json lists all)")
    return lines


def _print_problems(title: str, problems: list[dict[str, Any]]) -> None:
    for line in problem_lines(title, [Problem(**problem) for problem in problems]):
        print(line)


def _print_counts(classes: dict[str, int]) -> None:
    shown = [f"{name} {count}" for name, count in list(classes.items())[:SHOWN]]
    more = f", ... {len(classes) - SHOWN} more" if len(classes) > SHOWN else ""
    print(f"  {', '.join(shown)}{more}")
