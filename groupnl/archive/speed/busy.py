"""`python -m groupnl.archive.speed.busy [lowest]`: keeps one core busy until it is ended."""

import os
import sys

if __name__ == "__main__":
    if "lowest" in sys.argv:
        os.nice(19)
    while True:
        pass
