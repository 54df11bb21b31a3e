"""groupnl.inference.workshop: each way's engine computes the network; files are made once."""

from pathlib import Path

import pytest
import torch
from support.networks import with_lively_norms
from support.tiny import INPUT

from groupnl.errors import RewriteError
from groupnl.inference import workshop as engines
from groupnl.inference.engines import aot, onnx_export
from groupnl.inference.engines import package as package_maker
from groupnl.inference.ways import REFERENCE, parse_way
from groupnl.inference.workshop import Workshop
from groupnl_studies.harness.random_network import identity, pictures, random_network, usual_input

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
TINY = "test_gnl_efficientnet"


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return with_lively_norms(TINY)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "cache", INPUT, CPU, 1)


@pytest.mark.parametrize("name", ["eager-float32", "onnx-float32", "published-onnx-float32", "published-eager-float32"])
def test_every_way_computes_the_network(name: str, network: torch.nn.Module, workshop: Workshop) -> None:
    before = {key: value.clone() for key, value in network.state_dict().items()}
    pixels = pictures(3, INPUT.size)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (INPUT.mean, INPUT.std))
    with torch.no_grad():
        expected = network((pixels / 255 - mean) / std)
    logits = workshop.engine(parse_way(name), network, "weights")(pixels)
    assert (logits - expected).norm() / expected.norm() < 1e-5
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert all(value.is_contiguous() for value in network.state_dict().values())


def test_files_are_made_once_for_the_same_weights(
    network: torch.nn.Module, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    usual = onnx_export.export_onnx

    def counting(graph: torch.fx.GraphModule, *args: object, **options: object) -> None:
        made.append(options["sine"])
        usual(graph, *args, **options)

    monkeypatch.setattr(onnx_export, "export_onnx", counting)
    way = parse_way("onnx-float32")
    pixels = pictures(1, INPUT.size)
    first, again = (workshop.engine(way, network, "weights")(pixels) for _ in range(2))
    assert made == ["convolutions"]
    assert torch.equal(first, again)
    workshop.engine(way, network, "other weights")
    assert len(made) == 2
    monkeypatch.setattr(engines, "source_digest", lambda: "other code")
    workshop.engine(way, network, "weights")
    assert len(made) == 3
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_what_could_not_be_made_leaves_nothing(
    network: torch.nn.Module, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(model: object, config: object, device: object, precision: object, folder: Path) -> None:
        (folder / "engine.pt2").write_bytes(b"half")
        raise RewriteError("no compiler")

    monkeypatch.setattr(package_maker, "compile_package", failing)
    with pytest.raises(RewriteError, match="no compiler"):
        workshop.engine(parse_way("aot-float32"), network, "weights")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("has_kernel", [True, False])
def test_a_packages_kernel_is_used_where_it_has_one(
    has_kernel: bool, network: torch.nn.Module, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiled(model: object, config: object, device: object, precision: object, folder: Path) -> None:
        (folder / aot.PACKAGE_FILE).write_bytes(b"package")
        if has_kernel:
            (folder / aot.native.VARIANTS[0].library_file).write_bytes(b"kernel")

    monkeypatch.setattr(package_maker, "compile_package", compiled)
    monkeypatch.setattr(aot, "PackageEngine", lambda package, kernel, *_, **options: (package, kernel))
    for _ in range(2):
        package, kernel = workshop.engine(parse_way("aot-bfloat16"), network, "weights")
        assert package.read_bytes() == b"package"
        assert (None if kernel is None else kernel.read_bytes()) == (b"kernel" if has_kernel else None)


def test_the_digest_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "groupnl"
    (home / "inference").mkdir(parents=True)
    monkeypatch.setattr(engines.groupnl, "__file__", str(home / "__init__.py"))
    seen = [engines.source_digest()]
    for name, text in (("a.py", "1"), ("a.py", "2"), ("k.cpp", "1"), ("notes.txt", "1")):
        (home / "inference" / name).write_text(text)
        seen.append(engines.source_digest())
    assert len(set(seen)) == 4
    assert seen[-1] == seen[-2]


def test_the_identity_tells_architectures_and_weights_apart() -> None:
    config = usual_input(32)
    network, other = random_network(TINY, config, 10), random_network("test_efficientnet", config, 10)
    seen = [identity(TINY, network), identity(TINY, other), identity("test_efficientnet", other)]
    assert identity(TINY, random_network(TINY, config, 10)) == seen[0]
    with torch.no_grad():
        next(network.parameters()).view(-1)[0].add_(1e-3)
    seen.append(identity(TINY, network))
    assert len(set(seen)) == 4


def test_every_branch_of_a_random_resnet_adds_something() -> None:
    network = random_network("test_resnet", usual_input(32), classes=10)
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms
    assert all(module.weight.any() for module in norms)
    assert all((module.running_var > 0).all() for module in norms)


def test_random_networks_are_the_same_each_time_and_have_usual_activations() -> None:
    config = usual_input(64)
    state = torch.random.get_rng_state()
    first, again = (random_network(TINY, config, classes=10) for _ in range(2))
    assert torch.equal(state, torch.random.get_rng_state())
    for key, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
    assert not first.training
    seen: list[float] = []
    for module in first.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(lambda module, args, output: seen.append(float(args[0].std())))
    workshop = Workshop(Path("unused"), config, CPU, 1)
    before = workshop.engine(REFERENCE, first, "weights")(pictures(2, 64))
    assert before.isfinite().all()
    with torch.no_grad():
        first(pictures(2, 64) / 128 - 1)
    assert min(seen) > 1e-3
