"""What a recipe says about the data: the section `data`, of each kind of input."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from plait.inference.picture_file import MOST_PIXELS
from plait.section import Section


class DataOptions(Section):
    """How data is divided, whatever it holds; every default stands in the task's recipe."""

    validation: float = Field(gt=0, lt=0.9)
    test: float = Field(gt=0, lt=0.9)
    """Shares cut off where the data has no such part."""
    split_seed: int | None
    """What is drawn to divide the data follows from this number; None: from training.seed."""


class PictureDataOptions(DataOptions):
    """How pictures are opened, sized and kept."""

    image_size: Literal["auto"] | int | tuple[int, int]
    """Side of the square the network sees, or [height, width], in pixels; auto looks at the training pictures."""
    channels: Literal["auto", 1, 3]
    """1 for greyscale, 3 for colour; auto is 1 where every picture is grey."""
    resize: Literal["crop", "pad", "stretch"]
    margin: float | Literal["auto"] = Field()
    """Training pictures are kept at this many times image_size, so that a crop has something to choose from.

    Answers see all of the square; where training draws no crops its middle, as large as training showed it.
    """
    max_pixels: int = Field(gt=0, le=MOST_PIXELS)
    """A picture of more pixels than this is refused before it is decoded (a pixel bomb)."""
    cache_mb: int = Field(ge=0)
    """Decoded pictures kept in memory, in MB; beyond it they are decoded again each epoch."""


class BoxDataOptions(DataOptions):
    """How pictures with boxes are read, sized and kept."""

    image_size: Literal["auto"] | int | tuple[int, int]
    """[height, width] of what the network sees, or the longer side, in pixels; auto looks at the training pictures."""
    unannotated: Literal["background", "error"]
    """What a picture is that nothing marks: one without any object, or a mistake."""
    encoding: str | None
    """Of tables and lists; None: UTF-8, or GB18030 where that gives Chinese."""
    max_pixels: int = Field(gt=0, le=MOST_PIXELS)
    """A picture of more pixels than this is refused before it is decoded (a pixel bomb)."""
    cache_mb: int = Field(ge=0)
    """Decoded pictures kept in memory, in MB; beyond it they are decoded again each epoch."""


class TextDataOptions(DataOptions):
    """Where texts and labels stand, and how a text becomes tokens."""

    text: str | None
    """The table's column with the texts; None: found by its name or its contents."""
    label: str | None
    encoding: str | None
    """Of the files; None: UTF-8, or GB18030 where that gives Chinese."""
    tokens: Literal["auto", "words", "subwords", "characters"]
    """auto: characters where most letters belong to scripts without spaces, otherwise words."""
    lowercase: bool
    least: Annotated[int, Field(ge=1)] | Literal["auto"]
    """Tokens that occur less often in training have no number of their own; auto: 1, of many texts 2."""
    vocabulary: int = Field(ge=1)
    """The most tokens with a number of their own."""
    longest: int = Field(ge=0)
    """Texts are cut after this many tokens, and the share that is cut is said; 0: none is."""


class SentenceDataOptions(DataOptions):
    """Where tokens and tags stand, and how a token becomes numbers."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    label: str | None
    """The column with the tags: its number from 1, or of CoNLL-U its name; None: found by what it holds."""
    encoding: str | None
    features: list[str]
    """Further columns that the network reads, named as ``label`` is."""
    token: Literal["auto", "whole", "first-character"]
    """What is read of a token; auto: the first character where a number (a place in a word) is all else."""
    lowercase: bool
    """Words that differ in case, or in their digits, share a number; their characters are told apart."""
    least: Annotated[int, Field(ge=1)] | Literal["auto"]
    """Words that occur less often in training have no number of their own; auto: 1, of many sentences 2."""
    vocabulary: int = Field(ge=1)
    """The most words with a number of their own."""
    letters: Annotated[int, Field(ge=2)] | Literal["auto"]
    """Characters of a word that are read, of longer ones the beginning and the end; auto: all, up to 20."""


class StreamDataOptions(DataOptions):
    """How running text becomes tokens, and how much of it is read at once."""

    encoding: str | None
    """Of the files; None: UTF-8, or GB18030 where that gives Chinese."""
    tokens: Literal["auto", "words", "subwords", "characters"]
    """auto: characters."""
    least: Annotated[int, Field(ge=1)] | Literal["auto"]
    """Tokens that occur less often in training have no number of their own; auto: 1, of words 2."""
    vocabulary: int = Field(ge=1)
    """The most tokens with a number of their own."""
    window: int = Field(ge=1)
    """Tokens that a training step reads before the weights move; the state is carried on."""


class SoundDataOptions(DataOptions):
    """Where recordings and their classes stand, and at which rate they are heard."""

    audio: str | None
    """The table's column with the recordings; None: found by its name."""
    label: str | None
    encoding: str | None
    """Of the tables; None: UTF-8, or GB18030 where that gives Chinese."""
    rate: Annotated[int, Field(ge=1000, le=192_000)] | Literal["auto"]
    """Samples a second that the network hears; auto: that of most recordings, at most 16,000."""
    cache_mb: int = Field(ge=0)
    """Recordings kept in memory, in MB; beyond it they are opened again each epoch."""


class TranscriptDataOptions(DataOptions):
    """Where transcripts stand, and how they are written."""

    text: str | None
    """The table's column with the transcripts; None: found by its name."""
    encoding: str | None
    units: Literal["auto", "characters", "subwords", "words"]
    """What the network spells transcripts with; auto: characters."""
    lowercase: bool
    punctuation: Literal["keep", "drop"]
    least: int = Field(ge=1)
    """Symbols that occur less often in training are not learnt."""
    vocabulary: int = Field(ge=1)
    """The most subwords or words that are learnt."""
    cache_mb: int = Field(ge=0)
    """Inputs kept in memory, in MB; beyond it they are opened again each epoch."""


class LineDataOptions(TranscriptDataOptions):
    """How pictures of lines are opened."""

    height: int = Field(ge=8, le=512)
    """Pixels; lines are made so high, and as wide as that makes them."""
    max_pixels: int = Field(gt=0, le=MOST_PIXELS)
    """A picture of more pixels than this is refused before it is decoded (a pixel bomb)."""


class SpeechDataOptions(TranscriptDataOptions):
    """Where recordings stand, and at which rate they are heard."""

    audio: str | None
    tier: str | None
    """Of TextGrids, the tier that is learnt; None: the only one."""
    rate: Annotated[int, Field(ge=1000, le=192_000)] | Literal["auto"]
