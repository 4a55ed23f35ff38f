"""How transcripts are written and chosen: what a recipe's sections data and decoding say, made of the training part."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from plait.data.checks import summarize
from plait.data.gather import Gathered
from plait.data.subword_learning import learn_subwords
from plait.data.table import Place
from plait.data.transcript_targets import TranscriptTargets
from plait.errors import Problem, RecipeError
from plait.inference.ngram_counting import count_model
from plait.inference.ngram_model import read_arpa
from plait.inference.stream import pieces
from plait.inference.text import most_frequent
from plait.inference.text_file import TextError, read_text
from plait.inference.transcription import Writing
from plait.recipe import TranscribingRecipe
from plait.recipe_sections import DecodingOptions
from plait.tasks.transcription import needed_steps


def symbols_of(recipe: TranscribingRecipe, train: Gathered) -> list[str]:
    """What the network spells with, by the training part."""
    return _spelling(recipe, train)[0]


def writing_of(recipe: TranscribingRecipe, train: Gathered) -> Writing:
    """Raises RecipeError for a language model or phrases that cannot be read, and for phrases that hold what the
    network does not spell."""
    decoding, plain, said = recipe.decoding, _plain(recipe), _said(train)
    symbols, merges = _spelling(recipe, train)
    plain = replace(plain, merges=merges)
    return replace(
        plain,
        width=decoding.width,
        language=_language(decoding, plain, said),
        weight=decoding.weight,
        bonus=decoding.bonus,
        hot=decoding.hot,
        phrases=_phrases(decoding, plain, said, symbols),
        rejects=decoding.none,
    )


def unit_of(recipe: TranscribingRecipe) -> str:
    """What a symbol stands for."""
    return "characters" if recipe.data.units == "auto" else recipe.data.units


def without_room(
    gathered: Gathered, symbols: Sequence[str], writing: Writing, steps: Sequence[int]
) -> dict[int, Problem]:
    """Rows whose transcript CTC cannot align to so many ``steps`` that the network gives; not those of the test part,
    where such a row is a mistake of the network's and counts as one."""
    numbers = TranscriptTargets(_said(gathered), symbols, writing).numbers
    parts, places = gathered.table.splits, gathered.table.places
    return {
        row: _too_short(places[row], steps[row], needed_steps(one))
        for row, one in enumerate(numbers)
        if parts[row] != "test" and steps[row] < needed_steps(one)
    }


def unknown_remarks(train: Gathered) -> list[str]:
    """What is said, before training, of characters that only other parts have."""
    return summarize(one for one in train.findings if one.kind == "unknown characters")


def _said(gathered: Gathered) -> list[str]:
    return [str(target) for target in gathered.table.targets]


def _plain(recipe: TranscribingRecipe) -> Writing:
    """How transcripts are brought to one form, as far as no training part is needed."""
    return Writing(unit_of(recipe), recipe.data.lowercase, recipe.data.punctuation)


def _spelling(recipe: TranscribingRecipe, train: Gathered) -> tuple[list[str], list[str]]:
    """Symbols, and of subwords the merges that make them."""
    data, plain = recipe.data, _plain(recipe)
    said = [plain.tidy(text) for text in _said(train)]
    if plain.unit == "subwords":
        words = (word for text in said for word in pieces(" " + text, "words"))
        return learn_subwords(words, data.least, data.vocabulary)
    counted = Counter(piece for text in said for piece in plain.pieces(text))
    most = len(counted) if plain.unit == "characters" else data.vocabulary
    return sorted(most_frequent(counted, data.least, most)), []


def _language(decoding: DecodingOptions, plain: Writing, said: Sequence[str]) -> str:
    """The n-gram model in ARPA's format, counted or read; empty where none is asked for."""
    asked = decoding.language
    if asked is None:
        return ""
    if decoding.width < 2:
        raise RecipeError("decoding.language needs a beam: set decoding.width to 8 or more")
    if asked == "transcripts":
        return _counted(decoding, plain, said)
    text = _read(asked, "decoding.language")
    if not asked.lower().endswith(".arpa"):
        return _counted(decoding, plain, text.splitlines())
    try:
        read_arpa(text)
    except ValueError as error:
        raise RecipeError(f"decoding.language: {asked}, {error}") from error
    return text


def _counted(decoding: DecodingOptions, plain: Writing, texts: Iterable[str]) -> str:
    sentences = [words for text in texts if (words := plain.tidy(text).split())]
    return count_model(sentences, decoding.order).to_arpa()


def _phrases(
    decoding: DecodingOptions, plain: Writing, said: Sequence[str], symbols: Sequence[str]
) -> list[str]:
    """Those of training with a rare symbol are left out; those of a file must be spelled by the symbols."""
    asked, known = decoding.phrases, set(symbols)
    if asked is None:
        return []
    texts = said if asked == "transcripts" else _read(asked, "decoding.phrases").splitlines()
    phrases = sorted({phrase for text in texts if (phrase := plain.tidy(text))})
    unknown = {phrase: odd for phrase in phrases if (odd := set(plain.pieces(phrase)) - known)}
    if unknown and asked != "transcripts":
        phrase, odd = next(iter(unknown.items()))
        raise RecipeError(
            f"decoding.phrases: {asked}: {phrase!r} is spelled with {', '.join(map(repr, sorted(odd)))}, which no "
            "training transcript holds: take it out, or add recordings of it"
        )
    spelled = [phrase for phrase in phrases if phrase not in unknown]
    if not spelled:
        raise RecipeError(f"decoding.phrases: {asked} holds no phrase")
    return spelled


def _read(path: str, option: str) -> str:
    if not Path(path).is_file():
        raise RecipeError(f"{option}: there is no file {path}; known are transcripts, or a file's name")
    try:
        return read_text(path).text
    except TextError as error:
        raise RecipeError(f"{option}: {path}: {error.message}") from error


def _too_short(place: Place, steps: int, needed: int) -> Problem:
    message = (
        f"it gives the network {max(steps, 0)} steps, and its transcript needs {needed}: check the transcript, or "
        "lower the strides of the network's convolutions"
    )
    return Problem("transcript too long", place[0], message, place[1])
