"""Pretrained: a backbone of timm as a first layer; timm is imported when one is used, and not before."""

import math
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from plait.errors import NetworkError, suggestion
from plait.layers.layer import Layer, Window
from plait.layers.options import checked
from plait.layers.shapes import Map, Shape

STRIDES = (8, 16, 32)
"""Of the maps that are taps: as many pixels lie between their positions."""


class Pretrained(Layer):
    """The convolutional part of the timm model named ``timm``: a color map in, its last map out; those an eighth, a
    sixteenth and a thirty-second as large as the picture are its taps.

    ``create`` only builds it; ``fetch`` brings the weights: from ``file`` (.safetensors, or .pth opened with
    weights_only), from ``file`` as an http address, or where there is none from where timm keeps them.
    """

    word = "pretrained"

    @checked
    def __init__(self, timm: str, file: str | None = None) -> None:
        super().__init__()
        self.model = timm
        self.file = file

    def output(self, arriving: Shape) -> Shape:
        given, _ = self._trial(arriving)
        return given

    def create(self, arriving: Shape) -> None:
        self.backbone = self._build()
        assert isinstance(arriving, Map)
        self.stride = round(arriving.width / self._trial(arriving)[0].width)

    def forward(
        self, x: Float[Tensor, "batch 3 height width"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch channels rows columns"]:
        features: Tensor = self.backbone.forward_features(x)  # type: ignore[operator]
        return features

    def tapped(
        self, x: Float[Tensor, "batch 3 height width"], lengths: Tensor | None = None
    ) -> tuple[Float[Tensor, "batch channels rows columns"], dict[str, Tensor]]:
        places = _places(self.backbone)
        if not places:
            return self(x), {}
        last, maps = self.backbone.forward_intermediates(x, indices=list(places.values()))  # type: ignore[operator]
        return last, dict(zip(places, maps, strict=True))

    def taps(self, arriving: Shape) -> dict[str, Shape]:
        assert isinstance(arriving, Map), "output has accepted it"
        with torch.device("meta"):
            backbone = self._build().eval()
            places = _places(backbone)
            if not places:
                return {}
            picture = torch.zeros(1, arriving.channels, arriving.height, arriving.width)
            _, maps = backbone.forward_intermediates(picture, indices=list(places.values()))  # type: ignore[operator]
        return {name: Map(*one.shape[1:]) for name, one in zip(places, maps, strict=True)}

    def window(self) -> Window:
        return Window(math.inf, math.inf, stride=self.stride)

    def multiply_adds(self, arriving: Shape) -> int:
        _, products = self._trial(arriving)
        return products

    @property
    def statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of the pictures it was trained on, in 0..1."""
        settings = _settings(self.model)
        return list(settings["mean"]), list(settings["std"])

    def fetch(self) -> None:
        """Loads the weights; raises NetworkError saying which file to fetch and where to put it."""
        if self.file is None or self.file.startswith(("http://", "https://")):
            found = self._download()
        else:
            found = _read(Path(self.file))
        wrong = f"the weights in {self.file or self.model} are not those of {self.model}"
        try:
            missing, unexpected = self.backbone.load_state_dict(found, strict=False)
        except RuntimeError as error:
            # PyTorch lists every weight that does not fit below its first line.
            faults = str(error).strip().splitlines()[1:] or [str(error)]
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            raise NetworkError(f"{wrong}: {faults[0].strip()}{more}") from error
        if missing:
            raise NetworkError(
                f"{wrong}: {missing[0]} and {len(missing) - 1} more are missing, and it holds "
                f"{', '.join(unexpected[:3]) or 'nothing else'}"
            )

    def _build(self) -> nn.Module:
        _settings(self.model)
        import timm

        backbone: nn.Module = timm.create_model(self.model, pretrained=False, num_classes=0, global_pool="")
        return backbone

    def _trial(self, arriving: Shape) -> tuple[Map, int]:
        """The shape given and the multiply-adds, by a network that has no numbers."""
        if not isinstance(arriving, Map) or arriving.channels != 3:
            raise NetworkError(
                f"a {arriving} arrives, and a pretrained backbone takes a color map: set data.channels to 3"
            )
        with torch.device("meta"):
            backbone = self._build().eval()
            picture = torch.zeros(1, arriving.channels, arriving.height, arriving.width)
        counter = FlopCounterMode(display=False)
        try:
            with torch.no_grad(), counter:
                features = backbone.forward_features(picture)  # type: ignore[operator]
        except (RuntimeError, AssertionError) as error:
            raise NetworkError(f"a {arriving} arrives, which {self.model} cannot take: {error}") from error
        if features.dim() != 4 or features.shape[1] != backbone.num_features:
            raise NetworkError(
                f"{self.model} gives no map; take a convolutional model of timm, such as resnet18.a1_in1k"
            )
        return Map(*features.shape[1:]), counter.get_total_flops() // 2

    def _download(self) -> dict[str, Tensor]:
        """By timm's own loading, which knows where its weights are and how old ones are read."""
        import timm

        overlay = _source(self.model) if self.file is None else {"url": self.file, "hf_hub_id": None}
        try:
            fetched = timm.create_model(
                self.model, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay
            )
        except (OSError, RuntimeError) as error:
            raise NetworkError(_where_to_get(self.model, error)) from error
        weights: dict[str, Tensor] = fetched.state_dict()
        return weights


def _places(backbone: nn.Module) -> dict[str, int]:
    """Where a backbone has the maps that are taps, by name; none of one that does not tell."""
    if not isinstance(getattr(backbone, "feature_info", None), list):
        return {}
    reductions = {info["reduction"]: place for place, info in enumerate(backbone.feature_info)}  # type: ignore[arg-type]
    return {f"stride {stride}": reductions[stride] for stride in STRIDES if stride in reductions}


def _settings(model: str) -> dict[str, Any]:
    """timm's description of a model; raises NetworkError for a name it does not know, with the nearest."""
    from timm.models import get_pretrained_cfg, is_model, list_models, list_pretrained

    name = model.partition(".")[0]
    if not is_model(name):
        raise NetworkError(f"timm has no model {model!r}: {suggestion(name, list_models())}")
    if name != model and model not in (known := list_pretrained(f"{name}.*")):
        raise NetworkError(f"timm has no weights {model!r}: {suggestion(model, known)}")
    found = get_pretrained_cfg(model, allow_unregistered=True)
    settings: dict[str, Any] = {} if found is None else found.to_dict()  # type: ignore[no-untyped-call]
    return {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)} | settings


def _source(model: str) -> dict[str, str] | None:
    """The file, where the hub's cache has it; None for timm's own search.

    Raises NetworkError at once where the hub cannot be reached, which its own client tries for a minute.
    """
    from huggingface_hub import try_to_load_from_cache

    hub = _settings(model).get("hf_hub_id")
    if hub is None:
        return None
    cached = try_to_load_from_cache(hub, "model.safetensors")
    if isinstance(cached, str):
        return {"file": cached}
    try:
        with urlopen(Request(_address(model), method="HEAD"), timeout=10):
            return None
    except HTTPError:
        return None
    except OSError as error:
        raise NetworkError(_where_to_get(model, error)) from error


def _read(path: Path) -> dict[str, Tensor]:
    """The file's tensors, cleaned of what trainers wrap around them; never runs code from the file."""
    from safetensors import SafetensorError
    from timm.models import load_state_dict

    if not path.is_file():
        raise NetworkError(f"there is no file of weights {path}")
    try:
        weights: dict[str, Tensor] = load_state_dict(str(path), weights_only=True)
    except (OSError, RuntimeError, SafetensorError, ValueError, EOFError, UnpicklingError) as error:
        if "weights_only" in str(error):
            # PyTorch's and timm's own advice is to run what the file holds.
            raise NetworkError(
                f"the weights in {path} cannot be read: the file holds more than tensors, and nothing of it is run; "
                "take a file of safetensors"
            ) from error
        raise NetworkError(f"the weights in {path} cannot be read: {_reason(error)}") from error
    return weights


def _where_to_get(model: str, error: Exception) -> str:
    from huggingface_hub.constants import HF_HUB_CACHE

    return (
        f"the weights of {model} could not be fetched ({_reason(error)}). Fetch {_address(model)} where there is "
        f"a network, put the file anywhere and name it: --pretrained {model}=model.safetensors "
        f"(timm's own place for it is {HF_HUB_CACHE})"
    )


def _address(model: str) -> str:
    from huggingface_hub.constants import ENDPOINT

    settings = _settings(model)
    hub = settings.get("hf_hub_id")
    return f"{ENDPOINT}/{hub}/resolve/main/model.safetensors" if hub else str(settings.get("url"))


def _reason(error: Exception) -> str:
    """The first line of an error's text, or its kind where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
