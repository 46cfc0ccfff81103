"""Shen et al. 2019 rebuilt: its sizes, which patches there are, top layers, stages, and what padding changes."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
from torch.nn.functional import cross_entropy

from mammomap.classify.image_config import ImageConfig
from mammomap.classify.image_films import together
from mammomap.classify.image_mapper import ImageMapper
from mammomap.classify.image_run import build_image_net, train_image
from mammomap.classify.patch_to_image import PatchToImage, Residual, _inside, _mean, top_layers
from mammomap.classify.patches import EACH, PatchSampler, background_patches, lesion_patches
from mammomap.errors import ConfigError
from mammomap.masks.grid import Grid
from mammomap.masks.intensity import IntensitySettings
from mammomap.masks.store import Store
from mammomap.masks.working import WorkingFilm

SMALL = {"net": "patch-to-image", "encoder": "resnet18", "top": "16-16-32", "patch": 32}
FIVE = ("calcification", "mass")


def net_of(**settings) -> PatchToImage:
    net = build_image_net(ImageConfig(**{**SMALL, **settings}), FIVE)
    assert isinstance(net, PatchToImage)
    return net.eval()


@pytest.mark.parametrize("encoder", ["resnet18", "vgg16"])
def test_a_film_of_1152_x_896_has_36_x_28_places(encoder: str) -> None:
    net = net_of(encoder=encoder)
    with torch.inference_mode():
        logits, places = net(torch.zeros(1, 1, 1152, 896))
        assert logits.shape == (1, 2) and places.shape == (1, 36, 28)
        assert net(torch.zeros(1, 1, 100, 65))[1].shape == (1, 4, 3)
        assert net(torch.zeros(3, 1, 32, 32), patches=True).shape == (3, 5)


def test_the_papers_top_layers() -> None:
    """Two bottleneck blocks on a ResNet's 2048 features, one VGG block on 512: weights of convolutions by hand."""
    top, width = top_layers("512-512-1024,512-512-1024", 2048)
    convolutions = sum(m.weight.numel() for m in top.modules() if isinstance(m, torch.nn.Conv2d))
    first = 2048 * 512 + 9 * 512 * 512 + 512 * 1024 + 2048 * 1024
    second = 1024 * 512 + 9 * 512 * 512 + 512 * 1024 + 1024 * 1024
    assert width == 1024 and convolutions == first + second and len(top) == 2
    top, width = top_layers("512", 512)
    assert width == 512 and top(torch.zeros(1, 512, 7, 6)).shape == (1, 512, 4, 3)
    assert Residual(8, 4, 4, 16)(torch.zeros(1, 8, 7, 6)).shape == (1, 16, 4, 3)
    for wrong in ("", "512-512", "a-b-c", "512,", "0"):
        with pytest.raises(ConfigError, match="wanted blocks as"):
            top_layers(wrong, 8)


def test_pooling_is_over_a_films_own_places() -> None:
    """Two films of 96 x 64 and 64 x 96 pixels in a batch padded to 96 x 96: 3 x 2 and 2 x 3 places each."""
    made = torch.arange(2 * 9, dtype=torch.float32).reshape(2, 1, 3, 3)
    inside = _inside(made, torch.tensor([[96, 64], [64, 96]]), 32)
    assert _mean(made, inside)[:, 0].tolist() == [np.mean([0, 1, 3, 4, 6, 7]), np.mean([9, 10, 11, 12, 13, 14])]
    assert _inside(made, torch.tensor([[65, 33], [1, 96]]), 32).sum((1, 2, 3)).tolist() == [6, 3]
    for heatmap in (False, True):
        net = net_of(heatmap=heatmap)
        film = torch.rand(1, 1, 96, 64)
        with torch.inference_mode():
            assert torch.equal(net(film)[0], net(film, torch.tensor([[96, 64]]))[0])
            assert not torch.equal(net(film)[0], net(film, torch.tensor([[64, 64]]))[0]) or not heatmap


def test_padding_changes_what_a_film_is_said_to_be_by_little_and_only_in_a_batch() -> None:
    """Beside a film of its size a film has the logits that it has alone; beside a wider one the share of malignant
    moves by 0.004 to 0.037 in nets of six seeds, since convolutions see the padding."""
    rng = np.random.default_rng(0)
    film, same, wider = (rng.random((96, cols)).astype(np.float32) for cols in (64, 64, 160))
    for seed in range(6):
        net = net_of(seed=seed)
        with torch.inference_mode():
            alone, beside_same, beside_wider = (
                net(images, sizes)[0].softmax(1)[0, 1].item()
                for images, _, sizes in (
                    together([(one, False) for one in [film, *more]], net.least) for more in ([], [same], [wider])
                )
            )
        assert beside_same == pytest.approx(alone, abs=1e-5)
        assert 0.001 < abs(beside_wider - alone) < 0.05


def test_the_heatmap_is_asked_only_where_it_is_kept() -> None:
    for heatmap in (False, True):
        net = net_of(heatmap=heatmap)
        net(torch.rand(1, 1, 96, 64))[0].sum().backward()
        grad = net.patch_head.weight.grad
        assert (grad is not None and bool(grad.abs().max() > 0)) == heatmap


def test_malignancy_of_places_is_that_of_patches() -> None:
    """On one place, 32 pixels, the map is the softmax of the patch's logits in the malignant classes."""
    net = net_of()
    patch = torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        wanted = net(patch, patches=True).softmax(1)[0, [2, 4]].sum()
        assert float(net(patch)[1][0, 0, 0]) == pytest.approx(float(wanted), abs=1e-6)


def shown(seed: int = 0) -> np.ndarray:
    target = np.zeros((200, 150), np.uint8)
    target[40:60, 30:55] = 4
    target[120:190, 60:140] = 1  # larger than a patch
    target[5:9, 100:104] = 255
    return target


def test_patches_of_lesions_overlap_them_and_those_of_background_meet_none() -> None:
    target, side = shown(), 48
    made = lesion_patches(target, (0, 1, 2, 3, 4), side, np.random.default_rng(0))
    assert len(made) == 2 * EACH and {code for _, _, code in made} == {1, 4}
    padded = np.pad(target, side)
    for top, left, code in made:
        inside = padded[top + side : top + 2 * side, left + side : left + 2 * side] == code
        assert inside.sum() >= 0.9 * min((target == code).sum(), side * side)
    assert len({place[:2] for place in made}) > EACH
    breast = np.ones(target.shape, bool)
    breast[:, 120:] = False
    found = background_patches(target, breast, side, np.random.default_rng(0))
    assert len(found) == EACH
    for top, left, code in found:
        assert code == 0 and not padded[top + side : top + 2 * side, left + side : left + 2 * side].any()
        assert breast[top + side // 2, left + side // 2]
    assert background_patches(np.ones((60, 60), np.uint8), np.ones((60, 60), bool), 32, np.random.default_rng(0)) == []


def sampler(store: Store, seed: int = 1) -> PatchSampler:
    films = list(store.films["image_id"])[:30]
    return PatchSampler(store, films, (0, 3, 4), IntensitySettings(), batch=8, side=32, seed=seed)


def test_patch_n_is_always_the_same_and_half_are_background(drawn_store: Store) -> None:
    one, same, other = sampler(drawn_store), sampler(drawn_store), sampler(drawn_store, 2)
    whole = next(one.batches(2, 3, range(1), 1))[0]
    parts = next(same.batches(2, 3, range(2), 2))
    assert torch.equal(whole[0], torch.cat([part[0] for part in parts]))
    assert not np.array_equal(one.patch(5)[0], other.patch(5)[0])
    channels = [one.patch(number)[1] for number in range(200)]
    assert 70 < channels.count(0) < 130 and set(channels) == {0, 1, 2}
    with ThreadPoolExecutor(4) as threads:  # the loop draws ahead while others are looked at
        drawn = list(threads.map(one.patch, range(200)))
    assert all(np.array_equal(image, same.patch(number)[0]) for number, (image, _) in enumerate(drawn))
    with pytest.raises(ConfigError, match="none to learn from"):
        PatchSampler(drawn_store, [], (0, 3, 4), IntensitySettings(), batch=8, side=32, seed=1)


def test_it_learns_one_batch_of_patches_and_one_of_films_by_heart(drawn_store: Store) -> None:
    images, channels = sampler(drawn_store).together(range(16))
    net = build_image_net(ImageConfig(**SMALL), ("mass",)).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    rng = np.random.default_rng(1)
    films, labels, sizes = together([(rng.random((96, 70)).astype(np.float32), bool(k % 2)) for k in range(6)], 64)
    for batch, wanted in (((images,), channels), ((films, sizes), labels)):
        for _ in range(40):
            optimiser.zero_grad()
            made = net(*batch, patches=True) if len(batch) == 1 else net(*batch)[0]
            loss = cross_entropy(made, wanted)
            loss.backward()
            optimiser.step()
        assert float(loss.detach()) < 0.1


SHORT = {**SMALL, "patches": 32, "films": 8, "patch_batch": 8, "batch": 4, "validations": 2, "precision": "32-true"}


def test_stages_learn_what_they_say_and_a_stopped_run_ends_as_an_undisturbed_one(
    drawn_store: Store, tmp_path: Path
) -> None:
    config = ImageConfig(**SHORT, seed=3)
    assert config.stages == [("patch", "all", 1e-3), ("image", "top", 1e-3), ("image", "all", 1e-4)]

    class Stop(Exception):
        pass

    counted = iter(range(100))

    def stopping(steps, **_):
        for step in steps:
            if next(counted) == 5:
                raise Stop
            yield step

    whole, _ = train_image(drawn_store, tmp_path / "whole", config)
    with pytest.raises(Stop):
        train_image(drawn_store, tmp_path / "parts", config, progress=stopping)
    parts, _ = train_image(drawn_store, tmp_path / "parts", config)
    assert parts.weights_hash == whole.weights_hash

    from safetensors.torch import load_file

    first, second = (load_file(whole.folder / "stages" / str(k) / "model.safetensors") for k in (1, 2))
    last = load_file(whole.folder / "model.safetensors")
    weight = "encoder.conv1.weight"
    assert torch.equal(first[weight], second[weight]) and not torch.equal(second[weight], last[weight])
    assert not torch.equal(first["image_head.weight"], second["image_head.weight"])
    logs = [json.loads((whole.folder / at / "log.jsonl").read_text().splitlines()[-1]) for at in ("stages/1", ".")]
    assert 0 <= logs[0]["validation"]["accuracy"] <= 1 and 0 <= logs[1]["validation"]["image_auc"] <= 1
    made = ImageMapper(whole)(
        WorkingFilm(np.full((96, 70), 9000, np.uint16) + np.arange(70, dtype=np.uint16), Grid.whole(96, 70))
    )
    assert made.score is not None and made.malignancy.shape == (96, 70) and len(np.unique(made.malignancy)) <= 9


@pytest.mark.parametrize(
    ("encoder", "last", "first"),
    [("resnet18", 2, "layer4.1.conv1"), ("resnet50", 38, "layer2.1.conv1"), ("vgg16", 6, "features.17")],
)
def test_the_last_convolutions_are_a_group_of_layers(encoder: str, last: int, first: str) -> None:
    net = net_of(encoder=encoder)
    learned = {id(weight) for layer in net.learned_in(f"last-{last}") for weight in layer.parameters()}
    names = [name for name, weight in net.named_parameters() if id(weight) in learned]
    assert names[0] == f"encoder.{first}.weight" and names[-1] == "patch_head.bias"
    assert sum(weight.ndim == 4 for name, weight in net.named_parameters() if name in names) == last + 1
    whole = {id(weight) for layer in net.learned_in("last-999") for weight in layer.parameters()}
    assert len(whole) == len([*net.encoder.parameters(), *net.patch_head.parameters()])


def test_it_starts_from_weights_of_a_file(drawn_store: Store, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    source = smp.encoders.get_encoder("resnet18", in_channels=3, weights=None).state_dict()
    save_file(source, tmp_path / "start.safetensors")
    start = {"encoder_weights": str(tmp_path / "start.safetensors"), "patch_stages": [["head", 1e-3]]}
    config = ImageConfig(**SHORT, **start, seed=3)
    run, _ = train_image(drawn_store, tmp_path / "run", config)
    assert run.config.encoder_weights.startswith("start.safetensors (") and str(tmp_path) not in str(run.config)
    kept = load_file(run.folder / "stages" / "1" / "model.safetensors")
    assert torch.allclose(kept["encoder.conv1.weight"], source["conv1.weight"].mean(1, keepdim=True))
    assert torch.equal(kept["encoder.layer1.0.conv1.weight"], source["layer1.0.conv1.weight"])
    assert not train_image(drawn_store, tmp_path / "run", config)[1]
    with pytest.raises(ConfigError, match="no such file"):
        train_image(drawn_store, tmp_path / "no", ImageConfig(**SHORT, encoder_weights="missing.pt"))


def test_settings_are_checked() -> None:
    paper = ImageConfig(
        net="patch-to-image",
        patch_stages=[["head", 1e-3], ["last-38", 1e-4], ["all", 1e-5]],
        image_stages=[["top", 1e-4], ["all", 1e-5]],
    )
    assert paper.encoder == "resnet50" and ImageConfig.from_json(json.loads(json.dumps(paper.json()))) == paper
    assert len(paper.stages) == 5 and paper.loop("patch", 1e-5).steps == 500
    for wrong, told in [
        ({"encoder": "resnet18"}, "are for patch-to-image"),
        ({"net": "patch-to-image", "image_stages": [["head", 1e-3]]}, "image_stages: 'head'"),
        ({"net": "patch-to-image", "patch": 100}, "multiple of 32"),
        ({"image_stages": [["top", 1e-3]]}, "image_stages: 'top'"),
        ({"image_stages": "all"}, "wanted pairs"),
        ({"net": "patch-to-image", "patch_stages": [["last-0", 1e-3]]}, "patch_stages: 'last-0'"),
        ({"encoder_weights": "imagenet"}, "are for patch-to-image"),
    ]:
        with pytest.raises(ConfigError, match=told):
            ImageConfig(**wrong)
    with pytest.raises(ConfigError, match="encoder 'nothing'"):
        net_of(encoder="nothing")
