import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The load tests are no part of the installed package.
sys.path.insert(0, str(ROOT))
