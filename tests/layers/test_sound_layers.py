"""Layers for sound: log mel energies beside Kaldi's, spans hidden in training, and maps whose width varies."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers import (
    Conv,
    Layer,
    LogMel,
    Map,
    Norm,
    ResidualBlock,
    Samples,
    Sequence,
    SpatialRecurrent,
    SpecAugment,
    Stack,
    Tokens,
    ToMap,
    Vector,
    network_table,
    read_network,
)
from plait.layers.masks import blank_padding

RATES = pytest.mark.parametrize("rate", [8000, 16000])
BANDS = pytest.mark.parametrize("mels", [40, 80])
SOUNDS = pytest.mark.parametrize("sound", ["noise", "whisper", "chirp"])


def recorded(sound: str, rate: int, seconds: float = 2.0) -> np.ndarray:
    """int16 samples."""
    chance, at = np.random.default_rng(rate), np.arange(int(seconds * rate)) / rate
    if sound == "chirp":
        tone = np.sin(2 * np.pi * (100 * at + (rate / 2 - 300) / 4 * at**2))
        samples = 3000 * tone * (1 + np.sin(6 * np.pi * at)) / 2 + chance.normal(500, 300, len(at))
    else:
        samples = chance.normal(0, 2 if sound == "whisper" else 1000, len(at))
    return samples.round().astype(np.int16)


def kaldi(samples: np.ndarray, rate: int, mels: int, low: float = 20.0, high: float = 0.0) -> np.ndarray:
    """By kaldi-native-fbank, in float32."""
    knf = pytest.importorskip("kaldi_native_fbank")
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = rate
    options.frame_opts.dither = 0
    options.mel_opts.num_bins, options.mel_opts.low_freq, options.mel_opts.high_freq = mels, low, high
    reader = knf.OnlineFbank(options)
    reader.accept_waveform(rate, samples.astype(np.float32).tolist())
    reader.input_finished()
    return np.stack([reader.get_frame(number) for number in range(reader.num_frames_ready)])


def defined(samples: np.ndarray, rate: int, mels: int) -> np.ndarray:
    """Kaldi's definition in float64, window by window, one step after the other."""
    size, hop = rate * 25 // 1000, rate * 10 // 1000
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), size)[::hop]
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = frames * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / (size - 1))) ** 0.85
    padded = 1 << (size - 1).bit_length()
    power = np.abs(np.fft.rfft(frames, padded))[:, :-1] ** 2
    edges = np.linspace(_mel(20), _mel(rate / 2), mels + 2)
    at = _mel(np.arange(padded // 2) * rate / padded)
    weights = [np.interp(at, edges[band : band + 3], [0, 1, 0]) for band in range(mels)]
    return np.log(np.maximum(power @ np.stack(weights, axis=1), np.finfo(np.float32).eps))


def _mel(hertz: Any) -> Any:
    return 1127 * np.log(1 + hertz / 700)


def built(layer: Layer, arriving: Any) -> Layer:
    torch.manual_seed(0)
    layer.build(arriving)
    return layer.eval()


def energies(samples: np.ndarray, rate: int, mels: int, **options: Any) -> np.ndarray:
    layer = built(LogMel(mels, normalize="none", **options), Samples(len(samples), rate))
    given: np.ndarray = layer(torch.from_numpy(samples)[None])[0].numpy()
    return given


@RATES
@BANDS
@SOUNDS
def test_energies_are_those_of_the_definition(sound: str, rate: int, mels: int) -> None:
    samples = recorded(sound, rate)
    np.testing.assert_allclose(energies(samples, rate, mels), defined(samples, rate, mels), rtol=0, atol=1e-4)


@RATES
@BANDS
@SOUNDS
def test_energies_are_kaldis(sound: str, rate: int, mels: int) -> None:
    """To 1e-4, but for what Kaldi's own float32 loses in quiet bands beside loud ones."""
    samples = recorded(sound, rate)
    theirs = kaldi(samples, rate, mels)
    difference = np.abs(energies(samples, rate, mels) - theirs)
    assert (difference <= 1e-4 + np.abs(defined(samples, rate, mels) - theirs)).all()
    assert np.quantile(difference, 0.99) < 1e-4


def test_bands_between_other_frequencies_are_kaldis() -> None:
    samples = recorded("noise", 16000)
    ours = energies(samples, 16000, 23, low=60.0, high=-400.0)
    np.testing.assert_allclose(ours, kaldi(samples, 16000, 23, 60.0, -400.0), rtol=0, atol=1e-4)


def test_silence_and_a_constant_are_the_least_energy() -> None:
    for level in (0, 5000):
        given = energies(np.full(1600, level, np.int16), 16000, 40)
        np.testing.assert_allclose(given, np.log(np.finfo(np.float32).eps), rtol=1e-6)


@pytest.mark.parametrize("normalize", ["utterance", "mean", "none"])
def test_padded_recordings_give_what_they_give_alone(normalize: Any) -> None:
    lengths = torch.tensor([8000, 4321, 401, 400])
    layer = built(LogMel(40, normalize=normalize), Samples(8000, 16000))
    x = torch.randint(-9000, 9000, (4, 8000), dtype=torch.int16)
    padded, after = layer(x, lengths), layer.output_lengths(lengths)
    assert after.tolist() == [(length - 400) // 160 + 1 for length in lengths.tolist()]
    for row, (length, steps) in enumerate(zip(lengths.tolist(), after.tolist(), strict=True)):
        torch.testing.assert_close(
            padded[row, :steps], layer(x[row : row + 1, :length])[0], rtol=0, atol=1e-4
        )
        assert not padded[row, steps:].any()


def test_a_recording_shorter_than_a_window_has_no_steps() -> None:
    layer = built(LogMel(), Samples(8000, 16000))
    lengths = torch.tensor([8000, 30])
    given = layer(torch.randn(2, 8000), lengths)
    assert layer.output_lengths(lengths).tolist() == [48, 0]
    assert given[0].isfinite().all()
    assert not given[1].any()


def test_normalized_bands_have_mean_zero_and_variance_one() -> None:
    given = built(LogMel(40), Samples(16000, 16000))(torch.randn(2, 16000) * 1000)
    torch.testing.assert_close(given.mean(dim=1), torch.zeros(2, 40), rtol=0, atol=1e-4)
    torch.testing.assert_close(given.var(dim=1, unbiased=False), torch.ones(2, 40), rtol=1e-3, atol=0)
    # A band that never changes has no variance to be divided by.
    assert built(LogMel(40), Samples(800, 16000))(torch.zeros(1, 800)).abs().max() < 1e-3


def test_energies_computed_beforehand_are_only_normalized() -> None:
    samples = torch.randn(2, 4000) * 1000
    steps = built(LogMel(40, normalize="none"), Samples(4000, 16000))(samples)
    expected = built(LogMel(40), Samples(4000, 16000))(samples)
    torch.testing.assert_close(built(LogMel(40), Sequence(23, 40))(steps), expected)
    plain = built(LogMel(40, normalize="none"), Sequence(23, 40))
    assert torch.equal(plain(steps), steps)
    assert plain.reads_on


def test_energies_are_float32_in_any_precision() -> None:
    layer, x = built(LogMel(), Samples(4000, 16000)), torch.randint(-9000, 9000, (2, 4000), dtype=torch.int16)
    with torch.autocast("cpu", torch.bfloat16):
        given = layer(x)
    assert given.dtype == torch.float32
    assert torch.equal(given, layer(x))
    assert not layer.state_dict()


def test_a_step_sees_its_window() -> None:
    layer = built(LogMel(8, normalize="none"), Samples(1600, 16000))
    window = layer.window()
    assert (window.left, window.right, window.stride, window.steps(1600)) == (0, 399, 160, 8)
    x = torch.randn(1, 1600, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x)[0, 2].sum(), x)
    seen = gradient[0].nonzero()[:, 0]
    assert (seen.min(), seen.max()) == (320, 719)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("normalize", ["utterance", "none"])
def test_exported_energies_are_eager_at_any_length(tmp_path: Path, normalize: Any) -> None:
    layer, path = built(LogMel(40, normalize=normalize), Samples(4000, 16000)), tmp_path / "log_mel.onnx"
    batch, time = torch.export.Dim("batch"), torch.export.Dim("samples", min=400)
    torch.onnx.export(
        layer,
        (_padded(2, 4000), torch.tensor([4000, 3000])),
        path,
        input_names=["samples", "lengths"],
        dynamic_shapes=({0: batch, 1: time}, {0: batch}),
        opset_version=20,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path)
    for count, size in ((1, 400), (3, 1234), (5, 16001)):
        x, lengths = _padded(count, size), torch.linspace(size, 400, count).long()
        (answer,) = session.run(None, {"samples": x.numpy(), "lengths": lengths.numpy()})
        torch.testing.assert_close(torch.from_numpy(answer), layer(x, lengths), rtol=0, atol=1e-4)


def _padded(count: int, size: int) -> Tensor:
    return torch.randint(-9000, 9000, (count, size), dtype=torch.int16)


@pytest.mark.parametrize(
    ("layer", "arriving", "message"),
    [
        (LogMel(), Samples(399, 16000), "recording of 399 samples arrives.* needs at least 400"),
        (LogMel(), Map(1, 8, 8), "log_mel reads a recording's samples"),
        (LogMel(), Tokens(5, 9), "log_mel reads a recording's samples"),
        (
            LogMel(high=9000.0),
            Samples(8000, 16000),
            "frequencies up to 8000 Hz, and bands from 20 to 9000 Hz",
        ),
        (LogMel(hop_ms=0.01), Samples(8000, 16000), "take longer ones"),
        (SpecAugment(), Vector(8), "spec_augment reads a sequence: put it after log_mel"),
    ],
)
def test_what_cannot_be_read_is_refused(layer: Layer, arriving: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        layer.output(arriving)


@pytest.mark.parametrize(
    "network",
    [
        ["norm"], ["dropout"], ["activation"], [{"dense": 3}], [{"conv": 3}], [{"residual_block": 3}], ["pool"],
        [{"separable_conv": 3}], ["global_pool"], [{"adaptive_pool": 2}], ["flatten"], ["to_sequence"], ["to_map"],
        ["squeeze"], [{"recurrent": {"cell": "gru", "units": 3}}], [{"embedding": 3}],
        [{"spatial_recurrent": {"cell": "gru", "units": 3}}], [{"residual": {"layers": ["norm"]}}],
    ],
    ids=str,
)  # fmt: skip
def test_only_log_mel_reads_a_recording(network: list[Any]) -> None:
    message = "recording of 8000 samples, 16000 a second arrives.*put log_mel before it"
    with pytest.raises(NetworkError, match=message):
        Stack(*read_network(network)).output(Samples(8000, 16000))


def test_branches_of_recordings_are_refused() -> None:
    branches = Stack(*read_network([{"parallel": {"branches": [[{"tap": "one"}], [{"tap": "two"}]]}}]))
    with pytest.raises(NetworkError, match="no channels: put log_mel into each branch"):
        branches.output(Samples(8000, 16000))


def test_a_recipe_names_them() -> None:
    stack = Stack(
        *read_network([{"log_mel": 40}, "spec_augment", {"recurrent": {"cell": "gru", "units": 3}}])
    )
    rows = network_table(stack, Samples(16000, 16000))
    assert [row["layer"] for row in rows] == ["log_mel 40", "spec_augment 2", "recurrent gru"]
    assert rows[0]["multiply_adds"] == 98 * (512 * 400 + 256 * 40)


def test_spans_are_hidden_in_training_alone() -> None:
    torch.manual_seed(5)
    layer, x, lengths = SpecAugment(2, 10, 1, 6), torch.ones(400, 60, 20), torch.full((400,), 30)
    hidden = layer.train()(x, lengths) == 0
    steps, bands = hidden.all(dim=2), hidden.all(dim=1)
    # A fifth of 30 real steps is less than 10.
    assert steps.sum(dim=1).max() == 12
    assert bands.sum(dim=1).max() == 6
    assert not steps[:, 30:].any()
    assert torch.equal(hidden, steps[:, :, None] | bands[:, None])
    assert steps[:, :30].any(dim=0).all(), "every step is hidden once"
    assert len({tuple(row.tolist()) for row in steps}) > 100, "each example has its own draw"
    assert torch.equal(layer.eval()(x, lengths), x)


def test_spans_are_no_longer_than_what_there_is() -> None:
    layer, x = SpecAugment(3, 40, 3, 15), torch.ones(50, 4, 2)
    assert ((layer.train()(x) == 0).all(dim=2).sum(dim=1) < 4).any()
    assert torch.equal(SpecAugment(0, 40, 0, 15).train()(x), x)


PICTURE_OF_SOUND: list[Any] = [
    "to_map",
    {"conv": {"channels": 8, "stride": [2, 2], "norm": "batch", "activation": "relu"}},
    {"residual_block": 8},
    "squeeze",
    {"pool": [2, 1]},
    {"residual_block": {"channels": 12, "stride": 2, "shortcut": "pool"}},
    "to_sequence",
    {"recurrent": {"cell": "lstm", "units": 6, "direction": "both"}},
    {"dense": 5},
]
STACKS: dict[str, list[Any]] = {
    "recurrent": PICTURE_OF_SOUND,
    "pooled": [*PICTURE_OF_SOUND[:4], {"pool": 2}, {"global_pool": "attention"}],
    "groups": [
        "to_map",
        {"conv": {"channels": 8, "kernel": [3, 5], "stride": [2, 1], "norm": "group", "activation": "relu"}},
        {"separable_conv": {"channels": 8, "norm": "batch", "activation": "silu"}},
        {"spatial_recurrent": {"cell": "gru", "units": 4, "residual": True}},
        {"parallel": {"branches": [[{"conv": 4}], [{"pool": {"size": 1}}]]}},
        {"adaptive_pool": [2, 3]},
        "flatten",
        {"dense": 4},
    ],
    "rows": ["to_map", {"spatial_recurrent": {"cell": "sru", "units": 3}}, {"global_pool": "max"}],
}
NETWORKS = pytest.mark.parametrize("network", STACKS.values(), ids=STACKS.keys())


@NETWORKS
def test_padding_a_map_changes_no_answer(network: list[Any]) -> None:
    """As columns of any numbers; the statistics of the norms are no longer those they began with."""
    stack, x = built(Stack(*read_network(network)), Sequence(41, 16)), torch.randn(4, 41, 16)
    lengths = torch.tensor([41, 23, 30, 17])
    stack.train()(x, lengths)
    stack.eval()
    padded, after = stack(x, lengths), stack.output_lengths(lengths)
    for row, (length, steps) in enumerate(zip(lengths.tolist(), after.tolist(), strict=True)):
        alone = stack(x[row : row + 1, :length])[0]
        real = padded[row, :steps] if alone.dim() == 2 else padded[row]
        torch.testing.assert_close(real, alone, rtol=0, atol=1e-5)


@NETWORKS
def test_what_lies_in_the_padding_is_not_learnt_from(network: list[Any]) -> None:
    """In training: neither answers nor gradients nor statistics ask for it."""
    stack, x, lengths = (
        built(Stack(*read_network(network)), Sequence(41, 16)).train(),
        torch.randn(3, 41, 16),
        torch.tensor([41, 23, 30]),
    )
    twin = copy.deepcopy(stack)
    for one, noise in ((stack, 0.0), (twin, 9.0)):
        given = one(x + noise * (x - blank_padding(x, lengths)), lengths)
        steps = given.dim() == 3
        (blank_padding(given, one.output_lengths(lengths)) if steps else given).square().sum().backward()
    for (name, ours), theirs in zip(stack.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-4, msg=name)
    for (name, ours), theirs in zip(stack.named_buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5, msg=name)


def _statistics_case() -> tuple[Norm, nn.BatchNorm2d, Tensor, Tensor]:
    """A map of 5 columns and one of 3, of which torch's norm is given the columns as the rows of one picture."""
    layer = Norm("batch")
    built(layer, Map(4, 6, 5)).train()
    reference = nn.BatchNorm2d(4).train()
    reference.load_state_dict(layer.norm.state_dict())
    x = (torch.randn(2, 4, 6, 5) * 3 + 1).to(memory_format=torch.channels_last)
    return layer, reference, x, torch.tensor([5, 3])


def test_batch_statistics_are_those_of_the_real_columns() -> None:
    layer, reference, x, lengths = _statistics_case()
    ours = x.detach().clone().requires_grad_()
    real = torch.cat([x[0], x[1, :, :, :3]], dim=2)[None].requires_grad_()
    given, expected = layer(ours, lengths), reference(real)
    torch.testing.assert_close(torch.cat([given[0], given[1, :, :, :3]], dim=2)[None], expected)
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(layer.norm.state_dict()[name], value)
    weights = torch.randn_like(expected)
    (expected * weights).sum().backward()
    (torch.cat([given[0], given[1, :, :, :3]], dim=2)[None] * weights).sum().backward()
    assert ours.grad is not None
    assert real.grad is not None
    torch.testing.assert_close(torch.cat([ours.grad[0], ours.grad[1, :, :, :3]], dim=2)[None], real.grad)
    assert given.is_contiguous(memory_format=torch.channels_last)


def test_batch_statistics_are_float32_in_any_precision() -> None:
    layer, _, x, lengths = _statistics_case()
    with torch.autocast("cpu", torch.bfloat16):
        given = layer(x.bfloat16(), lengths)
    assert given.dtype == torch.bfloat16
    assert layer.norm.running_var.dtype == torch.float32


@pytest.mark.parametrize(
    "make", [lambda: Norm("batch"), lambda: Norm("group"), lambda: Conv(4, norm="batch")]
)
def test_full_widths_are_no_widths(make: Callable[[], Layer]) -> None:
    layer, x = built(make(), Map(4, 6, 5)).train(), torch.randn(3, 4, 6, 5)
    torch.testing.assert_close(layer(x, torch.full((3,), 5)), layer(x), rtol=1e-5, atol=1e-5)


def test_patches_of_padded_maps() -> None:
    layer, x = built(SpatialRecurrent("lstm", 3, patch=[2, 3]), Map(2, 4, 12)), torch.randn(3, 2, 4, 12)
    lengths = torch.tensor([12, 6, 9])
    padded = layer(x, lengths)
    assert layer.output_lengths(lengths).tolist() == [4, 2, 3]
    for row, length in enumerate(lengths.tolist()):
        alone = layer(x[row : row + 1, ..., :length])[0]
        torch.testing.assert_close(padded[row, ..., : length // 3], alone, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_an_exported_network_of_sound_is_eager(tmp_path: Path) -> None:
    layers = read_network([{"log_mel": 16}, "spec_augment", *PICTURE_OF_SOUND])
    stack, path = built(Stack(*layers), Samples(8000, 8000)), tmp_path / "sound.onnx"
    batch, time = torch.export.Dim("batch"), torch.export.Dim("samples", min=2000)
    torch.onnx.export(
        stack,
        (_padded(2, 8000), torch.tensor([8000, 6000])),
        path,
        input_names=["samples", "lengths"],
        dynamic_shapes=({0: batch, 1: time}, {0: batch}),
        opset_version=20,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path)
    for count, size in ((1, 2500), (3, 9001)):
        x, lengths = _padded(count, size), torch.linspace(size, 2000, count).long()
        (answer,) = session.run(None, {"samples": x.numpy(), "lengths": lengths.numpy()})
        expected, steps = stack(x, lengths), stack.output_lengths(lengths)
        torch.testing.assert_close(
            blank_padding(torch.from_numpy(answer), steps), blank_padding(expected, steps), rtol=0, atol=1e-4
        )


def test_a_map_of_a_padded_sequence_keeps_its_lengths() -> None:
    lengths = torch.tensor([5, 3])
    assert ToMap().output_lengths(lengths).tolist() == [5, 3]
    block = built(ResidualBlock(4, 2), Map(4, 6, 5))
    assert block.output_lengths(lengths).tolist() == [3, 2]
