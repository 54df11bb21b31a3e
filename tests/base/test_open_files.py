"""groupnl.base.open_files: the limit is raised in a process of its own."""

import resource
import subprocess
import sys

PROGRAM = """
import resource
from groupnl.base.open_files import raise_limit
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
raise_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_as_many_as_the_system_allows() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(most), str(most)]
