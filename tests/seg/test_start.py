"""Where training starts: a net of one's own, and the weights of another run."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from mammomap.classify.train_head import train_head
from mammomap.cli import main
from mammomap.errors import ConfigError, LeakError
from mammomap.masks.mapfile import women_codes
from mammomap.masks.splits import Split, make_split
from mammomap.masks.store import Store
from mammomap.seg.card import card
from mammomap.seg.config import TrainConfig, own_net
from mammomap.seg.mappers import lesion_map
from mammomap.seg.nets import build_net
from mammomap.seg.run import Run, read_run
from mammomap.seg.start import first_net, start_from, women_seen_before
from mammomap.seg.train_run import train

ROOT = Path(__file__).parents[2]
SHORT = {"encoder": "resnet18", "crops": 8, "crop": 32, "batch": 4, "validate_every": 8, "seed": 2}
OWN = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "own-net.md").read_text(), re.S)


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    """The net that the docs show, as a file."""
    assert OWN is not None and 25 <= len(OWN[1].splitlines()) <= 35
    (tmp_path / "dilated.py").write_text(OWN[1])
    return tmp_path / "dilated.py"


def test_the_net_of_the_docs_goes_the_whole_way(own_file: Path, drawn_store: Store, tmp_path: Path) -> None:
    settings = TrainConfig(net=f"{own_file}:build", crops=160, crop=64, validate_every=80, seed=2)
    run, done = train(drawn_store, tmp_path / "run", settings)
    assert done and run.config.net == "net.py:build" and str(tmp_path) not in (run.folder / "config.json").read_text()
    losses = [json.loads(line)["step_loss"] for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]
    assert train(drawn_store, tmp_path / "run", settings)[1] is False
    own_file.write_text(own_file.read_text().replace("width: int = 16", "width: int = 8"))
    with pytest.raises(ConfigError, match="code has changed"):
        train(drawn_store, tmp_path / "run", settings)
    own_file.unlink()
    film = drawn_store.tables.films.iloc[0]
    made = lesion_map(film["path"], str(run.folder))
    assert made.lesion.shape == drawn_store[film["image_id"]].pixels.shape
    head, _ = train_head(drawn_store, read_run(run.folder), tmp_path / "head.json")
    assert 0 <= head.levels["image"].held_out_auc <= 1


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def build(classes): return 1", "gives int, wanted a torch.nn.Module"),
        ("def build(classes): return 1 / 0", "ZeroDivisionError"),
        ("build = None", "TypeError"),
        ("def other(classes): pass", "AttributeError"),
        ("import torch\ndef build(classes): return torch.nn.Conv2d(1, classes + 1, 1)", r"gives .*4, 64, 32.* wanted"),
        ("import torch\ndef build(classes): return torch.nn.Conv2d(2, classes, 1)", "fails on a film of 64x32"),
        (
            "import torch\ndef build(classes):\n n = torch.nn.Sequential(torch.nn.Conv2d(1, classes, 1))\n"
            " n.stride = 48\n return n",
            "crop 32 is no multiple of 48",
        ),
    ],
)
def test_a_net_that_is_wrong_is_refused_before_anything_is_written(
    code: str, told: str, drawn_store: Store, tmp_path: Path
) -> None:
    (tmp_path / "wrong.py").write_text(code + "\n")
    with pytest.raises(ConfigError, match=told):
        train(drawn_store, tmp_path / "run", TrainConfig(net=f"{tmp_path / 'wrong.py'}:build", crops=8, crop=32))
    assert not (tmp_path / "run").exists()


def test_names_and_files_are_told_apart() -> None:
    assert own_net("unet") is None and own_net("a.py") is None and own_net("a.py:b c") is None
    assert own_net("a/b.py:build") == (Path("a/b.py"), "build")
    assert TrainConfig().encoder == "resnet34" and TrainConfig(net="fcn8s").encoder == "vgg16"
    assert TrainConfig(net="fcn8s-light").encoder == "resnet34" and TrainConfig(net="a.py:build").encoder == ""
    for settings in ({"net": "fcn8s", "encoder": "resnet18"}, {"net": "a.py:build", "encoder": "resnet18"}):
        with pytest.raises(ConfigError, match="encoder 'resnet18'"):
            TrainConfig(**settings)


def test_settings_of_before_there_were_nets_are_a_unet_and_go_on(drawn_store: Store, tmp_path: Path) -> None:
    run, _ = train(drawn_store, tmp_path / "run", TrainConfig(**{**SHORT, "crops": 0}))
    about = json.loads((run.folder / "config.json").read_text())
    for name in ("net", "init_from"):
        del about["training"][name]
    (run.folder / "config.json").write_text(json.dumps(about))
    assert read_run(run.folder).config.net == "unet"
    assert train(drawn_store, tmp_path / "run", TrainConfig(**{**SHORT, "crops": 0}))[1] is False
    for name in ("model.safetensors", "last.ckpt"):
        (run.folder / name).unlink()
    again, done = train(drawn_store, tmp_path / "run", TrainConfig(**{**SHORT, "crops": 0}))
    assert done and again.weights_hash == run.weights_hash


def test_fcn_go_from_32_to_16_to_8_and_nothing_else_goes(drawn_store: Store, tmp_path: Path) -> None:
    told: list[str] = []
    runs: dict[str, Run] = {}
    for net, before in [("fcn32s-light", ""), ("fcn16s-light", "fcn32s-light"), ("fcn8s-light", "fcn16s-light")]:
        start = str(tmp_path / before) if before else ""
        settings = TrainConfig(**{**SHORT, "crops": 0}, net=net, init_from=start)
        runs[net], _ = train(drawn_store, tmp_path / net, settings, say=told.append)
    assert [text.partition("; ")[2] for text in told] == [
        "new layers: score_pool4, twice_fr",
        "new layers: score_pool3, twice_pool4",
    ]
    coarse, fine = (load_file(runs[net].folder / "model.safetensors") for net in ("fcn32s-light", "fcn8s-light"))
    same = [name for name in coarse if not name.startswith("last.")]
    assert all(torch.equal(coarse[name], fine[name]) for name in same)
    assert runs["fcn16s-light"].config.init_from == runs["fcn32s-light"].name
    for net, encoder, start in [
        ("fcn8s-light", "resnet18", "fcn32s-light"),
        ("fcn16s-light", "resnet18", "fcn8s-light"),
        ("unet", "resnet18", "fcn32s-light"),
        ("fcn16s-light", "mobilenet_v2", "fcn32s-light"),
    ]:
        settings = TrainConfig(**{**SHORT, "encoder": encoder, "crops": 0}, net=net, init_from=str(runs[start].folder))
        with pytest.raises(ConfigError, match="does not fit this net: .* weights differ"):
            train(drawn_store, tmp_path / "no", settings)
    assert not (tmp_path / "no").exists()


def test_the_same_net_goes_on_from_a_run_and_its_women_are_seen(drawn_store: Store, trained_run: Run, tmp_path) -> None:
    split = str(trained_run.folder / "split.csv")
    settings = {**trained_run.config.json(), "crops": 0, "split": split, "init_from": str(trained_run.folder)}
    told: list[str] = []
    run, _ = train(drawn_store, tmp_path / "run", TrainConfig.from_json(settings), say=told.append)
    assert told == [f"weights of {trained_run.name}; new layers: none"]
    assert run.weights_hash == trained_run.weights_hash and run.women_codes == trained_run.women_codes
    assert f"having started from {trained_run.name}" in card(run, None, "")
    with pytest.raises(ConfigError, match="training.init_from"):
        train(drawn_store, tmp_path / "run", TrainConfig.from_json({**settings, "init_from": ""}))


@pytest.mark.parametrize(("net_name", "half"), [("unet", False), ("unet", True), ("fcn8s-light", False)])
def test_a_run_for_other_classes_gives_those_that_both_have(
    net_name: str, half: bool, trained_run: Run, tmp_path: Path
) -> None:
    """Also where its weights are kept in half precision, as those of a bundle may be."""
    five = build_net(net_name, "resnet18", 5, 7)
    five = five.half() if half else five
    save_file({k: v.contiguous() for k, v in five.state_dict().items()}, tmp_path / "model.safetensors")
    five = five.float()
    start = replace(trained_run, folder=tmp_path, classes=(0, 1, 2, 3, 4))
    net = build_net(net_name, "resnet18", 3, 8)
    assert start_from(net, start, (0, 3, 4)) == []
    image = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        theirs, ours = five.eval()(image), net.eval()(image)
    assert torch.allclose(ours, theirs[:, [0, 3, 4]], atol=1e-5)
    told: list[str] = []
    save_file({k: v.contiguous() for k, v in net.state_dict().items()}, tmp_path / "model.safetensors")
    settings = TrainConfig(net=net_name, encoder="resnet18", crop=64, seed=9)
    back = first_net(settings, (0, 1, 2, 3, 4), replace(start, classes=(0, 3, 4)), told.append)
    assert "new layers: benign calcification, malignant calcification" in told[0]
    with torch.inference_mode():
        assert torch.allclose(back.eval()(image)[:, [0, 3, 4]], ours, atol=1e-5)


def test_as_many_other_classes_are_refused(trained_run: Run) -> None:
    settings = TrainConfig(net="unet", encoder="resnet18", crop=64)
    with pytest.raises(ConfigError, match=r"trained for the classes \(0, 3, 4\), here they are \(0, 1, 2\)"):
        first_net(settings, (0, 1, 2), trained_run, print)


@pytest.mark.parametrize(
    ("mine", "theirs", "leak"),
    [("net", "test", True), ("validation", "head", True), ("net", "validation", True), ("validation", "net", False)],
)
def test_women_seen_before_are_not_tested(trained_run: Run, mine: str, theirs: str, leak: bool, tmp_path: Path) -> None:
    woman = min(trained_run.split.women(mine))
    split = Split("another", {**trained_run.split.part_of, woman: theirs})
    if leak:
        with pytest.raises(LeakError, match=f"1 women of the part .*{theirs}.*first {woman}"):
            women_seen_before(trained_run, split, trained_run.source)
    else:
        assert women_seen_before(trained_run, split, trained_run.source) == trained_run.women_codes
    about = json.loads((trained_run.folder / "config.json").read_text())
    shutil.copytree(trained_run.folder, tmp_path / "untrained")
    about["training"]["crops"] = 0
    (tmp_path / "untrained" / "config.json").write_text(json.dumps(about))
    assert women_seen_before(read_run(tmp_path / "untrained"), split, trained_run.source) == []


def test_drawn_women_are_nobody_elsewhere(drawn_store: Store, trained_run: Run, tmp_path: Path) -> None:
    """A run on phantoms may be gone on with on films whose women have the same names, and stays known as such."""
    drawn = tmp_path / "drawn"
    shutil.copytree(trained_run.folder, drawn)
    about = json.loads((drawn / "config.json").read_text())
    (drawn / "config.json").write_text(json.dumps({**about, "source": "phantom seed 3"}))
    deal = make_split(drawn_store.tables, "random", 8)
    deal.write(tmp_path / "split.csv")
    names = trained_run.split.women("net", "validation")
    assert deal.women("test") & names, "a case that does not try the rule"
    settings = {**trained_run.config.json(), "crops": 8, "batch": 4, "split": str(tmp_path / "split.csv")}
    with pytest.raises(LeakError):
        first = TrainConfig.from_json({**settings, "init_from": str(trained_run.folder)})
        train(drawn_store, tmp_path / "refused", first)
    run, _ = train(drawn_store, tmp_path / "run", TrainConfig.from_json({**settings, "init_from": str(drawn)}))
    theirs = women_codes(names, "phantom seed 3")
    assert set(run.women_codes) == {*women_codes(deal.women("net", "validation")), *theirs}
    assert run.chosen_codes == set(women_codes(deal.women("validation")))
    assert not set(theirs) & set(women_codes(names))
    assert not set(theirs) & set(women_codes(names, "phantom seed 4"))
    said = f"Trained on {len(deal.women('net'))} women and chosen on {len(deal.women('validation'))} others, having "
    said += f"started from {run.config.init_from}, which had seen {len(theirs)} others;"
    assert said in card(run, None, "")


def test_train_says_which_net_is_not_tested(drawn_store: Store, tmp_path: Path) -> None:
    words = ["train", str(drawn_store.folder), "-o", str(tmp_path / "run"), "--net", "linknet"]
    words += ["--encoder", "mobilenet_v2", "--crops", "0", "--crop", "32"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert done.stderr.count("warning: net 'linknet' with encoder 'mobilenet_v2' is not among those") == 1
