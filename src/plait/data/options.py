"""What a recipe says about the data: the section `data` of a picture task."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PictureDataOptions(BaseModel):
    """How pictures are opened, sized, kept and divided; every default stands in the task's recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image_size: Literal["auto"] | int | tuple[int, int]
    """Side of the square the network sees, or [height, width], in pixels; auto looks at the training pictures."""
    channels: Literal["auto", 1, 3]
    """1 for greyscale, 3 for colour; auto is 1 where every picture is grey."""
    resize: Literal["crop", "pad", "stretch"]
    margin: float | Literal["auto"] = Field()
    """Pictures are kept at this many times image_size, so that a training crop has something to choose from."""
    validation: float = Field(gt=0, lt=0.9)
    test: float = Field(gt=0, lt=0.9)
    """Shares cut off where the data has no such part."""
    split_seed: int | None
    """What is drawn to divide the data follows from this number; None: from training.seed."""
    max_pixels: int = Field(gt=0)
    """A picture of more pixels than this is refused before it is decoded (a pixel bomb)."""
    cache_mb: int = Field(ge=0)
    """Decoded pictures kept in memory, in MB; beyond it they are decoded again each epoch."""
