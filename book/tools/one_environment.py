"""The one environment in which chapters are executed and everything is tested.

    >>> import one_environment; one_environment.apply()

Outputs can only be compared between machines when the machines agree on what a run may use: the
small setting of every chapter, no hub, no GPU, no progress bars, no NLTK data of the user.
`make run`, nbval and the unit tests all take it from here. What decides only speed and rounding
(the number of threads) may be set from outside: the claims must hold with any of them, and
`.ci/run` repeats two chapters with other ones.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Set whatever the caller's shell says.
FIXED = {
    "LLMBOOK_SCALE": "laptop",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "PYTHONHASHSEED": "0",  # the order of a printed set
    "PYTHONIOENCODING": "utf-8",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else every kernel warns about frozen modules
}

#: Set where the caller's shell says nothing. PASSIVE: threads that wait give their core away,
#: which is worth a factor of two to three where two chapters share two cores.
DEFAULTS = {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"}

#: Taken out: each of these would change what a chapter prints or loads.
REMOVED = (
    "LLMBOOK_FRAMEWORKS", "LLMBOOK_LANGUAGE", "LLMBOOK_ONLINE", "MPLBACKEND", "PYTHONSTARTUP"
)  # fmt: skip


def apply(environment: MutableMapping[str, str] = os.environ, root: Path = ROOT) -> None:
    """Change `environment` (by default this process's own) in place.

    The package is taken from `root/code`, so that a copy of the book is tested with its own code
    and not with an installed one. Call it before torch is imported.
    """
    environment.update(FIXED)
    for name, value in DEFAULTS.items():
        environment.setdefault(name, value)
    for name in REMOVED:
        environment.pop(name, None)
    nothing = Path(tempfile.gettempdir()) / "llmbook-empty"
    nothing.mkdir(exist_ok=True)
    environment["NLTK_DATA"] = str(nothing)
    # The user's own IPython start-up files and history stay out of the kernels.
    environment["IPYTHONDIR"] = str(nothing / "ipython")
    code = str(root / "code")
    others = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p and p != code]
    environment["PYTHONPATH"] = os.pathsep.join([code, *others])
