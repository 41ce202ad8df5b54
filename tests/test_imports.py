"""The package's imports flow one way, are declared, and are quick."""

import ast
import graphlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "code" / "llmbook"

BELOW_TRAINING = {
    "checkpoint", "corpora", "data", "distributed", "evaluate", "masking", "models", "optim",
    "run", "settings",
}  # fmt: skip

#: What each module of the package may import of it. Nothing points back up.
ALLOWED = {
    "settings": set(),
    "history": set(),
    "ops": set(),
    "optim": {"ops"},
    "data": set(),
    "files": set(),
    "masking": {"data"},
    "text": {"files"},
    "autograd": set(),
    "glue": set(),
    "show": set(),
    "quiz": set(),
    "metrics": set(),
    "uncertainty": set(),
    "plot": set(),  # takes arrays, whoever made them
    "corpora": {"text"},
    "layers": {"ops"},
    "models": {"layers", "ops"},
    "cost": {"models"},
    "energy": set(),
    "published": set(),
    "scaling": set(),
    "shards": {"data"},
    "distributed": {"data"},
    "checkpoint": {"files", "models", "text"},
    "generate": {"models"},
    "evaluate": {"data", "ops"},
    "run": {"checkpoint", "data", "distributed", "evaluate", "history"},
    "train": BELOW_TRAINING,
    "generality": {"models", "uncertainty"},
    "zoo": BELOW_TRAINING | {
        "cost", "files", "generality", "labelled", "layers", "text", "train",
    },
    "sentiment": {"labelled", "models"},
    "shell": BELOW_TRAINING | {
        "files", "generate", "retrieval", "sentiment", "text", "train", "uncertainty",
        "zoo",
    },
    "retrieval": {"text"},
    "beam": {"generate", "models"},
    "json_grammar": set(),
    "constrained": {"generate", "json_grammar", "models", "text"},
    "diversity": {"metrics"},
    "labelled": {"data"},
    "pairs": {"data"},
    "writer": {"beam", "models", "pairs"},
    "alignment": set(),
    "textrank": {"metrics"},
    "frameworks": {"models", "ops"},
    "privacy": {"layers", "uncertainty"},
    "dpsgd": {"data"},
    "interpret": {"models"},
    "hub": {"hub_files", "settings", "zoo"},
    "hub_files": {"models", "text", "zoo"},
    "check": {
        "alignment", "autograd", "corpora", "data", "diversity", "dpsgd", "energy", "evaluate",
        "generality", "generate", "interpret", "layers", "masking", "metrics", "models", "ops",
        "pairs", "privacy", "retrieval", "scaling", "sentiment", "text", "textrank",
        "uncertainty", "writer",
    },
}  # fmt: skip

HEAVY = {
    "IPython", "bm25s", "jax", "jupyterquiz", "keras", "matplotlib", "nltk", "onnx",
    "onnxruntime", "onnxscript", "opacus", "optax", "peft", "rich", "rouge_score", "sacrebleu",
    "scipy", "sklearn", "sphinx", "tensorflow", "tiktoken", "tokenizers", "transformers",
}  # fmt: skip

#: The name that a package is imported by, where it is not the name that it is installed by.
INSTALLED_AS = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow-cpu",
    "yaml": "pyyaml",
    "py_mini_racer": "mini-racer",
}
# These come with jupyter-book, whose pinned version decides theirs: the site's own extensions
# speak to whatever it brings.
WITH_JUPYTER_BOOK = {
    "docutils", "jupyter_book", "markdown_it", "myst_nb", "myst_parser", "nbformat", "pybtex",
    "sphinx", "sphinx_exercise", "sphinxcontrib", "pygments", "bs4", "jinja2", "sphinx_book_theme",
    "packaging", "pydata_sphinx_theme",
}  # fmt: skip


def imported(file: Path) -> Iterator[tuple[str, ...]]:
    """The dotted names, split, that a file imports anywhere; relative imports are refused."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: write the import from llmbook on"
            yield from ((*node.module.split("."), alias.name) for alias in node.names)


def modules() -> list[str]:
    """The package's modules and subpackages by their first name."""
    found = {f.relative_to(PACKAGE).parts[0].removesuffix(".py") for f in PACKAGE.rglob("*.py")}
    return sorted(found - {"__init__", "__main__"})


def files(module: str) -> list[Path]:
    if (PACKAGE / f"{module}.py").is_file():
        return [PACKAGE / f"{module}.py"]
    return sorted((PACKAGE / module).rglob("*.py"))


def test_the_table_has_no_cycle():
    assert list(graphlib.TopologicalSorter(ALLOWED).static_order())


@pytest.mark.parametrize("module", modules())
def test_imports_flow_one_way(module):
    assert module in ALLOWED, f"give llmbook.{module} its place in the table of {__file__}"
    for file in files(module):
        used = {name[1] for name in imported(file) if name[0] == "llmbook" and len(name) > 1}
        upward = used - ALLOWED[module] - {module}
        assert not upward, f"{file.relative_to(ROOT)} may not import {sorted(upward)}"


def test_every_foreign_import_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    core = {_canonical(d) for d in project["dependencies"]}
    optional = {_canonical(d) for d in extras["practice"] + extras["perspectives"]}
    pins = (ROOT / "book" / "tools" / "frameworks.txt").read_text(encoding="utf-8")
    optional |= {_canonical(line) for line in pins.splitlines() if line[0] != "#"}
    everything = core | {_canonical(d) for lists in extras.values() for d in lists}
    own = {f.stem for f in (ROOT / "book").rglob("*.py")} | {"llmbook", "cells", "common"}
    own |= {f.stem for folder in ("tests", "benchmarks") for f in (ROOT / folder).glob("*.py")}
    known = sys.stdlib_module_names | own
    undeclared = set()
    for folder, declared in [
        ("code", core | optional | {"transformers"}),  # imported where a reader asks for them
        ("tests", everything | WITH_JUPYTER_BOOK),
        ("benchmarks", everything),
        ("book", everything | WITH_JUPYTER_BOOK),
    ]:
        for file in (ROOT / folder).rglob("*.py"):
            names = {name[0] for name in imported(file)} - known
            undeclared |= {
                f"{file.relative_to(ROOT)} imports {name}"
                for name in names
                if name not in declared and _canonical(INSTALLED_AS.get(name, name)) not in declared
            }
    assert not undeclared, "\n".join([*sorted(undeclared), "declare these in pyproject.toml"])


def _canonical(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def test_importing_brings_nothing_heavy():
    """A reader waits for what a cell needs, not for what another chapter needs."""
    code = "import sys, importlib\nfor name in sys.argv[1:]:\n"
    code += "    importlib.import_module(name); print(name, *sys.modules)"
    names = ["llmbook", *(f"llmbook.{m}" for m in modules())]
    command = [sys.executable, "-c", code, *names]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == len(names)
    for line in lines:
        module, *loaded = line.split()
        top = {name.partition(".")[0] for name in loaded}
        assert not top & HEAVY, f"importing {module} imports {sorted(top & HEAVY)}"
        assert module != "llmbook" or "torch" not in top


def test_the_installed_package_is_this_one():
    """The editable install and the source agree, so that what is tested is what is used."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    import llmbook

    assert Path(llmbook.__file__).is_relative_to(PACKAGE)
    assert llmbook.__version__ == importlib.metadata.version("llmbook") == version
