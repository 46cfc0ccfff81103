"""Weights that an encoder starts from: they arrive, one channel is the mean of three, what does not fit refuses."""

from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
import torchvision
from click.testing import CliRunner
from safetensors.torch import save_file

from mammomap.cli import main
from mammomap.errors import ConfigError
from mammomap.masks.store import Store
from mammomap.seg.config import TrainConfig
from mammomap.seg.encoder_weights import fit_encoder, kept_name, start_encoder
from mammomap.seg.nets import SUPPORTED, build_net
from mammomap.seg.run import read_run


def resnet18() -> dict[str, torch.Tensor]:
    """torchvision's names and shapes, with its classifier."""
    torch.manual_seed(4)
    return torchvision.models.resnet18(weights=None).state_dict()


@pytest.mark.parametrize("net", ["unet", "fcn8s-light"])
@pytest.mark.parametrize("ending", ["pth", "safetensors", "nested"])
def test_a_file_arrives_in_the_encoder(net: str, ending: str, tmp_path: Path) -> None:
    state, path = resnet18(), tmp_path / f"weights.{ending}"
    if ending == "safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state, "epoch": 3} if ending == "nested" else state, path)
    made = build_net(net, "resnet18", 3, seed=1)
    start_encoder(made, "resnet18", str(path))
    encoder = made.trunk.encoder if net.startswith("fcn") else made.encoder
    own = encoder.state_dict()
    assert torch.equal(own["conv1.weight"], state["conv1.weight"].mean(1, keepdim=True))
    assert all(torch.equal(weight, state[name]) for name, weight in own.items() if name != "conv1.weight")


def test_of_timm(tmp_path: Path) -> None:
    made = build_net("unet", "tu-convnext_atto", 3, seed=1)
    theirs = smp.encoders.get_encoder("tu-convnext_atto").state_dict()
    bare = {name.removeprefix("model."): weight for name, weight in theirs.items()}
    fit_encoder(made, {**bare, "head.fc.weight": torch.zeros(2, 2)}, "a file")
    own = made.encoder.state_dict()
    first = next(name for name in theirs if own[name].shape != theirs[name].shape)
    assert torch.equal(own[first], theirs[first].mean(1, keepdim=True))
    assert all(torch.equal(own[name], theirs[name]) for name in theirs if name != first)


@pytest.mark.parametrize(("net", "encoder"), [pair for pair in SUPPORTED if pair[1] != "vgg16"])
def test_every_supported_encoder_takes_its_whole_weights(net: str, encoder: str) -> None:
    """Those of the encoder as its library makes it, which may have stages that the net leaves out."""
    theirs = smp.encoders.get_encoder(encoder, weights=None).state_dict()
    made = build_net(net, encoder, 3, seed=1)
    fit_encoder(made, theirs, "a file")
    own = (made.trunk if hasattr(made, "trunk") else made).encoder.state_dict()
    same = [name for name, weight in own.items() if weight.shape == theirs[name].shape]
    assert len(same) >= len(own) - 1 and all(torch.equal(own[name], theirs[name]) for name in same)


def test_vgg_is_made_convolutional() -> None:
    with torch.device("meta"):
        vgg, made = torchvision.models.vgg16(weights=None), None
    state = {name: torch.randn(weight.shape) * 0.01 for name, weight in vgg.state_dict().items()}
    made = build_net("fcn8s", "vgg16", 3, seed=1)
    fit_encoder(made, state, "a file")
    at_pool5 = torch.randn(1, 512, 7, 7)
    wide = torch.nn.functional.linear(at_pool5.flatten(1), state["classifier.0.weight"], state["classifier.0.bias"])
    deep = torch.nn.functional.linear(wide.relu(), state["classifier.3.weight"], state["classifier.3.bias"])
    made.eval()
    assert torch.allclose(made.trunk.fc7(made.trunk.fc6(at_pool5)).flatten(1), deep.relu(), atol=1e-4)
    own = made.trunk.state_dict()
    assert torch.equal(own["features.0.weight"], state["features.0.weight"].mean(1, keepdim=True))
    assert torch.equal(own["features.28.bias"], state["features.28.bias"])


def test_what_does_not_fit_refuses(tmp_path: Path) -> None:
    made = build_net("unet", "resnet18", 3, seed=1)
    state = resnet18()
    renamed = {("layer1.0.convA.weight" if n == "layer1.0.conv1.weight" else n): w for n, w in state.items()}
    for wrong, told in [
        (renamed, "2 layers do not fit the encoder, first layer1.0.conv1.weight"),
        ({n: w for n, w in state.items() if n != "bn1.weight"}, "1 layers do not fit .*first bn1.weight"),
        ({**state, "bn1.weight": torch.zeros(3)}, "1 layers do not fit .*first bn1.weight"),
    ]:
        before = {name: weight.clone() for name, weight in made.state_dict().items()}
        with pytest.raises(ConfigError, match=told):
            fit_encoder(made, wrong, "a file")
        assert all(torch.equal(before[name], weight) for name, weight in made.state_dict().items())
    fit_encoder(made, {n: w for n, w in state.items() if not n.endswith("num_batches_tracked")}, "an old file")
    (tmp_path / "text.pth").write_text("nothing")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, told in [("text.pth", "no weights"), ("list.pth", "holds no state dict")]:
        with pytest.raises(ConfigError, match=told):
            start_encoder(made, "resnet18", str(tmp_path / name))
    with pytest.raises(ConfigError, match="no such file"):
        kept_name(str(tmp_path / "none.pth"))
    for settings in ({"net": "a.py:build"}, {"init_from": "run"}):
        with pytest.raises(ConfigError, match="encoder_weights: not for"):
            TrainConfig(encoder_weights="imagenet", **settings)


def test_without_a_network_there_is_one_line(drawn_store: Store, tmp_path: Path, monkeypatch) -> None:
    fetch = smp.encoders.get_encoder

    def no_network(name: str, *args, weights=None, **kwargs):
        if weights:
            raise ConnectionError("no route to host\nand more")
        return fetch(name, *args, weights=weights, **kwargs)

    monkeypatch.setattr(smp.encoders, "get_encoder", no_network)
    words = ["train", str(drawn_store.folder), "-o", str(tmp_path / "run"), "--encoder", "resnet18"]
    found = CliRunner().invoke(main, [*words, "--encoder-weights", "imagenet"])
    assert found.exit_code == 1 and len(found.stderr.strip().splitlines()) == 1
    assert "could not be fetched (no route to host); name a FILE" in found.stderr
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_run_keeps_name_and_hash(drawn_store: Store, tmp_path: Path) -> None:
    torch.save(resnet18(), tmp_path / "weights.pth")
    words = ["train", str(drawn_store.folder), "-o", str(tmp_path / "run"), "--encoder", "resnet18", "--crops", "0"]
    words += ["--crop", "32", "--encoder-weights", str(tmp_path / "weights.pth")]
    found = CliRunner().invoke(main, words)
    assert found.exit_code == 0, found.output
    run = read_run(tmp_path / "run")
    assert (
        run.config.encoder_weights == kept_name(str(tmp_path / "weights.pth")) and "/" not in run.config.encoder_weights
    )
    assert "weights.pth (" in found.stderr
    again = CliRunner().invoke(main, words)
    assert again.exit_code == 0 and "nothing to do" in again.stdout
    other = CliRunner().invoke(main, words[:-2])
    assert other.exit_code == 1 and "training.encoder_weights" in other.stderr
