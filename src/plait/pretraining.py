"""Pretraining: before the task is learnt, the network's first layers learn to foresee words left out of texts.

It is a training of its own, in the run's folder pretraining/, with checkpoints of its own: killed and resumed, it ends
with the same weights as one that was not.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence

from safetensors.torch import load_file, save_file
from torch import nn

from plait.data.batches import Batch, steps_per_epoch
from plait.data.gather import Gathered
from plait.data.masked_batches import masked_evaluation_batches, masked_training_batches
from plait.data.text_store import WordStore
from plait.errors import counted
from plait.files import replacing, unwritable_explained
from plait.layers import Stack, Tokens
from plait.media.medium import EVALUATION_BATCH
from plait.media.worded import Worded, unlabelled
from plait.recipe import WordedRecipe
from plait.run import PRETRAINING, WEIGHTS, Run
from plait.tasks import automatic
from plait.tasks.masked_tokens import MaskedTokens, foreseen, masked_loss, reading_layers
from plait.training import Job, Outcome
from plait.training import train as train_network

TOLD = "pretraining.json"


def pretrain(
    network: nn.Module,
    run: Run,
    train: Gathered,
    validation: WordStore,
    fingerprint: str,
    say: Callable[[str], None],
    resume: bool,
) -> float:
    """Teaches ``network``'s first layers in place, where the run's recipe says so, and gives the seconds it took.

    ``validation`` are the texts it is measured on; ``fingerprint`` is that of the run's data. Raises RunError where the
    run's folder cannot be written or resumed, and KeyboardInterrupt where it was stopped: then there is no network yet
    that could answer.
    """
    recipe, medium, input = run.recipe, run.medium, run.spec.input
    if not isinstance(recipe, WordedRecipe) or not recipe.pretraining.epochs:
        return 0.0
    assert isinstance(medium, Worded)
    model = _model(network, run)
    done = run.folder / PRETRAINING / WEIGHTS
    if done.is_file():
        model.reading.load_state_dict(load_file(done))
        return float(run.read(f"{PRETRAINING}/{TOLD}")["seconds"])
    others = unlabelled(recipe)
    for problem in others.findings:
        say(f"{problem.file}: {problem.message}")
    read = medium.store([*train.table.frame["input"], *medium.divided(others.texts, input)], input)
    say(f"pretraining on {counted(len(read), medium.noun)} for {recipe.pretraining.epochs} epochs")
    digest = _fingerprint(fingerprint, others.texts)
    outcome = train_network(_job(model, run, recipe, read, validation, digest, resume))
    if outcome.interrupted:
        say(f"stopped in pretraining, before the task itself; go on with plait train --resume {run.folder}")
        raise KeyboardInterrupt
    with unwritable_explained(done.parent, f"go on with plait train --resume {run.folder}"):
        run.write(f"{PRETRAINING}/{TOLD}", _told(outcome))
        with replacing(done) as temporary:
            weights = model.reading.state_dict()
            save_file({name: value.contiguous() for name, value in weights.items()}, temporary)
    return outcome.seconds


def _model(network: nn.Module, run: Run) -> MaskedTokens:
    body = network.get_submodule("body")
    assert isinstance(body, Stack)
    arriving = run.medium.arriving(run.spec.input)
    assert isinstance(arriving, Tokens)
    count = reading_layers(run.recipe.layers(), arriving)
    reading = list(body)[:count]
    for layer in reading:
        # So the recipe may let them learn by smaller steps than what was drawn (backbone_rate, freeze).
        layer.taken = True
    return MaskedTokens(reading, arriving)


def _job(
    model: MaskedTokens,
    run: Run,
    recipe: WordedRecipe,
    read: WordStore,
    validation: WordStore,
    fingerprint: str,
    resume: bool,
) -> Job:
    """The task's own way of training, over whole passes."""
    masked, seed, task = recipe.pretraining.masked, recipe.training.seed, run.task()
    size = automatic.text_batch_size(len(read))
    passes = {"epochs": recipe.pretraining.epochs, "steps": None, "minutes": None}
    alone = {"early_stopping": 0, "freeze": 0, "backbone_rate": 1.0}

    def batches(start: int, total: int) -> Iterable[Batch]:
        return masked_training_batches(read, masked, size, seed, start, total)

    def validate(network: nn.Module) -> dict[str, float]:
        held = masked_evaluation_batches(validation, masked, EVALUATION_BATCH)
        nats = foreseen(task.outputs(network, held))
        return {"score": -nats, "loss": nats}

    return Job(
        network=model,
        loss=masked_loss,
        batches=batches,
        steps_per_epoch=steps_per_epoch(len(read), size),
        validate=validate,
        mix=None,
        options=recipe.with_values(training=passes | alone).training,
        folder=run.folder / PRETRAINING,
        fingerprint=fingerprint,
        resume=resume,
        shown=lambda score: f"perplexity {math.exp(-score):.1f}",
        resumed_by=run.folder,
    )


def _fingerprint(data: str, others: Sequence[str]) -> str:
    """Of the run's data and of what has no labels."""
    return hashlib.sha256("\0".join([data, *others]).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _told(outcome: Outcome) -> dict[str, object]:
    return {
        "seconds": outcome.seconds,
        "steps": outcome.steps,
        "perplexity": math.exp(-outcome.best_score),
        "precision": outcome.precision,
        "history": outcome.history,
    }
