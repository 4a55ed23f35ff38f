"""Options and arguments that commands share, and the longer ones."""

from typing import Annotated

import typer

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output, nothing else there.")
]
Answering = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change how answers are read (decoding.*, evaluation.*), from now on; may be repeated.",
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe; may be repeated."),
]
RecipeFile = Annotated[str | None, typer.Option("--recipe", metavar="FILE", help="A recipe in YAML.")]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="Read the data as: class-folders, table, text-table, ..."),
]
Text = Annotated[
    str | None, typer.Option("--text", metavar="COLUMN", help="The table's column with the texts.")
]
Label = Annotated[
    str | None,
    typer.Option("--label", metavar="COLUMN", help="The column with a text's class, or a token's tag."),
]
Encoding = Annotated[
    str | None,
    typer.Option("--encoding", metavar="NAME", help="Of text files that are neither UTF-8 nor GB18030."),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out what cannot be used; the report lists it.")
]
Data = Annotated[
    str | None,
    typer.Argument(metavar="DATA", help="Folder, table, file of texts or tokens, or `digits`."),
]
Confidence = Annotated[
    float | None,
    typer.Option(help="Of boxes: the least score of an answer, for every class.", min=0, max=1),
]
BoxesAs = Annotated[
    str | None,
    typer.Option("--format", metavar="voc|yolo|coco", help="Write what was found into the folder --out DIR."),
]
Draw = Annotated[
    str | None, typer.Option(metavar="DIR", help="Draw boxes on copies of the pictures in this folder.")
]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE|FOLDER|TABLE|TEXT...",
        help="What to ask about; a text may stand here itself, - is standard input: lines of text, or samples of "
        "a recording that lasts (16 bits, one channel, the model's rate).",
    ),
]
