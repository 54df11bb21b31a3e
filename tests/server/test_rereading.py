"""groupnl.server.rereading: files are read again when they change, and what cannot be used changes nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from groupnl.errors import ConfigError
from groupnl.server import rereading
from groupnl.server.rereading import Rereading


class _Text:
    def __init__(self, file: Path) -> None:
        self.files = (file,)
        self.text = file.read_text()

    def reload(self) -> None:
        if not self.files[0].exists():
            raise ConfigError("it is gone")
        self.text = self.files[0].read_text()


def test_a_change_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rereading, "POLL_S", 0.01)
    file, other = tmp_path / "one", tmp_path / "other"
    file.write_text("first")
    other.write_text("as it was")
    source, unchanged = _Text(file), _Text(other)
    unchanged.reload = lambda: pytest.fail("it has not changed")  # type: ignore[method-assign]

    async def follow() -> None:
        following = asyncio.create_task(Rereading([source, unchanged]).follow())
        file.write_text("second, longer")
        await _until(lambda: source.text == "second, longer")
        file.unlink()
        await _until(lambda: "it is gone" in caplog.text)
        assert source.text == "second, longer"
        file.write_text("third")
        await _until(lambda: source.text == "third")
        following.cancel()

    asyncio.run(asyncio.wait_for(follow(), 20))


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.01)


def test_all_are_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "one"
    file.write_text("first")
    source = _Text(file)
    file.write_text("other")
    rereading = Rereading([source])
    assert rereading.now() == []
    assert source.text == "other"
    file.unlink()
    assert rereading.now() == ["it is gone"]
    assert source.text == "other"
