"""Fixtures of the studies' tests."""

from collections.abc import Callable, Iterator

import psutil
import pytest

Children = Callable[[], list[psutil.Process]]


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    """Studies set torch's threads for all that follows."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def children() -> Children:
    """What the test has started and not ended, beside the process that Python keeps to look after shared memory."""
    before = {process.pid for process in psutil.Process().children(recursive=True)}

    def started() -> list[psutil.Process]:
        found = [process for process in psutil.Process().children(recursive=True) if process.pid not in before]
        return [process for process in found if not any("resource_tracker" in word for word in process.cmdline())]

    return started
