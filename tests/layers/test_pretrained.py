"""Pretrained backbones: the real loading code of timm, fed from a file and from a server on this machine."""

import functools
import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from plait.errors import NetworkError
from plait.layers import Map, Pretrained

MODEL = "test_resnet"
"""timm's own tiny model for tests."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file(timm.create_model(MODEL, pretrained=False).state_dict(), path)
    return path


def built(file: str) -> Pretrained:
    layer = Pretrained(MODEL, file)
    layer.build(Map(3, 64, 64))
    return layer


def test_shape_is_declared_and_given(weights: Path) -> None:
    layer = built(str(weights))
    given = layer.output(Map(3, 64, 64))
    assert layer(torch.rand(2, 3, 64, 64)).shape[1:] == (given.channels, given.height, given.width)


def test_weights_come_from_a_file(weights: Path) -> None:
    layer = built(str(weights))
    layer.fetch()
    reference = timm.create_model(MODEL, pretrained=False, checkpoint_path=str(weights)).eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(layer.eval()(picture), reference.forward_features(picture))


def test_weights_come_over_http(weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(weights.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        fetched = built(f"http://127.0.0.1:{server.server_port}/model.safetensors")
        fetched.fetch()
        server.shutdown()
    from_file = built(str(weights))
    from_file.fetch()
    for name, value in from_file.state_dict().items():
        assert torch.equal(value, fetched.state_dict()[name]), name


def test_offline_says_what_to_fetch_and_how_to_give_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    layer = built("http://127.0.0.1:9/model.safetensors")
    with pytest.raises(
        NetworkError, match=r"could not be fetched.*--pretrained test_resnet=model.safetensors"
    ):
        layer.fetch()


def test_wrong_files_are_refused(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "words.safetensors").write_text("no weights", encoding="utf-8")
    with pytest.raises(NetworkError, match="cannot be read"):
        built(str(tmp_path / "words.safetensors")).fetch()
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(NetworkError, match="are not those of test_resnet"):
        built(str(tmp_path / "other.safetensors")).fetch()
    narrow = {name: value.reshape(-1)[:1].clone() for name, value in load_file(weights).items()}
    save_file(narrow, tmp_path / "narrow.safetensors")
    with pytest.raises(
        NetworkError, match=r"are not those of test_resnet: size mismatch for .*more\)$"
    ) as found:
        built(str(tmp_path / "narrow.safetensors")).fetch()
    assert "\n" not in str(found.value)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(tmp_path / "ran"),)

    torch.save(Harmful(), tmp_path / "model.pth")
    with pytest.raises(NetworkError, match="take a file of safetensors"):
        built(str(tmp_path / "model.pth")).fetch()
    assert not (tmp_path / "ran").exists()


HUB_SCRIPT = """
import functools, http.server, os, sys, threading
from pathlib import Path

class Hub(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("ETag", '"1"')
        self.send_header("X-Repo-Commit", "0" * 40)
        super().end_headers()

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Hub, directory=sys.argv[1]))
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ |= {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": sys.argv[2]}

import torch
from safetensors.torch import load_file, save_file
from plait.errors import NetworkError
from plait.layers import Map, Pretrained

def fetch(model):
    layer = Pretrained(model)
    layer.build(Map(3, 32, 32))
    layer.fetch()
    return layer.state_dict()

save_file(fetch("test_resnet.r160_in1k"), Path(sys.argv[2]) / "fetched.safetensors")
server.shutdown()
server.server_close()
save_file(fetch("test_resnet.r160_in1k"), Path(sys.argv[2]) / "cached.safetensors")
try:
    fetch("test_efficientnet.r160_in1k")
except NetworkError as error:
    print(error)
"""


def test_weights_come_from_the_hub_and_then_from_its_cache(weights: Path, tmp_path: Path) -> None:
    """In a process of its own, with a small hub on this machine, which then goes away."""
    place = tmp_path / "hub" / "timm" / "test_resnet.r160_in1k" / "resolve" / "main"
    place.mkdir(parents=True)
    shutil.copy(weights, place / "model.safetensors")
    command = [sys.executable, "-c", HUB_SCRIPT, str(tmp_path / "hub"), str(tmp_path)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    expected = built(str(weights))
    expected.fetch()
    for name in ("fetched", "cached"):
        for key, value in load_file(tmp_path / f"{name}.safetensors").items():
            assert torch.equal(value, expected.state_dict()[key]), (name, key)
    assert (
        "timm/test_efficientnet.r160_in1k/resolve/main/model.safetensors where there is a network"
        in child.stdout
    )


def test_unknown_models_and_grey_maps_are_refused() -> None:
    for name in ("resnet1888", "resnet18.a1_in1kk", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"):
        with pytest.raises(NetworkError, match=r"did you mean|cannot take|gives no map"):
            Pretrained(name).output(Map(3, 96, 96))
    with pytest.raises(NetworkError, match="channels"):
        Pretrained(MODEL).output(Map(1, 64, 64))


def test_settings_are_those_it_was_trained_with() -> None:
    assert Pretrained(MODEL).statistics == ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
