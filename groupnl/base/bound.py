"""`python -m groupnl.base.bound PARENT MODULE ...`: run a module in a process that ends with the one that started it.

The bond is made before the module is imported: imports may take seconds, and a parent may be killed meanwhile.
"""

import os
import runpy
import signal
import sys

from groupnl.base.child_process import end_with_parent


def main() -> None:
    """Take the parent's number and the module's name off the command line, and run the module with the rest."""
    _, parent, module, *rest = sys.argv
    end_with_parent(signal.SIGKILL)  # a stopped process would take no other signal
    if sys.platform == "linux" and os.getppid() != int(parent):
        sys.exit(1)  # it has gone before
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
