"""groupnl.training.state: the state before stays when the disk is full."""

from pathlib import Path

import pytest
import torch
from support.small_disk import fill, small_disk
from support.training_runs import settings

from groupnl.base.atomic_file import WriteError
from groupnl.training.state import FILE, load_state, save_state

ROWS = [{"epoch": "1", "loss": "0.5"}]


def test_a_full_disk_is_told_and_the_state_before_stays(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size=2048) as disk:
        config = settings(tmp_path, disk)
        folder = config.run_folder
        first, later, found = (torch.nn.Linear(300, 300) for _ in range(3))
        save_state(config, {}, ROWS, {"network": first})
        names = sorted(path.name for path in folder.iterdir())
        filler = fill(disk, left=100_000)
        with pytest.raises(WriteError) as told:
            save_state(config, {}, ROWS * 2, {"network": later})
        assert str(told.value).startswith(f"{folder / FILE} cannot be written: No space left on device (")
        assert str(told.value).endswith(", about 0.4 MB needed): make room, or write elsewhere")
        filler.unlink()
        assert sorted(path.name for path in folder.iterdir() if path != filler) == names
        assert load_state(config, {}, {"network": found}) == ROWS
        assert torch.equal(found.weight, first.weight)
        save_state(config, {}, ROWS * 2, {"network": later})
        assert load_state(config, {}, {"network": found}) == ROWS * 2
