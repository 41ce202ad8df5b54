"""Every test of the book runs in the same environment, nbval's kernels included."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "book" / "tools"))

import one_environment

one_environment.apply()
