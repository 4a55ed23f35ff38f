"""The commands: parse, call flow, print. PyTorch is imported only by the commands that need it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from plait import console, heavy
from plait.cli_options import (
    Answering,
    BoxesAs,
    Changes,
    Confidence,
    Data,
    Draw,
    Encoding,
    Format,
    Json,
    Label,
    RecipeFile,
    SkipBad,
    Sources,
    Text,
)
from plait.errors import PlaitError, counted

app = typer.Typer(
    help="From labelled data to a tested, deployable network of convolutional and recurrent layers.\n\n"
    "Example: plait train digits",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def inspect(
    data: Data = None,
    recipe: RecipeFile = None,
    changes: Changes = None,
    format: Format = None,
    text: Text = None,
    label: Label = None,
    encoding: Encoding = None,
    as_json: Json = False,
) -> None:
    """What is in the data, what is wrong with it, and the network it would get.

    Example: plait inspect photos/
    """
    if data is None and recipe is None:
        raise PlaitError(
            "nothing to inspect: name the data (plait inspect photos/) or a recipe (--recipe r.yaml)"
        )
    with console.checking(quiet=as_json) as progress:
        answer = _flow().inspect(
            data, recipe, changes or (), format, progress, text=text, label=label, encoding=encoding
        )
    console.print_json(answer) if as_json else console.print_inspection(answer)


@app.command()
def train(
    data: Data = None,
    recipe: RecipeFile = None,
    changes: Changes = None,
    minutes: Annotated[float | None, typer.Option(help="Train for about this long.", min=0.01)] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="The run's folder; default runs/NAME-1, -2, ...")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Everything drawn by chance follows from this number.")
    ] = None,
    skip_bad: SkipBad = False,
    pretrained: Annotated[
        str | None,
        typer.Option(metavar="[NAME|FILE]", help="Start from a timm backbone (its name, or its weights)."),
    ] = None,
    start_from: Annotated[
        str | None, typer.Option(metavar="RUN", help="Start from another run's weights.")
    ] = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with an interrupted run.")] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary", metavar="KEY=VALUE,VALUE", help="Compare variants of the recipe; may be repeated."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="With --vary: train each variant this many times.", min=1)] = 1,
    with_test: Annotated[
        bool, typer.Option("--with-test", help="With --vary: score the test part too.")
    ] = False,
    format: Format = None,
    text: Text = None,
    label: Label = None,
    encoding: Encoding = None,
    as_json: Json = False,
) -> None:
    """Train a network; the run's folder gets the weights, the log and a report. Ctrl-C stops and keeps the best.

    Example: plait train photos/ --minutes 5

    Comparing: plait train photos/ --vary training.optimizer.name=muon,adamw --seeds 3
    """
    if vary:
        _compare(
            data,
            vary,
            seeds,
            with_test,
            as_json,
            out,
            seed or 0,
            resume,
            changes or (),
            recipe=recipe,
            minutes=minutes,
            skip_bad=skip_bad,
            pretrained=pretrained,
            start_from=start_from,
            format=format,
            text=text,
            label=label,
            encoding=encoding,
        )
        return
    with console.checking(quiet=as_json) as progress:
        run = _flow().train(
            data,
            recipe=recipe,
            changes=changes or (),
            minutes=minutes,
            out=out,
            seed=seed,
            skip_bad=skip_bad,
            pretrained=pretrained,
            start_from=start_from,
            resume=resume,
            format=format,
            text=text,
            label=label,
            encoding=encoding,
            say=console.say,
            progress=progress,
        )
    report = run.read("report.json")
    if as_json:
        answer = {"run": str(run.folder), "finished": run.finished, **console.without_pictures(report)}
        console.print_json(answer)
        if not run.finished:
            console.say(console.how_to_go_on(run.folder))
    else:
        console.print_training(run.folder, report, finished=run.finished)
    if not run.finished:
        raise typer.Exit(130)


@app.command()
def test(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.")],
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="Default: the run's own test part.")
    ] = None,
    changes: Answering = None,
    skip_bad: SkipBad = False,
    format: Format = None,
    encoding: Encoding = None,
    as_json: Json = False,
) -> None:
    """Score a run on its test part, or on other data; writes report.json and report.html into the run.

    Example: plait test runs/photos-1
    """
    flow = _flow()
    opened = flow.open_run(run)
    with console.checking(quiet=as_json) as progress:
        report = flow.test(
            opened,
            data,
            skip_bad=skip_bad,
            format=format,
            encoding=encoding,
            changes=changes or (),
            progress=progress,
        )
    console.print_json(console.without_pictures(report)) if as_json else console.print_test(
        opened.folder, report
    )


@app.command()
def predict(
    model: Annotated[str, typer.Argument(metavar="RUN|MODEL.onnx", help="A run's folder or a model file.")],
    sources: Sources,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write a CSV; of one table, the table with answers added; of one file of tokens, the file tagged.",
        ),
    ] = None,
    skip_bad: SkipBad = False,
    encoding: Encoding = None,
    confidence: Confidence = None,
    boxes_as: BoxesAs = None,
    draw: Draw = None,
    as_json: Json = False,
) -> None:
    """The class of every picture or text, boxes in pictures, the tags of every sentence, what a recording says, how
    well a text is foreseen. A model file needs no PyTorch.

    Example: plait predict model.onnx cat.jpg
    """
    from plait.inference import box_output, live_output, outputs
    from plait.inference.predict import predict as predict_with

    predictor = box_output.asked(_predictor(model), confidence, boxes_as, draw, out)
    if live_output.is_live(sources, predictor.spec):
        live_output.write(predictor, out, as_json, console.terminal())
        return
    found = predict_with(predictor, sources, skip_bad=skip_bad, report=console.say_problem, encoding=encoding)
    if draw is not None:
        found = box_output.draw_boxes(draw, found)
    predictions = list(found) if as_json and out is not None else found
    if out is not None and boxes_as is not None:
        count = box_output.write_boxes(boxes_as, out, predictions, predictor.spec.classes)
        console.say(f"written: {out}, {counted(count, 'picture')}")
    elif out is not None:
        outputs.write_csv(out, predictions, sources, predictor.spec, encoding)
        console.say(f"written: {out}")
    if as_json:
        console.print_json(outputs.to_json(predictions, predictor.spec))
    elif out is None:
        outputs.show(predictions, predictor.spec, console.terminal())


@app.command()
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.")],
    model: Annotated[str, typer.Argument(metavar="MODEL.onnx", help="The file to write.")],
) -> None:
    """Write the trained network as one ONNX file; refused unless it answers as the network does.

    Example: plait export runs/photos-1 model.onnx
    """
    flow = _flow()
    opened = flow.open_run(run)
    console.print_export(flow.export(opened, model), opened.medium.noun)


@app.command()
def generate(
    model: Annotated[str, typer.Argument(metavar="RUN|MODEL.onnx", help="A run's folder or a model file.")],
    prompt: Annotated[str, typer.Option(help="What the text begins with.")] = "",
    tokens: Annotated[int, typer.Option(help="How many tokens to write.", min=0)] = 300,
    temperature: Annotated[
        float, typer.Option(help="Below 1 the likely becomes likelier; 0 takes the likeliest.", min=0)
    ] = 0.8,
    top_p: Annotated[
        float, typer.Option(help="Draw from the likeliest tokens that reach this probability together.")
    ] = 0.9,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same text.", min=0)] = None,
    as_json: Json = False,
) -> None:
    """Write text with a language model, printed as it comes. A model file needs no PyTorch.

    Example: plait generate runs/book-1 --prompt "Once upon a time" --tokens 300
    """
    from plait.inference.language_modeling import generate as generate_with

    written = generate_with(_predictor(model), prompt, tokens, temperature, top_p, seed)
    if as_json:
        console.print_json({"prompt": prompt, "text": "".join(written), "tokens": tokens, "seed": seed})
    else:
        console.print_written(prompt, written)


@app.command()
def recipe(
    task: Annotated[str, typer.Argument(metavar="TASK", help="For example image-classification.")],
) -> None:
    """Print the default recipe of a task, to change and to give back with --recipe.

    Example: plait recipe image-classification > mine.yaml
    """
    print(heavy.needing("plait recipe", lambda: _default_text(task)), end="")


def _compare(
    data: str | None,
    vary: list[str],
    seeds: int,
    with_test: bool,
    as_json: bool,
    out: str | None,
    seed: int,
    resume: str | None,
    changes: Sequence[str],
    **options: Any,
) -> None:
    if data is None or resume is not None:
        raise PlaitError(
            "--vary needs the data, and no --resume: to go on with a comparison, give the same command and --out again"
        )
    _flow()
    from plait.comparison import compare, table

    with console.checking(quiet=as_json) as progress:
        comparison = compare(
            data,
            vary,
            seeds=seeds,
            seed=seed,
            changes=changes,
            out=out,
            test=with_test,
            say=console.say,
            progress=progress,
            **options,
        )
    console.print_json(comparison) if as_json else console.print_comparison(comparison, table(comparison))
    if not comparison["finished"]:
        raise typer.Exit(130)


def _default_text(task: str) -> str:
    from plait.recipe import default_text

    return default_text(task)


def _flow() -> Any:
    return heavy.flow(f"plait {sys.argv[1] if len(sys.argv) > 1 else ''}".strip())


def _predictor(model: str) -> Any:
    if Path(model).is_dir():
        flow = _flow()
        return flow.predictor(flow.open_run(model))
    from plait.inference.model import OnnxModel

    return OnnxModel(model)
