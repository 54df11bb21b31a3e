"""Two processes train as one does, and go on after a kill."""

import os
from pathlib import Path

import pytest
import timm
import torch
from support import torchrun
from support.folder_holder import held
from support.norm_free import NAME as NORM_FREE
from support.training_runs import PLAIN, settings, words_of
from support.waiting import until
from torch import distributed, multiprocessing
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

from groupnl.errors import ConfigError
from groupnl.models import TINY, load_checkpoint
from groupnl.models.traffic import traffic_of
from groupnl.training.curves_command import read_log
from groupnl.training.distributed import World, joined
from groupnl.training.log import FILE as LOG
from groupnl.training.sources import Folders
from groupnl.training.state import FILE as STATE
from groupnl.training.trainer import Trainer

pytestmark = pytest.mark.slow

MEASURED = (TINY.name, TINY.twin, "gnl_resnet50", "resnet50")
CPU = torch.device("cpu")


def test_two_processes_take_the_steps_of_one(data, tmp_path):
    """The mean of two halves' gradients is the whole batch's, where no norm looks at the other images of a batch."""
    plain = PLAIN | {"model": NORM_FREE, "opt": "sgd", "lr": 0.05, "dist_bn": "broadcast"}
    both = settings(data, tmp_path / "both", batch_size=12, **plain)
    printed = torchrun.finish(torchrun.start("train", *words_of(both), module="support.norm_free"))
    assert "2 processes, the first on cpu, float32, 24 images a step" in printed
    alone = Trainer(settings(data, tmp_path / "alone", batch_size=24, **plain))
    alone.run()
    logs = [read_log(config.run_folder / LOG) for config in (both, alone.config)]
    assert logs[0]["loss"] == pytest.approx(logs[1]["loss"], abs=2e-4)  # four digits are logged
    assert logs[0]["test"] == logs[1]["test"]
    loaded = load_checkpoint(both.checkpoint)
    assert loaded.card.training.command.startswith("torchrun --nproc-per-node=2 -m groupnl.cli train --data")
    assert loaded.card.training.accuracy["test"] == alone.measure()["test"]
    for name, weight in alone.weights().items():
        torch.testing.assert_close(loaded.state_dict[name], weight, rtol=1e-4, atol=1e-5)


def test_killed_processes_go_on_as_if_unbroken(data, tmp_path):
    """Three, since the sum of two gradients is the same in any order."""
    whole, killed = (settings(data, tmp_path / name, epochs=8, batch_size=4) for name in ("whole", "killed"))
    torchrun.finish(torchrun.start_forked("train", *words_of(whole), processes=3))
    processes = torchrun.start_forked("train", *words_of(killed), processes=3)
    until((killed.run_folder / STATE).exists, torchrun.LIMIT_S, longest_pause_s=0.02)  # before all epochs are done
    processes.kill()  # torchrun itself, which cannot tell the others: the system does
    processes.communicate(timeout=torchrun.LIMIT_S)  # their ends of the pipe are closed: they are gone
    done = torch.load(killed.run_folder / STATE, weights_only=True)["rows"]
    assert 1 <= len(done) < 8
    printed = torchrun.finish(torchrun.start_forked("train", *words_of(killed), processes=3))
    assert f"going on after epoch {len(done)}" in printed
    logs = [read_log(config.run_folder / LOG) for config in (whole, killed)]
    assert [log | {"seconds": None} for log in logs] == [logs[0] | {"seconds": None}] * 2
    weights = [load_checkpoint(config.checkpoint).state_dict for config in (whole, killed)]
    assert all(torch.equal(weights[0][name], tensor) for name, tensor in weights[1].items())
    with pytest.raises(ConfigError, match="the number of processes was 3, is 1"):
        Trainer(killed)


def test_what_two_processes_share(tmp_path):
    """Bytes sent, sums and norms' statistics, seen from inside two processes."""
    multiprocessing.spawn(_in_each, args=(tmp_path,), nprocs=2)
    sent = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    networks = {name: timm.create_model(name, num_classes=10) for name in MEASURED}
    assert sent[0] == sent[1] == {name: traffic_of(network).gradients for name, network in networks.items()}
    assert sent[0]["gnl_resnet50"] < 0.7 * sent[0]["resnet50"]


def _in_each(rank: int, folder: Path) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    world = World(CPU, rank, 2)
    assert world.total(torch.tensor([1.0 + rank])).item() == 3
    assert world.each(10 + rank) == [10, 11]
    _check_norms(world)
    torch.save({name: _bytes_sent(world, name) for name in MEASURED}, folder / f"{rank}.pt")
    distributed.destroy_process_group()


def _check_norms(world: World) -> None:
    for reduce, wanted in ((True, 0.5), (False, 0.0)):
        norm = torch.nn.BatchNorm2d(2)
        norm.running_mean.fill_(world.rank)
        world.share_norms(norm, reduce)
        assert norm.running_mean.tolist() == [wanted] * 2


def _bytes_sent(world: World, name: str) -> int:
    sent = []

    def counted(state, bucket):
        sent.append(bucket.buffer().numel() * bucket.buffer().element_size())
        return allreduce_hook(state, bucket)

    network = world.wrap(timm.create_model(name, num_classes=10))
    network.register_comm_hook(None, counted)
    network(torch.rand(2, 3, 32, 32)).sum().backward()
    return sum(sent)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_shares_hold_every_image_once(data, tmp_path, size):
    config = settings(data, tmp_path)
    shares = [
        Folders(config, World(CPU, rank, size)).evaluation("test", ("amber", "blue", "red")) for rank in range(size)
    ]
    names = [name for share in shares for name in share.dataset.reader.filenames(absolute=True)]
    assert sorted(names) == sorted(map(str, (data / "test").glob("*/*.png")))


def test_scattered_processes_are_told(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("MASTER_ADDR", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("groupnl.training.distributed.end_with_parent", lambda number: None)
    with pytest.raises(ConfigError, match="start them with torchrun"), joined("cpu"):
        pass


def test_one_run_a_folder(data, tmp_path):
    trainer = Trainer(settings(data, tmp_path, epochs=1))
    with held(trainer.config.run_folder), pytest.raises(ConfigError, match="another process works in"):
        trainer.run()
    trainer.run()
