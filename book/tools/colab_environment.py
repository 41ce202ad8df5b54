"""A virtual environment that stands for Colab's machine, for `test_colab`.

It holds what `colab.toml` lists under `packages`, in Colab's versions. One of them cannot be had
everywhere: on Linux the package index carries torch with CUDA (several GB), so there torch comes
from an index of CPU builds (variable TORCH_INDEX) or a folder of wheels (pip's PIP_FIND_LINKS), and
where neither has Colab's version, in the version that the book itself uses. `report` prints what
differs.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

KERNEL = "colab-edition"

# One environment for all tests of the book: its small sizes, no hub, no GPU, no progress bars.
QUIET = {
    "LLMBOOK_SCALE": "laptop",
    "HF_HUB_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_WAIT_POLICY": "PASSIVE",
    "TQDM_DISABLE": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the old ipykernel's debugger has nothing to add
}


class SetupError(Exception):
    """The environment could not be made, or a chapter has no such name."""


def name_of(requirement: str) -> str:
    """`torch` of `torch==2.11.0`, spelled as package indexes compare names."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
    return re.sub(r"[-_.]+", "-", name.group() if name else "").lower()


class Environment:
    """The environment in `folder`; the calls that change it run pip."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        colab = tomllib.loads(Path(__file__).with_name("colab.toml").read_text(encoding="utf-8"))
        self.colab_python: str = colab["python"]
        self.packages: list[str] = colab["packages"]
        self.extras: list[str] = colab["extras"]

    def make(self) -> None:
        """Create it with Colab's packages, unless it is there already. Raises SetupError."""
        if (self.folder / "complete").exists():
            print(f"Using the environment in {self.folder}.", flush=True)
            return
        print(f"Making a clean environment in {self.folder} …", flush=True)
        venv.create(self.folder, with_pip=True, clear=True)
        torch = [package for package in self.packages if name_of(package) == "torch"]
        others = [package for package in self.packages if package not in torch]
        pinned = [self._install_torch(package) for package in torch]
        if not self._pip("install", *pinned, *others):
            raise SetupError("Colab's packages could not be installed: see pip's words above.")
        (self.folder / "complete").touch()

    def _install_torch(self, wanted: str) -> str:
        """Install Colab's torch, or else the book's; returns the requirement that was met."""
        own = f"torch=={importlib.metadata.version('torch').split('+')[0]}"
        index = os.environ.get("TORCH_INDEX")
        if index:
            source = ["--index-url", index]
        else:
            source = ["--no-index"] if sys.platform == "linux" else []
        for requirement in (wanted, own):
            if self._pip("install", "--no-deps", *source, requirement, quiet=True):
                return requirement
        if not self._pip("install", own):
            raise SetupError(f"neither {wanted} nor {own} could be installed.")
        return own

    def report(self) -> None:
        """Say which of Colab's versions stand here and which do not."""
        listed = self._run("-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
        here = {name_of(entry["name"]): entry["version"] for entry in json.loads(listed.stdout)}
        pairs = [package.split("==") for package in self.packages if "==" in package]
        same = [name for name, version in pairs if here.get(name_of(name)) == version]
        other = [
            f"{name} {here.get(name_of(name))} (Colab: {version})"
            for name, version in pairs
            if name not in same
        ]
        if platform.python_version().rsplit(".", 1)[0] != self.colab_python:
            other.append(f"Python {platform.python_version()} (Colab: {self.colab_python})")
        print(f"As in Colab: {', '.join(same) or 'none'}. Other: {', '.join(other) or 'none'}.")

    def forget_book(self) -> None:
        """Take out what the last notebook's first cell installed."""
        names = ["llmbook", *(name_of(extra) for extra in self.extras)]
        self._run("-m", "pip", "uninstall", "-q", "-y", *names)

    def has_own_book(self) -> bool:
        """Whether the package is installed here, in this environment and nowhere else."""
        question = (
            "import importlib.util as u; print(getattr(u.find_spec('llmbook'), 'origin', ''))"
        )
        origin = self._run("-c", question).stdout.strip()
        return bool(origin) and Path(origin).is_relative_to(self.folder)

    def write_kernel(self, folder: Path) -> Path:
        """Describe this environment's kernel under `folder`, for the variable JUPYTER_PATH."""
        kernel = folder / "kernels" / KERNEL
        kernel.mkdir(parents=True)
        description = {
            "argv": [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Colab edition",
            "language": "python",
            "env": QUIET,
        }
        (kernel / "kernel.json").write_text(json.dumps(description), encoding="utf-8")
        return folder

    def _pip(self, *arguments: str, quiet: bool = False) -> bool:
        """Run the environment's pip; whether it succeeded. Its words are shown unless `quiet`."""
        command = [str(self.python), "-m", "pip", *arguments, "-q", "--disable-pip-version-check"]
        sink = subprocess.DEVNULL if quiet else None
        return subprocess.run(command, stdout=sink, stderr=sink, check=False).returncode == 0

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python outside the book's own folder."""
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
