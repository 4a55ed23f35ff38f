"""Recordings: what a recipe leaves to the data (`auto`), settled; how they are opened, drawn, heard and shown."""

import base64
import io
import wave
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from plait.data.batches import Batch
from plait.data.gather import Gathered
from plait.data.sound_store import SoundStore, changed_sounds
from plait.data.text_store import SequenceEvaluationBatches, SequenceTrainingBatches
from plait.errors import NetworkError, Problem
from plait.evaluation.spectrogram_picture import png
from plait.evaluation.speed import RUNS, real_time_factor
from plait.evaluation.transcript_scores import Unit, written_without_blanks
from plait.inference.input import Array, ModelInput
from plait.inference.prediction import Origin, Prediction
from plait.inference.sound import FRAMES_A_SECOND, SoundInput
from plait.inference.sound_file import COMMON_RATE, FEATURES, Clip, open_features, rate_of
from plait.inference.spec import ModelSpec, Predictor
from plait.inference.speech_recognition import answer
from plait.inference.transcription import Writing
from plait.layers import LogMel, Samples, Shape, outlined
from plait.layers import Sequence as SequenceShape
from plait.media.medium import Medium, pace, sample, weights
from plait.media.writing import symbols_of, unit_of, unknown_remarks, without_room, writing_of
from plait.recipe import AudioRecipe, Recipe, SpeechRecipe
from plait.tasks import AudioClassification, SpeechRecognition, Task, automatic
from plait.tasks.speech_recognition import SoundNetwork, arriving, live_of, sound_network

EVALUATION_BATCH = 32
"""Recordings are longer than texts."""
HEARD_SECONDS = 20
"""Of a recording that the report plays."""
FEW = 200
"""So many recordings show at which rate they were made."""
MELS = 40
"""Of the spectrograms that are shown, and of what baselines are given."""


class Recordings(Medium):
    """Recordings of any length as samples, or as features computed beforehand."""

    noun = "recording"
    baseline_rows = 5_000
    train_rows = 500

    def settle(self, asking: Callable[..., Recipe], train: Gathered) -> Recipe:
        """Epochs and batch size from the training part."""
        recipe = of_sounds(asking())
        examples = len(train.table)
        size, epochs = automatic.sound_batch_size(examples), self.epochs(train)
        settled = recipe.with_values(
            data={"rate": _rate(recipe, train)}, training=pace(recipe.training, examples, size, epochs)
        )
        _refuse_odd(settled, _dimensions(train))
        return settled

    @abstractmethod
    def epochs(self, train: Gathered) -> int:
        """Passes over the training part."""

    def refuse_impossible(self, recipe: Recipe) -> None:
        """Of recordings; a network without log_mel is one for features, whose size is not known yet."""
        if any(isinstance(layer, LogMel) for layer in recipe.layers()):
            _refuse_odd(recipe, dimensions=0)

    def input(self, recipe: Recipe, train: Gathered) -> SoundInput:
        rate, dimensions = _rate(of_sounds(recipe), train), _dimensions(train)
        whole = SoundInput(rate, dimensions, 1, train.table.column, self.writing(recipe, train))
        if recipe.own is not None:
            return replace(whole, obstacle="what a network of your own carries is not known")
        body = outlined(recipe.layers(), arriving(whole))
        live, obstacle = live_of(body, whole)
        return replace(whole, step=body.window().stride, live=live, obstacle=obstacle)

    @abstractmethod
    def writing(self, recipe: Recipe, train: Gathered) -> Writing | None:
        """How transcripts are written, where there are any."""

    def preview(self, recipe: Recipe, found: Gathered | None) -> Shape:
        dimensions = 0 if found is None or not len(found.table) else _dimensions(found)
        return arriving(SoundInput(_typical_rate(recipe), dimensions, 1, "", None))

    def arriving(self, input: ModelInput) -> Shape:
        assert isinstance(input, SoundInput)
        return arriving(input)

    def describe(self, found: Gathered, recipe: Recipe) -> dict[str, Any]:
        """Lengths in seconds."""
        if not len(found.table):
            return {"recordings": None}
        lengths = np.sort(found.sizes[:, 0]) / 1000
        return {
            "recordings": {
                "shortest": float(lengths[0]),
                "median": float(lengths[len(lengths) // 2]),
                "longest": float(lengths[-1]),
                "minutes": float(lengths.sum() / 60),
                "speakers": int(found.table.frame["group"].nunique()),
            }
        }

    def remarks(self, recipe: Recipe, train: Gathered) -> list[str]:
        told = ("transcripts repeat", "little speech", "speakers")
        remarks = [f"{one.kind}: {one.message}" for one in train.findings if one.kind in told]
        return remarks + unknown_remarks(train)

    def network(self, task: Task, recipe: Recipe, input: ModelInput) -> SoundNetwork:
        assert isinstance(input, SoundInput)
        return sound_network(task, recipe.layers(), input)

    def open(self, gathered: Gathered, recipe: Recipe, input: ModelInput) -> SoundStore:
        assert isinstance(input, SoundInput)
        return SoundStore(gathered.table, input, of_sounds(recipe).data.cache_mb * 1_000_000)

    def training_batches(
        self,
        store: SoundStore,
        targets: Any,
        hints: Tensor | None,
        recipe: Recipe,
        input: ModelInput,
        start: int,
        total: int,
    ) -> Iterable[Batch]:
        size, seed = int(recipe.training.batch_size), recipe.training.seed
        draw = changed_sounds(store, of_sounds(recipe).augmentation, seed)
        return SequenceTrainingBatches(store, targets, size, seed, draw, total, start)

    def evaluation_batches(self, store: SoundStore, targets: Any) -> Iterable[Batch]:
        return SequenceEvaluationBatches(store, targets, EVALUATION_BATCH)

    def plain(self, store: SoundStore, gathered: Gathered, rows: np.ndarray) -> np.ndarray:
        """Mean and deviation over time of every band (rows, numbers)."""
        bands = (_bands(store, int(row), "none") for row in rows)
        return np.stack([np.concatenate([one.mean(axis=0), one.std(axis=0)]) for one in bands])

    def thumbnails(self, store: SoundStore, rows: np.ndarray) -> list[str | None]:
        return [png(_bands(store, int(row), "utterance")) for row in rows]

    def heard(self, store: SoundStore, rows: np.ndarray) -> list[dict[str, Any]]:
        """What the report plays of each row, and how long it is in seconds."""
        return [_played(store, int(row)) for row in rows]


class AudioClasses(Recordings):
    """Recordings with a class."""

    def epochs(self, train: Gathered) -> int:
        return automatic.audio_epochs(len(train.table))

    def classes(self, recipe: Recipe, train: Gathered) -> list[str]:
        return train.table.classes

    def writing(self, recipe: Recipe, train: Gathered) -> None:
        """Nothing is written."""

    def task(self, spec: ModelSpec, recipe: Recipe, counts: Sequence[int]) -> AudioClassification:
        assert isinstance(recipe, AudioRecipe)
        return AudioClassification(spec.classes, spec.several_labels, recipe.loss, counts)


class Speech(Recordings):
    """Recordings with what is said in them."""

    def epochs(self, train: Gathered) -> int:
        return automatic.speech_epochs(float(train.sizes.sum()) / 6e4)

    def settle(self, asking: Callable[..., Recipe], train: Gathered) -> Recipe:
        settled = of_speech(super().settle(asking, train))
        return settled.with_values(data={"units": unit_of(settled)})

    def classes(self, recipe: Recipe, train: Gathered) -> list[str]:
        return symbols_of(of_speech(recipe), train)

    def writing(self, recipe: Recipe, train: Gathered) -> Writing:
        return writing_of(of_speech(recipe), train)

    def task(self, spec: ModelSpec, recipe: Recipe, counts: Sequence[int]) -> SpeechRecognition:
        input = spec.input
        assert isinstance(input, SoundInput) and input.writing is not None
        unit: Unit = "character" if written_without_blanks(spec.classes) else "word"
        return SpeechRecognition(spec.classes, input.writing, input.step_seconds, unit)

    def speed(self, predictor: Predictor, store: SoundStore, gathered: Gathered) -> dict[str, Any]:
        """Of recordings in memory, one at a time, decoding included."""
        rows = sample(len(store), RUNS, seed=0)
        answers = [partial(_answered, predictor, store.one(int(row))) for row in rows]
        return {"real_time_factor": real_time_factor(answers, gathered.sizes[rows, 0] / 1000)}

    def impossible(self, recipe: Recipe, gathered: Gathered) -> dict[int, Problem]:
        """Transcripts that CTC cannot align to the steps of their recording at the fastest speed that is played."""
        if recipe.own is not None:
            return {}
        asked, train = of_speech(recipe), gathered.part("", "train")
        input = self.input(recipe, train)
        assert input.writing is not None
        a_second = FRAMES_A_SECOND if input.dimensions else input.rate
        fastest = gathered.sizes[:, 0] * a_second // 1000 / (1 + asked.augmentation.speed)
        lengths = torch.from_numpy(np.maximum(fastest.astype(np.int64), input.least))
        steps = outlined(recipe.layers(), arriving(input)).output_lengths(lengths).tolist()
        return without_room(gathered, symbols_of(asked, train), input.writing, steps)


def _answered(predictor: Predictor, sound: Array) -> list[Prediction]:
    return list(answer(predictor, [sound], [Origin("")]))


def of_sounds(recipe: Recipe) -> AudioRecipe | SpeechRecipe:
    """The recipe, whose task is one on recordings."""
    assert isinstance(recipe, AudioRecipe | SpeechRecipe)
    return recipe


def _refuse_odd(recipe: Recipe, dimensions: int) -> None:
    """The network must take the shortest recording, and its weights fit any length; raises NetworkError."""
    if recipe.own is not None:
        return
    plain = SoundInput(_typical_rate(recipe), dimensions, 1, "", None)
    built = [weights(recipe, arriving(plain, share)) for share in (0.0, 1.0)]
    if built[0] != built[1]:
        raise NetworkError(
            "the network's weights depend on the length of its recordings: end its sequences with global_pool, or "
            "with a recurrent layer that gives its last state (return: last), in place of flatten"
        )


def _typical_rate(recipe: Recipe) -> int:
    """Before recordings are known."""
    asked = of_sounds(recipe).data.rate
    return COMMON_RATE if asked == "auto" else asked


def of_speech(recipe: Recipe) -> SpeechRecipe:
    assert isinstance(recipe, SpeechRecipe)
    return recipe


def _rate(recipe: AudioRecipe | SpeechRecipe, train: Gathered) -> int:
    """Asked for, or that of most training recordings, at most COMMON_RATE."""
    asked = recipe.data.rate
    if asked != "auto":
        return asked
    clips: list[Clip] = list(train.table.frame["input"])
    few = [clips[row].path for row in sample(len(clips), FEW, seed=0)]
    found = Counter(rate for path in few if not path.lower().endswith(FEATURES) and (rate := rate_of(path)))
    return min(found.most_common(1)[0][0], COMMON_RATE) if found else COMMON_RATE


def _dimensions(gathered: Gathered) -> int:
    """Numbers in a frame of features; 0 where there are recordings."""
    clip: Clip = gathered.table.frame["input"].iloc[0]
    return int(open_features(clip.path).shape[1]) if clip.path.lower().endswith(FEATURES) else 0


def _bands(store: SoundStore, row: int, normalize: Any) -> np.ndarray:
    """float (frames, bands) of one recording."""
    sound = store.one(row)
    given = torch.from_numpy(np.ascontiguousarray(sound))[None]
    layer = LogMel(mels=MELS, normalize=normalize)
    shape: Shape = (
        SequenceShape(len(sound), sound.shape[1])
        if store.spec.dimensions
        else Samples(len(sound), store.spec.rate)
    )
    layer.build(shape)
    with torch.no_grad():
        found: np.ndarray = layer(given)[0].numpy()
    return found


def _played(store: SoundStore, row: int) -> dict[str, Any]:
    sound, spec = store.one(row), store.spec
    if spec.dimensions:
        return {"seconds": len(sound) / FRAMES_A_SECOND}
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(spec.rate)
        file.writeframes(sound[: HEARD_SECONDS * spec.rate].astype("<i2").tobytes())
    audio = "data:audio/wav;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"seconds": len(sound) / spec.rate, "audio": audio}
