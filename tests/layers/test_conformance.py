"""Every layer has the same properties; one table lists them all, and a layer missing from it fails."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from plait.errors import RecipeError
from plait.layers import (
    LAYERS,
    Activation,
    AdaptivePool,
    CharacterConv,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalPool,
    Layer,
    LogMel,
    Map,
    Norm,
    Normalize,
    Parallel,
    Pool,
    Pretrained,
    Recurrent,
    Repeat,
    Residual,
    ResidualBlock,
    Samples,
    Scale,
    SeparableConv,
    Sequence,
    Shape,
    SpatialRecurrent,
    SpecAugment,
    Squeeze,
    Stack,
    Tap,
    Tokens,
    ToMap,
    ToSequence,
    Vector,
    Whitening,
    Words,
    native,
    network_table,
)


@dataclass(frozen=True)
class Case:
    """A layer and what arrives at it; ``scale`` is the size of the numbers that arrive."""

    make: Callable[[], Layer]
    arriving: Shape
    scale: float = 1.0

    def built(self, seed: int = 0) -> Layer:
        torch.manual_seed(seed)
        layer = self.make()
        layer.build(self.arriving)
        return awake(layer)

    def examples(self, count: int) -> Tensor:
        torch.manual_seed(99)
        if isinstance(self.arriving, Words):
            return torch.randint(
                1, self.arriving.vocabulary, (count, self.arriving.time, self.arriving.width)
            )
        if isinstance(self.arriving, Tokens):
            return torch.randint(1, self.arriving.vocabulary, (count, self.arriving.time))
        x = torch.randn(count, *dimensions(self.arriving)) * self.scale
        return x.to(memory_format=torch.channels_last) if x.dim() == 4 else x


WORDS = Words(5, 9, 6, 12, (10,))
MAP, SEQUENCE, VECTOR = Map(8, 6, 7), Sequence(5, 8), Vector(8)
SAMPLES = Samples(200, 8000)
SMALL = Map(8, 3, 4)

CASES = {
    "conv": Case(lambda: Conv(12), MAP),
    "conv, everything": Case(
        lambda: Conv(8, 5, 1, groups=2, bias=True, norm="batch", activation="relu", residual=True), MAP
    ),
    "conv, sides": Case(lambda: Conv(4, [3, 5], [2, 1], padding=1, dilation=[2, 1]), Map(8, 9, 8)),
    "conv, depthwise": Case(lambda: Conv(16, groups="depthwise", norm="layer", activation="gelu"), MAP),
    "conv, auto": Case(lambda: Conv(4, stride="auto", norm="group"), Map(3, 66, 70)),
    "conv, sequence": Case(lambda: Conv(4, 3, 2, norm="batch", activation="silu"), SEQUENCE),
    "conv, sequence, dilated": Case(lambda: Conv(8, 3, dilation=2, residual=True), SEQUENCE),
    "conv, dirac": Case(lambda: Conv(12, initial="dirac"), MAP),
    "conv, dirac, sequence": Case(lambda: Conv(4, initial="dirac"), SEQUENCE),
    "separable_conv": Case(lambda: SeparableConv(12, 3, 2, norm="batch", activation="relu"), MAP),
    "separable_conv, sequence": Case(lambda: SeparableConv(4, dilation=2, norm="layer"), SEQUENCE),
    "residual_block": Case(lambda: ResidualBlock(8), MAP),
    "residual_block, strided": Case(lambda: ResidualBlock(12, 2), MAP),
    "residual_block, pooled": Case(lambda: ResidualBlock(12, 2, "layer", "gelu", "pool"), MAP),
    "residual_block, sequence": Case(lambda: ResidualBlock(12, 2, "batch", "relu", "pool"), SEQUENCE),
    "residual_block, sequence, strided": Case(lambda: ResidualBlock(12, 2), SEQUENCE),
    "pool": Case(Pool, MAP),
    "pool, sides": Case(lambda: Pool([2, 3], "average", [2, 1]), MAP),
    "pool, sequence": Case(lambda: Pool(3, "max", 2), SEQUENCE),
    "pool, sequence, average": Case(lambda: Pool(2, "average"), SEQUENCE),
    "global_pool": Case(GlobalPool, MAP),
    "global_pool, max": Case(lambda: GlobalPool("max"), SEQUENCE),
    "global_pool, sequence": Case(GlobalPool, SEQUENCE),
    "global_pool, last": Case(lambda: GlobalPool("last"), SEQUENCE),
    "global_pool, attention": Case(lambda: GlobalPool("attention"), SEQUENCE),
    "global_pool, attention, map": Case(lambda: GlobalPool("attention"), MAP),
    "adaptive_pool": Case(lambda: AdaptivePool([2, 3]), MAP),
    "adaptive_pool, max": Case(lambda: AdaptivePool([4, 3], "max"), MAP),
    "adaptive_pool, sequence": Case(lambda: AdaptivePool(3), SEQUENCE),
    "adaptive_pool, sequence, max": Case(lambda: AdaptivePool(2, "max"), SEQUENCE),
    "recurrent, rnn": Case(lambda: Recurrent("rnn", 5), SEQUENCE),
    "recurrent, lstm": Case(lambda: Recurrent("lstm", 5, 2, dropout=0.3), SEQUENCE),
    "recurrent, gru": Case(lambda: Recurrent("gru", 5, direction="both", return_="last"), SEQUENCE),
    "recurrent, backward": Case(lambda: Recurrent("gru", 5, direction="backward"), SEQUENCE),
    "recurrent, sru": Case(lambda: Recurrent("sru", 5, 2, direction="both", norm="layer"), SEQUENCE),
    "recurrent, mingru": Case(lambda: Recurrent("mingru", 5, direction="both"), SEQUENCE),
    "recurrent, weight drop": Case(lambda: Recurrent("gru", 5, weight_drop=0.2), SEQUENCE),
    "spatial_recurrent": Case(lambda: SpatialRecurrent("gru", 5), SMALL),
    "spatial_recurrent, residual": Case(lambda: SpatialRecurrent("lstm", 5, residual=True), SMALL),
    "spatial_recurrent, patch": Case(lambda: SpatialRecurrent("rnn", 5, patch=2), Map(3, 4, 6)),
    "spatial_recurrent, crosswise": Case(
        lambda: SpatialRecurrent("mingru", 5, residual=True, reading="crosswise"), SMALL
    ),
    "spatial_recurrent, sru": Case(lambda: SpatialRecurrent("sru", 5, patch=[1, 2]), SMALL),
    "dense": Case(lambda: Dense(5), VECTOR),
    "dense, map": Case(lambda: Dense(5, "relu", "batch"), MAP),
    "dense, sequence": Case(lambda: Dense(5, "tanh", "rms"), SEQUENCE),
    "dropout": Case(lambda: Dropout(0.2), MAP),
    "embedding": Case(lambda: Embedding(4), Tokens(5, 9)),
    "embedding, words": Case(lambda: Embedding(4), WORDS),
    "embedding, feature": Case(lambda: Embedding(4, column=1), WORDS),
    "character_conv": Case(lambda: CharacterConv(6, embedding=5), WORDS),
    "log_mel": Case(lambda: LogMel(4, window_ms=4, hop_ms=5), SAMPLES, 1000.0),
    "log_mel, none": Case(lambda: LogMel(3, 3, 2, 100, -500, "none"), SAMPLES, 1000.0),
    "log_mel, sequence": Case(LogMel, SEQUENCE),
    "spec_augment": Case(lambda: SpecAugment(1, 1, 1, 2), SEQUENCE),
    "norm, batch": Case(Norm, MAP),
    "norm, layer": Case(lambda: Norm("layer"), MAP),
    "norm, group": Case(lambda: Norm("group"), MAP),
    "norm, rms": Case(lambda: Norm("rms"), VECTOR),
    "norm, batch, sequence": Case(Norm, SEQUENCE),
    "norm, group, sequence": Case(lambda: Norm("group"), Sequence(5, 64)),
    "activation": Case(Activation, MAP),
    "activation, gelu": Case(lambda: Activation("gelu"), VECTOR),
    "flatten": Case(Flatten, MAP),
    "to_sequence": Case(ToSequence, MAP),
    "to_sequence, rows": Case(lambda: ToSequence("rows"), MAP),
    "to_sequence, positions": Case(lambda: ToSequence("positions"), MAP),
    "to_sequence, vector": Case(lambda: ToSequence(width=2), VECTOR),
    "to_map": Case(lambda: ToMap(2), SEQUENCE),
    "squeeze": Case(lambda: Squeeze(2), Map(24, 3, 4)),
    "squeeze, sequence": Case(lambda: Squeeze(2), Sequence(6, 24)),
    "pretrained": Case(lambda: Pretrained("test_resnet"), Map(3, 48, 32)),
    "normalize": Case(lambda: Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4]), Map(3, 4, 5), 255.0),
    "whitening": Case(lambda: Whitening(2), MAP),
    "scale": Case(lambda: Scale(0.1), MAP),
    "scale, vector": Case(lambda: Scale(3.0), VECTOR),
    "residual": Case(lambda: Residual([Conv(8, norm="batch"), Squeeze()]), MAP),
    "repeat": Case(lambda: Repeat(2, [Conv(8, 3, 2), Norm(), Activation()]), MAP),
    "parallel": Case(lambda: Parallel([[Conv(8)], [Conv(4, 1), Norm()], [Tap("inner")]]), MAP),
    "parallel, sequence": Case(lambda: Parallel([[Conv(8, 2, 2, padding=0)], [Pool(2)]]), SEQUENCE),
    "tap": Case(lambda: Tap("features"), MAP),
    "stack": Case(lambda: Stack(Conv(8), Pool(2), Squeeze(), Dense(3)), MAP),
}

EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
# Those that read every column for itself by a weight of its own, or several columns as one.
FIXED = {"flatten", "to_sequence, rows", "to_sequence, positions", "dense, map", "stack", "pretrained"}
PATCHED = {"spatial_recurrent, patch", "spatial_recurrent, sru"}
VARYING = {
    name: case
    for name, case in CASES.items()
    if isinstance(case.arriving, Map | Sequence) and name not in FIXED | PATCHED
}
PADDED = pytest.mark.parametrize("case", VARYING.values(), ids=VARYING.keys())


def dimensions(shape: Shape) -> tuple[int, ...]:
    match shape:
        case Map(channels, height, width):
            return channels, height, width
        case Sequence(time, channels):
            return time, channels
        case Vector(channels):
            return (channels,)
        case Words() as words:
            return words.time, words.width
        case Tokens(time, _) | Samples(time, _):
            return (time,)


def _axis(x: Tensor) -> int:
    """That which may vary in length: a map's width, or a sequence's time."""
    return 3 if x.dim() == 4 else 1


def doubled(x: Tensor) -> Tensor:
    """In float64; token numbers as they are."""
    return x.double() if x.is_floating_point() else x


def awake(layer: Layer) -> Layer:
    """Scales and sums that start at zero drawn at random, so that what lies behind them is tested too."""
    for parameter in layer.parameters():
        if not parameter.detach().any():
            nn.init.normal_(parameter, std=0.3)
    return layer


def test_every_layer_is_in_the_table() -> None:
    assert {type(case.make()) for case in CASES.values()} == {*LAYERS.values(), Stack}
    assert all(layer.word == word for word, layer in LAYERS.items())


@EVERY
def test_the_shape_declared_is_the_shape_given(case: Case) -> None:
    layer = case.built()
    expected = (3, *dimensions(layer.output(case.arriving)))
    assert layer(case.examples(3)).shape == expected
    assert layer.eval()(case.examples(3)).shape == expected


@EVERY
def test_gradients_are_those_of_differences(case: Case) -> None:
    layer = case.built().double().eval()
    names, parameters = zip(*layer.named_parameters(), strict=True) if [*layer.parameters()] else ((), ())

    def answer(x: Tensor, *values: Tensor) -> Tensor:
        output: Tensor = torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))
        return output

    x = doubled(case.examples(2))
    x.requires_grad_(x.is_floating_point())
    values = [parameter.detach().clone().requires_grad_() for parameter in parameters]
    assert torch.autograd.gradcheck(answer, (x, *values), fast_mode=True, atol=1e-4)


@EVERY
def test_a_batch_is_its_members_one_at_a_time(case: Case) -> None:
    layer, x = case.built().eval(), case.examples(4)
    one_at_a_time = torch.cat([layer(x[row : row + 1]) for row in range(len(x))])
    torch.testing.assert_close(layer(x), one_at_a_time, rtol=1e-4, atol=1e-5)


@PADDED
def test_padding_changes_nothing(case: Case) -> None:
    """Along a sequence's time or a map's width; what lies in the padding is anything."""
    layer, x = case.built().eval(), case.examples(4)
    lengths = x.shape[_axis(x)] - torch.tensor([0, 2, 1, 2])
    for padded in (layer(x, lengths), layer(_spoilt(x, lengths), lengths)):
        for row, (length, given) in enumerate(zip(lengths, layer.output_lengths(lengths), strict=True)):
            alone = layer(x[row : row + 1].narrow(_axis(x), 0, int(length)))
            real = padded[row : row + 1]
            real = real if alone.dim() == 2 else real.narrow(_axis(alone), 0, int(given))
            torch.testing.assert_close(real, alone, rtol=1e-4, atol=1e-5)


def _spoilt(x: Tensor, lengths: Tensor) -> Tensor:
    """With what is no number in the padding, where numbers may be none."""
    if not x.is_floating_point():
        return x
    steps = torch.arange(x.shape[_axis(x)])
    beyond = (steps >= lengths[:, None]).view(
        len(x), *(1,) * (_axis(x) - 1), -1, *(1,) * (x.dim() - 1 - _axis(x))
    )
    return x.masked_fill(beyond, torch.nan)


@EVERY
def test_it_sees_no_further_than_it_declares(case: Case) -> None:
    """Along a map's width or a sequence's time, by the gradient."""
    layer = case.built().eval()
    if not isinstance(layer.output(case.arriving), type(case.arriving)) or isinstance(case.arriving, Vector):
        pytest.skip("no steps arrive, or none are given")
    if isinstance(layer, AdaptivePool):
        pytest.skip("as many steps are given as it was asked for, whatever arrives")
    axis = -1 if isinstance(case.arriving, Map) else 1
    x = case.examples(1).requires_grad_()
    steps = layer(x).movedim(axis, 0)
    window = layer.window()
    assert len(steps) == window.steps(x.shape[axis])
    for number, output in enumerate(steps):
        (gradient,) = torch.autograd.grad(output.square().sum(), x, retain_graph=True)
        seen = gradient.movedim(axis, 0).flatten(1).any(1).nonzero()[:, 0]
        middle = number * window.stride
        assert ((seen >= middle - window.left) & (seen <= middle + window.right)).all()


@EVERY
def test_saved_is_loaded(case: Case) -> None:
    layer, other, x = case.built(seed=1).eval(), case.built(seed=2).eval(), case.examples(2)
    other.load_state_dict(
        load(save({name: value.contiguous() for name, value in layer.state_dict().items()}))
    )
    assert torch.equal(layer(x), other(x))


@EVERY
def test_a_copy_is_its_own(case: Case) -> None:
    layer, x = case.built().eval(), case.examples(2)
    twin = copy.deepcopy(layer)
    assert torch.equal(layer(x), twin(x))


@EVERY
def test_bfloat16_is_near(case: Case) -> None:
    layer, x = case.built().eval(), case.examples(3)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = layer(x)
    expected = layer(x)
    assert (rounded.float() - expected).abs().max() <= 0.05 * max(1.0, float(expected.detach().abs().max()))


@EVERY
def test_one_batch_can_be_learnt_by_heart(case: Case) -> None:
    layer, x = case.built(), case.examples(6)
    network = nn.Sequential(layer, nn.Flatten(), nn.LazyLinear(2))
    targets = torch.tensor([0, 1, 0, 1, 1, 0])
    network(x)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(120):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(x), targets)
        loss.backward()
        optimizer.step()
        if loss < 0.05:
            break
    assert (network.train(not isinstance(layer, Dropout | SpecAugment))(x).argmax(1) == targets).all()


@EVERY
def test_multiply_adds_are_those_counted(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    # In float64 and without the compiled kernels: the counter knows nothing of them, nor of oneDNN's LSTM of float32.
    monkeypatch.setattr(native, "library", lambda: None)
    layer = case.built().double().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        layer(doubled(case.examples(1)))
    assert layer.multiply_adds(case.arriving) == counter.get_total_flops() // 2


@EVERY
def test_maps_stay_channels_last(case: Case) -> None:
    layer, x = case.built().eval(), case.examples(2)
    given = layer(x)
    if x.dim() != 4 or given.dim() != 4:
        pytest.skip("no map to a map")
    assert given.is_contiguous(memory_format=torch.channels_last)


@EVERY
def test_the_table_counts_parameters_before_they_are(case: Case) -> None:
    layer = case.make()
    (row,) = network_table(Stack(layer), case.arriving)
    assert not [*layer.parameters()]
    layer.build(case.arriving)
    assert network_table(Stack(layer), case.arriving) == [row]
    assert row["parameters"] == sum(parameter.numel() for parameter in layer.parameters())


@pytest.mark.parametrize("word", LAYERS)
def test_unknown_options_are_refused(word: str) -> None:
    with pytest.raises(RecipeError, match=f"{word}: .*unknown option 'colour'"):
        LAYERS[word](colour="red")
