"""Both checkpoint formats are read; whatever does not fit is refused with a sentence that names it."""

import argparse
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file, save_model
from torch import nn

from groupnl.base.files import sha256_of
from groupnl.card import InputConfig, ModelCard
from groupnl.errors import CheckpointError
from groupnl.models import TINY, build_model, load_checkpoint, save_checkpoint
from groupnl.models.checkpoint import HEADER_KEY

CARD = ModelCard(
    architecture=TINY.name,
    classes=("cat", "dog", "goat"),
    input=InputConfig(size=32, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), crop_pct=1, interpolation="bicubic"),
)
NAMESPACE = argparse.Namespace(model=TINY.name, lr=0.1)


@pytest.fixture
def weights():
    torch.manual_seed(0)
    return timm.create_model(TINY.name, num_classes=3).state_dict()


def published(path: Path, **content) -> Path:
    torch.save({"epoch": 3, "arch": TINY.name, "args": NAMESPACE, "version": 2, "metric": 71.5} | content, path)
    return path


def same(left, right) -> bool:
    return list(left) == list(right) and all(torch.equal(left[key], right[key]) for key in left)


def test_own_format_round_trip(tmp_path, weights):
    path = tmp_path / "tiny.safetensors"
    digest = save_checkpoint(path, weights, CARD)
    loaded = load_checkpoint(path)
    assert loaded.card == CARD
    assert loaded.architecture == TINY.name
    assert {key: tensor.shape for key, tensor in loaded.state_dict.items()} == {k: t.shape for k, t in weights.items()}
    assert all(torch.equal(loaded.state_dict[key], weights[key]) for key in weights)
    assert digest == sha256_of(path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o644


def test_same_weights_give_the_same_bytes(tmp_path, weights):
    digests = {save_checkpoint(tmp_path / f"{index}.safetensors", weights, CARD) for index in range(2)}
    assert len(digests) == 1


def test_any_length_of_header_is_read(tmp_path, weights):
    """The length stands first in the file, and 128 looks like a pickle: lengths are multiples of eight."""
    small = {"fc.weight": weights["classifier.weight"]}
    starts = set()
    for extra in range(1, 260, 8):
        path = tmp_path / "tiny.safetensors"
        save_checkpoint(path, small, CARD.model_copy(update={"classes": ("cat", "dog", "g" * extra)}))
        starts.add(path.read_bytes()[0])
        assert load_checkpoint(path).card is not None
    assert 0x80 in starts


@pytest.mark.parametrize("prefix", ["", "module."])
def test_published_format(tmp_path, weights, prefix):
    path = published(tmp_path / "last.pth.tar", state_dict={prefix + key: tensor for key, tensor in weights.items()})
    loaded = load_checkpoint(path)
    assert loaded.card is None
    assert loaded.architecture == TINY.name
    assert same(loaded.state_dict, weights)


def test_published_ema_weights_are_taken_unless_declined(tmp_path, weights):
    averaged = {key: tensor + 1 for key, tensor in weights.items()}
    path = published(tmp_path / "last.pth.tar", state_dict=weights, state_dict_ema=averaged)
    assert same(load_checkpoint(path).state_dict, averaged)
    assert same(load_checkpoint(path, ema=False).state_dict, weights)


def test_architecture_comes_from_the_arguments_when_the_file_names_none(tmp_path, weights):
    assert load_checkpoint(published(tmp_path / "x", state_dict=weights, arch=None)).architecture == TINY.name


def test_what_the_published_script_was_told_is_kept(tmp_path, weights):
    assert load_checkpoint(published(tmp_path / "last.pth.tar", state_dict=weights)).arguments == vars(NAMESPACE)
    assert load_checkpoint(published(tmp_path / "bare.pth.tar", state_dict=weights, args=None)).arguments == {}


def test_the_published_format_may_carry_a_card(tmp_path, weights):
    path = published(tmp_path / "last.pth.tar", state_dict=weights, **{HEADER_KEY: CARD.model_dump_json()})
    assert load_checkpoint(path).card == CARD
    for text in ("{}", 5):
        with pytest.raises(CheckpointError, match=r"last\.pth\.tar has an unusable model card"):
            load_checkpoint(published(path, state_dict=weights, **{HEADER_KEY: text}))


def test_published_file_without_weights_is_refused(tmp_path):
    with pytest.raises(
        CheckpointError, match=r"holds no weights: save the network.s state dict; its keys are epoch, arch, args"
    ):
        load_checkpoint(published(tmp_path / "empty.pth.tar"))


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing\.safetensors does not exist"):
        load_checkpoint(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("kind", ["safetensors", "pickle"])
def test_bare_weights_are_read(tmp_path, weights, kind):
    path = tmp_path / "bare"
    save_file(weights, path) if kind == "safetensors" else torch.save(weights, path)
    loaded = load_checkpoint(path)
    assert (loaded.card, loaded.architecture) == (None, None)
    found = loaded.weights_of(TINY.name)
    assert all(torch.equal(found[key], weights[key]) for key in weights)
    with pytest.raises(CheckpointError, match="does not name its architecture; give --architecture"):
        _ = loaded.state_dict


def test_unusable_card_is_refused(tmp_path, weights):
    save_file(weights, tmp_path / "bad.safetensors", metadata={HEADER_KEY: '{"architecture": "x"}'})
    with pytest.raises(CheckpointError, match=r"bad\.safetensors has an unusable model card"):
        load_checkpoint(tmp_path / "bad.safetensors")


def test_truncated_safetensors_are_refused(tmp_path, weights):
    path = tmp_path / "cut.safetensors"
    save_checkpoint(path, weights, CARD)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"cut\.safetensors is damaged or cut short: fetch or save it again"):
        load_checkpoint(path)


def test_build_model_gives_the_network_of_the_weights(weights):
    network = build_model(TINY.name, 3, weights)
    assert not network.training
    assert same(network.state_dict(), weights)


def test_unknown_architecture_is_refused(weights):
    with pytest.raises(CheckpointError, match=r"'resnet_50' is unknown.*efficientnet_gnl_es"):
        build_model("resnet_50", 3, weights)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor.to(torch.complex64),
        lambda tensor: tensor.to(torch.int32),
        lambda tensor: tensor.to_sparse(),
        lambda tensor: tensor.to("meta"),
    ],
    ids=["complex", "integer", "sparse", "meta"],
)
def test_tensors_of_another_kind_are_refused(weights, change):
    weights["conv_stem.weight"] = change(weights["conv_stem.weight"])
    with pytest.raises(CheckpointError, match=r"conv_stem\.weight is torch\..* where torch\.float32 is wanted"):
        build_model(TINY.name, 3, weights)


def test_half_precision_weights_are_read(weights):
    network = build_model(
        TINY.name,
        3,
        {key: tensor.half() for key, tensor in weights.items() if "num_b" not in key}
        | {key: tensor for key, tensor in weights.items() if "num_b" in key},
    )
    assert network.state_dict()["conv_stem.weight"].dtype == torch.float32


@pytest.mark.parametrize("averaged", [torch.zeros(3), {}, None], ids=["tensor", "empty", "none"])
def test_ema_weights_that_are_none_are_passed_over(tmp_path, weights, averaged):
    path = published(tmp_path / "last.pth.tar", state_dict=weights, state_dict_ema=averaged)
    assert same(load_checkpoint(path).state_dict, weights)


def test_weights_of_eight_bits_are_read(weights):
    eight = {
        key: tensor.to(torch.float8_e4m3fn) if tensor.is_floating_point() else tensor for key, tensor in weights.items()
    }
    found = build_model(TINY.name, 3, eight).state_dict()["conv_stem.weight"]
    assert torch.equal(found, eight["conv_stem.weight"].float())


def test_numbers_that_float32_does_not_hold_are_refused(weights):
    weights["conv_stem.weight"] = weights["conv_stem.weight"].double() + 1e300
    with pytest.raises(CheckpointError, match=r"not finite in 1 tensors \(conv_stem\.weight\)"):
        build_model(TINY.name, 3, weights)


def test_keys_that_are_missing_or_unexpected_are_named(weights):
    keys = list(weights)[:7]
    renamed = {("old." + key if key in keys else key): tensor for key, tensor in weights.items()}
    with pytest.raises(CheckpointError, match=rf"6 keys are missing \({keys[0]}.*1 more\); 6 are unexpected \(old\."):
        build_model(TINY.name, 3, renamed)


def test_counters_of_training_steps_may_be_missing(weights):
    old = {key: tensor for key, tensor in weights.items() if not key.endswith("num_batches_tracked")}
    assert len(old) < len(weights)
    assert same(build_model(TINY.name, 3, old).state_dict(), weights)


@pytest.mark.parametrize(
    "change", [lambda tensor: tensor.half(), lambda tensor: tensor + float("inf"), lambda tensor: tensor.reshape(1)]
)
def test_counters_of_another_kind_are_passed_over(weights, change):
    """As scripts leave them that halve or average all tensors alike."""
    changed = {
        key: change(tensor) if key.endswith("num_batches_tracked") else tensor for key, tensor in weights.items()
    }
    assert same(build_model(TINY.name, 3, changed).state_dict(), weights)


def test_a_tensor_under_two_names_is_stored_and_read(tmp_path, weights):
    name, tensor = next(iter(weights.items()))
    path = tmp_path / "tied.safetensors"
    save_checkpoint(path, weights | {"again": tensor, "part": tensor[:1]}, CARD)
    found = load_checkpoint(path).groups[""]
    assert torch.equal(found["again"], weights[name])
    assert torch.equal(found["part"], weights[name][:1])


def test_names_that_safetensors_left_out_are_read(tmp_path):
    """Its `save_model` writes one of the names, and tells in the header which the others were."""
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[1].weight = network[0].weight
    save_model(network, str(tmp_path / "tied.safetensors"))
    found = load_checkpoint(tmp_path / "tied.safetensors").groups[""]
    assert found.keys() == network.state_dict().keys()
    assert torch.equal(found["1.weight"], network[0].weight)


def test_another_number_of_classes_is_refused(weights):
    with pytest.raises(CheckpointError, match="weights are of 3 classes, 5 class names were given"):
        build_model(TINY.name, 5, weights)


def test_another_shape_is_refused(weights):
    weights["conv_stem.weight"] = torch.zeros(3)
    with pytest.raises(CheckpointError, match=r"conv_stem\.weight is \(3,\) instead of"):
        build_model(TINY.name, 3, weights)


def test_weights_that_are_not_finite_are_refused(weights):
    weights["conv_stem.weight"][0, 0, 0, 0] = float("nan")
    with pytest.raises(CheckpointError, match=r"not finite in 1 tensors \(conv_stem\.weight\)"):
        build_model(TINY.name, 3, weights)


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(ValueError, match="'crane' stands twice"):
        ModelCard(architecture="x", classes=("crane", "goat", "crane"), input=CARD.input)
