"""Where the program begins."""

import sys

from groupnl_studies.gpu.command import main

if __name__ == "__main__":
    sys.exit(main())
