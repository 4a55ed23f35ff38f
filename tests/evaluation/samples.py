"""Reports of real models, small and quick, for the tests of this room."""

import base64
import io
import wave
from functools import cache
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from plait.errors import Problem
from plait.evaluation.baselines import baselines
from plait.evaluation.scores import classification_scores
from plait.evaluation.spectrogram_picture import png as spectrogram
from plait.evaluation.transcript_scores import Unit, constant_baselines, edits, transcript_scores


@cache
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training pictures (n, 8, 8, 1) and classes, then the test part's."""
    data = load_digits()
    pictures = np.round(data.images * 255 / 16).astype(np.uint8)[..., None]
    train, test, train_targets, test_targets = train_test_split(
        pictures, data.target, test_size=360, random_state=0, stratify=data.target
    )
    return train, train_targets, test, test_targets


@cache
def answers(pixels: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Targets and probabilities of the test part by a logistic regression that sees the first ``pixels``."""
    train, train_targets, test, test_targets = digits()
    model = LogisticRegression(max_iter=2000).fit(_rows(train)[:, :pixels], train_targets)
    return test_targets, model.predict_proba(_rows(test)[:, :pixels])


@cache
def several_answers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Several labels a digit (even, small, round) of the training and the test part, and probabilities."""
    train, train_targets, test, test_targets = digits()
    wanted, tested = (
        np.stack([part % 2 == 0, part < 4, np.isin(part, (0, 6, 8, 9))], axis=1).astype(np.float32)
        for part in (train_targets, test_targets)
    )
    models = [LogisticRegression(max_iter=2000).fit(_rows(train), column) for column in wanted.T]
    return wanted, tested, np.stack([model.predict_proba(_rows(test))[:, 1] for model in models], axis=1)


def digits_report(classes: list[str] | None = None) -> dict[str, Any]:
    """As flow.test makes it, from a logistic regression."""
    names = classes or [str(number) for number in range(10)]
    train, train_targets, test, _ = digits()
    targets, probabilities = answers()
    scores = classification_scores(targets, probabilities, names)
    found = baselines(train, train_targets, test, targets)
    wrong = np.flatnonzero(probabilities.argmax(1) != targets)
    wrong = wrong[np.argsort(-probabilities[wrong].max(1))][:16]
    return report(scores, found) | {
        "mistakes": [
            {
                "input": f"photos/{names[targets[row]]}/{row}.png",
                "target": names[targets[row]],
                "prediction": names[probabilities[row].argmax()],
                "probability": float(probabilities[row].max()),
                "thumbnail": png(test[row]),
            }
            for row in wrong
        ]
    }


HEARD = [
    ("turn the kitchen light on", "turn the chicken light on", "ann"),
    ("play some music please", "play music please now", "bo"),
    ("stop", "", "bo"),
    ("louder", "louder", "cy"),
    ("what is the weather", "what is the weather", None),
]
"""True texts, what was heard, and who spoke."""


def transcript_report(
    headline: Unit = "word", heard: list[tuple[str, str, str | None]] = HEARD
) -> dict[str, Any]:
    """As flow.test makes it, of recordings whose spectrograms are a rising tone."""
    targets, answers, speakers = ([one[place] for one in heard] for place in range(3))
    lengths = [0.4 + 0.07 * len(target or "") for target in targets]
    scores = transcript_scores(targets, answers, headline, speakers, lengths)
    found = constant_baselines([*targets, "stop"], targets, headline)
    given = report(scores, found)
    rate = {"value": 0.02, "low": 0.01, "high": 0.03, "examples": 900}
    return given | {
        "task": "speech-recognition",
        "noun": "recording",
        "real_time_factor": 0.0123,
        "higher_is_better": False,
        "splits": given["splits"] | {"train": rate, "validation": rate},
        "history": [row | {"validation_score": row["validation_score"] - 1} for row in history()],
        "mistakes": [
            _misheard(*one, length, headline)
            for one, length in zip(heard, lengths, strict=True)
            if one[0] != one[1]
        ],
    }


def _misheard(
    target: str, answer: str, speaker: str | None, seconds: float, headline: Unit
) -> dict[str, Any]:
    split = str.split if headline == "word" else list
    words = answer.split()
    edges = np.linspace(0.1, seconds, len(words) + 1)
    return {
        "input": f"clips/{speaker}/{target}.wav",
        "target": target,
        "prediction": answer,
        "probability": 0.83,
        "place": f"manifest.csv, row {len(target)}",
        "aligned": [list(pair) for pair in edits(split(target), split(answer)).pairs],
        "audio": wav(seconds),
        "thumbnail": spectrogram(_rising(seconds)),
        "seconds": seconds,
        "alignment": [[word, *edges[place : place + 2].tolist()] for place, word in enumerate(words)],
    }


def _rising(seconds: float) -> np.ndarray:
    """Log-mel energies (time, 80) of a tone that rises, in noise."""
    time = np.arange(int(100 * seconds))[:, None]
    noise = np.random.default_rng(0).normal(size=(len(time), 80))
    ridges: np.ndarray = 6 * np.exp(-(((np.arange(80) - 80 * time / len(time)) / 4) ** 2)) + noise
    return ridges


def wav(seconds: float, rate: int = 8000) -> str:
    time = np.arange(int(rate * seconds)) / rate
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((8000 * np.sin(2 * np.pi * 440 * time)).astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(buffer.getvalue()).decode()


def report(scores: dict[str, Any], found: list[dict[str, Any]]) -> dict[str, Any]:
    """What surrounds the scores."""
    split = {key: scores[key] for key in ("value", "low", "high", "examples")}
    problem = Problem(
        "identical pictures", "photos/3/17.png", "the same bytes as photos/3/21.png", error=False
    )
    return {
        "task": "image-classification",
        "noun": "picture",
        "split": "test",
        "higher_is_better": True,
        **{key: scores[key] for key in ("metric", "value", "low", "high", "examples")},
        "baseline": max(found, key=lambda one: one["value"]) if found else None,
        "baselines": found,
        "seconds": 1.5,
        "scores": scores,
        "splits": {
            "train": split | {"value": 0.9991, "low": 0.996, "high": 1.0, "examples": 1293},
            "validation": split | {"value": 0.979, "low": 0.94, "high": 0.993, "examples": 144},
            "test": split,
        },
        "overlap": {"validation": 0, "test": 3},
        "left_out": [Problem("truncated", "photos/4/<b>.jpg", "the file ends early", row=12).to_json()],
        "findings": [problem.to_json()] * 23,
        "network": [
            {"layer": "conv 48", "output": "map of 48x8x8", "parameters": 480, "multiply_adds": 27648},
            {
                "layer": "spatial_recurrent gru",
                "output": "map of 160x8x8",
                "parameters": 92160,
                "multiply_adds": 5898240,
            },
            {"layer": "dense 10", "output": "vector of 10", "parameters": 1610, "multiply_adds": 1600},
        ],
        "parameters": 94250,
        "file_bytes": 377000,
        "latency_ms": 1.84,
        "training_seconds": 41.3,
        "history": history(),
        "environment": {"plait": "0.1.0", "processor": "a processor of 2 cores", "gpu": None},
        "recipe": "task: image-classification\nnetwork:\n- conv: {channels: 48}\n",
        "mistakes": [],
        "tested_on": "digits",
    }


def history(epochs: int = 40) -> list[dict[str, Any]]:
    """A training that learns fast, then slowly; one loss was not a number."""
    rows = []
    for epoch in range(1, epochs + 1):
        left = float(np.exp(-epoch / 5))
        wave = 0.004 * float(np.sin(epoch))
        rows.append(
            {
                "epoch": epoch,
                "step": 11 * epoch,
                "loss": 0.45 + 1.8 * left,
                "validation_loss": None if epoch == 7 else 0.5 + 1.7 * left + 2 * wave,
                "validation_score": 0.98 - 0.8 * left + wave,
                "learning_rate": 0.002,
                "seconds": epoch,
            }
        )
    return rows


def png(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _rows(pictures: np.ndarray) -> np.ndarray:
    rows: np.ndarray = pictures.reshape(len(pictures), -1) / 255
    return rows
