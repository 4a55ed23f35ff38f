"""Long-term memory of each recurrent cell: the adding and the copy task at several lengths, as long for each.

Adding (Hochreiter and Schmidhuber 1997, section 5.4): of T numbers two are marked, one in each half, and their sum is
wanted; the error of always answering 1 is 0.167. Copy (the same, section 5.1, as in Arjovsky et al. 2016, section 4.1):
ten of eight symbols are to be said again after T blanks; guessing gets 12.5 % of them right. Two layers of each cell,
trained by Adam for --seconds on sequences that are drawn anew for every step; the score is on others. Prints the table
and writes it, and all numbers, into results/.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import torch
import torch.nn.functional as F
from common import keep, machine, on
from torch import Tensor, nn

from plait.layers import Dense, Recurrent, Sequence, Stack
from plait.training.allocator import keep_memory
from plait.training.precision import autocast, has_bfloat16

CELLS = ("rnn", "lstm", "gru", "sru", "mingru")
LENGTHS = (100, 400, 1600)
UNITS, LAYERS, RATE = 128, 2, 2e-3
SYMBOLS, RECALLED = 8, 10
BLANK, GO = SYMBOLS, SYMBOLS + 1
SOLVED = {"adding": 0.001, "copy": 0.999}
"""Where a task counts as solved, training ends."""
Draw = Callable[[int, int, torch.Generator], tuple[Tensor, Tensor]]


def main() -> None:
    asked = arguments()
    torch.set_num_threads(asked.threads)
    keep_memory()
    found: list[dict[str, Any]] = []
    for task in asked.tasks:
        for length in asked.lengths:
            for cell in asked.cells:
                found.append(trained(task, length, cell, asked.seconds, asked.seed))
                print(found[-1], file=sys.stderr, flush=True)
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "threads": asked.threads,
        "seconds": asked.seconds,
        "seed": asked.seed,
        "runs": found,
    }
    text = tables(result)
    print(text)
    keep("memory", result, text)


def trained(task: str, length: int, cell: str, seconds: float, seed: int) -> dict[str, Any]:
    """One network trained for ``seconds``, or until it has solved the task, and its score on sequences of its own."""
    torch.manual_seed(seed)
    draw, channels, answers = TASKS[task]
    batch = max(8, 6400 // length)
    network = Stack(Recurrent(cell, UNITS, LAYERS), Dense(answers))
    network.build(Sequence(length, channels))
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    chance, fresh = torch.Generator().manual_seed(seed + 1), torch.Generator().manual_seed(seed + 2)
    precision = "bfloat16" if has_bfloat16() else "float32"
    steps, solved, started = 0, None, time.monotonic()
    while (spent := time.monotonic() - started) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, steps / 50) * (1 + math.cos(math.pi * spent / seconds)) / 2
        values, wanted = draw(batch, length, chance)
        with autocast(precision):
            given = network(values)
        loss = LOSSES[task](given.float(), wanted)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        steps += 1
        if steps % 200 == 0 and _solved(task, scored(network, task, length, 200, fresh)):
            solved = round(time.monotonic() - started, 1)
            break
    score = scored(network, task, length, 1000, fresh)
    return {
        "task": task,
        "length": length,
        "cell": cell,
        "score": round(score, 5),
        "steps": steps,
        "solved_after": solved,
        "milliseconds_a_step": round(1000 * (time.monotonic() - started) / max(steps, 1), 1),
    }


@torch.no_grad()
def scored(network: nn.Module, task: str, length: int, count: int, fresh: torch.Generator) -> float:
    """Mean squared error of sums; share of symbols said right."""
    draw, _, _ = TASKS[task]
    sums = 0.0
    for _ in range(count // 50):
        values, wanted = draw(50, length, fresh)
        given = network(values).float()
        if task == "adding":
            sums += float((given[:, -1, 0] - wanted).square().sum())
        else:
            sums += float((given[:, -RECALLED:].argmax(2) == wanted).float().mean(1).sum())
    return sums / (count // 50 * 50)


def adding(batch: int, length: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    numbers = torch.rand(batch, length, generator=chance)
    half = length // 2
    places = torch.stack(
        [
            torch.randint(half, (batch,), generator=chance),
            torch.randint(half, length, (batch,), generator=chance),
        ],
        dim=1,
    )
    marks = torch.zeros(batch, length).scatter_(1, places, 1.0)
    return torch.stack([numbers, marks], dim=2), numbers.gather(1, places).sum(1)


def copy(batch: int, length: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    symbols = torch.randint(SYMBOLS, (batch, RECALLED), generator=chance)
    blanks = torch.full((batch, length - 1), BLANK)
    go = torch.full((batch, 1), GO)
    tokens = torch.cat([symbols, blanks, go, torch.full((batch, RECALLED), BLANK)], dim=1)
    return F.one_hot(tokens, SYMBOLS + 2).float(), symbols


def _sum_error(given: Tensor, wanted: Tensor) -> Tensor:
    return F.mse_loss(given[:, -1, 0], wanted)


def _recall_error(given: Tensor, wanted: Tensor) -> Tensor:
    return F.cross_entropy(given[:, -RECALLED:].flatten(0, 1), wanted.flatten())


TASKS: dict[str, tuple[Draw, int, int]] = {
    "adding": (adding, 2, 1),
    "copy": (copy, SYMBOLS + 2, SYMBOLS),
}
"""What draws sequences and answers, and the channels of both."""
LOSSES = {"adding": _sum_error, "copy": _recall_error}


def _solved(task: str, score: float) -> bool:
    return score < SOLVED[task] if task == "adding" else score > SOLVED[task]


def tables(result: dict[str, Any]) -> str:
    lines = [
        "# Long-term memory",
        "",
        f"At most {result['seconds']:g} s of training each with {result['threads']} threads, two layers of {UNITS} "
        "units; in brackets the seconds until the task was solved. Measured "
        f"{result['date']} on {on(result['machine'])}.",
    ]
    titles = {
        "adding": "Adding: mean squared error (0.167 without memory)",
        "copy": "Copy: share of symbols said right (0.125 by guessing)",
    }
    for task in dict.fromkeys(run["task"] for run in result["runs"]):
        runs = [run for run in result["runs"] if run["task"] == task]
        lengths = list(dict.fromkeys(run["length"] for run in runs))
        lines += ["", f"## {titles[task]}", ""]
        lines.append(f"| cell | {' | '.join(f'{length} steps' for length in lengths)} |")
        lines.append(f"| --- | {' | '.join('---:' for _ in lengths)} |")
        for cell in dict.fromkeys(run["cell"] for run in runs):
            cells = [_cell(run) for run in runs if run["cell"] == cell]
            lines.append(f"| {cell} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(run: dict[str, Any]) -> str:
    solved = f" ({run['solved_after']:.0f} s)" if run["solved_after"] is not None else ""
    return f"{run['score']:.4f}{solved}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--lengths", nargs="+", type=int, default=list(LENGTHS))
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=CELLS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
