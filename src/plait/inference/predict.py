"""Predict: sources in, answers out, in order and by batches; files are opened while the network works."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

from plait.errors import DataError, Problem, counted
from plait.inference import (
    audio_classification,
    image_classification,
    language_modeling,
    object_detection,
    sequence_tagging,
    speech_recognition,
    text_classification,
    text_recognition,
)
from plait.inference.input import Array
from plait.inference.picture import PictureError
from plait.inference.prediction import Origin, Prediction
from plait.inference.sound_file import SoundError
from plait.inference.sources import Asked, asked
from plait.inference.spec import ModelSpec, Predictor
from plait.inference.threads import physical_cores

__all__ = ["Origin", "Prediction", "predict"]

Answer = Callable[[Predictor, Sequence[Any], Sequence[Origin]], Iterable[Prediction]]


class TaskHalf(NamedTuple):
    """What a task says of prediction: an input opened (mostly an array), and the answers to several."""

    encode: Callable[[Origin, ModelSpec], Any]
    answer: Answer


def _together(task: Any) -> TaskHalf:
    """Of a task that asks the network once a batch."""

    def answer(
        predictor: Predictor, inputs: Sequence[Array], origins: Sequence[Origin]
    ) -> Iterable[Prediction]:
        outputs = predictor.run(*predictor.spec.input.collate(inputs))
        answers: Iterable[Prediction] = task.decode(outputs, origins, predictor.spec)
        return answers

    return TaskHalf(task.encode, answer)


TASKS = {
    "image-classification": _together(image_classification),
    "text-classification": _together(text_classification),
    "sequence-tagging": _together(sequence_tagging),
    "audio-classification": _together(audio_classification),
    "speech-recognition": TaskHalf(speech_recognition.encode, speech_recognition.answer),
    "text-recognition": _together(text_recognition),
    "object-detection": TaskHalf(object_detection.encode, object_detection.answer),
    "language-modeling": TaskHalf(language_modeling.encode, language_modeling.answer),
}


def predict(
    predictor: Predictor,
    sources: Sequence[str],
    batch_size: int = 64,
    skip_bad: bool = False,
    report: Callable[[Problem], None] | None = None,
    encoding: str | None = None,
) -> Iterator[Prediction]:
    """The answer to every input of ``sources`` (files, folders, tables), in order, as they are worked out; files of
    text are in ``encoding``, or else UTF-8 or GB18030.

    What cannot be read ends in one DataError that lists every such input, after all have been looked at (from
    the first one on, the network is no longer asked). With ``skip_bad`` ``report`` is told, and they are left
    out. Raises DataError at once for sources that do not exist.
    """
    inputs = asked(sources, predictor.spec.input, encoding)
    return _answers(predictor, inputs, batch_size, skip_bad, report)


def _answers(
    predictor: Predictor,
    inputs: Iterator[Asked],
    batch_size: int,
    skip_bad: bool,
    report: Callable[[Problem], None] | None,
) -> Iterator[Prediction]:
    task, spec = TASKS[predictor.spec.task], predictor.spec
    problems: list[Problem] = []
    count = 0
    for batch in _opened(inputs, spec, batch_size):
        count += len(batch)
        found = [problem for _, _, problem in batch if problem is not None]
        if skip_bad and report is not None:
            for problem in found:
                report(problem)
        problems += [] if skip_bad else found
        good = [(origin, input) for origin, input, _ in batch if input is not None]
        if good and not problems:
            yield from task.answer(predictor, [input for _, input in good], [origin for origin, _ in good])
    if problems:
        raise DataError(
            f"{len(problems)} of {counted(count, 'input')} cannot be used (--skip-bad leaves them out):",
            problems,
        )


Opened = tuple[Origin, Any, Problem | None]


def _opened(inputs: Iterator[Asked], spec: ModelSpec, batch_size: int) -> Iterator[list[Opened]]:
    """Batches of opened inputs; the next batch is being opened while one is used."""
    with ThreadPoolExecutor(physical_cores()) as pool:
        ahead = None
        for batch in _batches(inputs, batch_size):
            following = [pool.submit(_open, one, spec) for one in batch]
            if ahead is not None:
                yield [one.result() for one in ahead]
            ahead = following
        if ahead is not None:
            yield [one.result() for one in ahead]


def _open(one: Asked, spec: ModelSpec) -> Opened:
    if one.problem is not None:
        return one.origin, None, one.problem
    try:
        return one.origin, TASKS[spec.task].encode(one.origin, spec), None
    except (PictureError, SoundError) as error:
        return one.origin, None, _problem(one.origin, error)


def _problem(origin: Origin, error: PictureError | SoundError) -> Problem:
    if origin.table is None:
        return Problem(error.kind, origin.input, error.message)
    return Problem(error.kind, origin.table, f"{origin.input}: {error.message}", origin.row)


def _batches(inputs: Iterable[Asked], size: int) -> Iterator[list[Asked]]:
    iterator = iter(inputs)
    while batch := list(islice(iterator, size)):
        yield batch
