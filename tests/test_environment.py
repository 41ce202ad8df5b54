"""The environment: made whole or not at all, from lists that agree with each other."""

import ast
import importlib.metadata
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import lock
import make_environment
import pytest
import yaml
from make_environment import InstallError, is_current, make
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / "book" / "tools"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
VERSIONS = ["3.11", "3.12", "3.13", "3.14"]
PIN = re.compile(r"^(?P<name>\S+)==(?P<version>\S+)(?: ; (?P<marker>.*?))? \\$", re.MULTILINE)


def pins() -> dict[str, re.Match]:
    return {canonicalize_name(m["name"]): m for m in PIN.finditer(LOCK)}


# The lists agree.


def test_the_lock_has_hashes_and_no_address():
    assert lock.foreign(LOCK) == []
    assert lock.without(LOCK) == LOCK, "PyTorch and its CUDA parts are installed by version"
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    bare = [b.split()[0] for b in blocks if not b.startswith("#") and "--hash=sha256:" not in b]
    assert not bare, f"pinned without a hash: {bare}. Run: make lock"


def test_every_listed_package_is_pinned_within_its_bounds():
    project = PROJECT["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    pinned = {name: match["version"] for name, match in pins().items()}
    pinned["torch"] = make_environment.torch_pin().partition("==")[2]
    for requirement in (Requirement(line) for lines in lists for line in lines):
        version = pinned.get(canonicalize_name(requirement.name), "none")
        assert version != "none", f"{requirement.name} is in no lock. Run: make lock"
        assert requirement.specifier.contains(version), f"{requirement}, pinned {version}"


def test_what_runs_here_is_what_is_pinned():
    wrong = []
    for name, match in pins().items():
        if match["marker"] is None or Marker(match["marker"]).evaluate():
            try:
                version = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                version = "nothing"
            if version != match["version"]:
                wrong.append(f"{name}: {version} is installed, {match['version']} pinned")
    assert not wrong, "\n".join([*wrong, "Run: make environment"])


def test_the_lock_leaves_out_whole_packages_only():
    text = (
        "# made by\na==1 \\\n    --hash=sha256:0\n    # via b\n"
        "nvidia-x==3 ; sys_platform == 'linux' \\\n    --hash=sha256:1\n    # via torch\n"
        "torchmetrics==2 \\\n    --hash=sha256:2\n"
        "triton==3 \\\n    --hash=sha256:3\n"
        "\n# The following packages were excluded from the output:\n# torch\n"
    )
    kept = lock.without(text)
    assert re.findall(r"^(\S+)==", kept, re.MULTILINE) == ["a", "torchmetrics"]
    assert "sha256:1" not in kept
    assert "sha256:3" not in kept


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.org/simple",
        "a @ file:///wheels/a.whl",
        "torch==2.13.0+cpu",
        "    # from http://localhost:3141/",
    ],
)
def test_a_foreign_line_is_found(line):
    assert lock.foreign(f"a==1\n{line}\n") == [line]


def test_one_range_of_versions_everywhere():
    specifier = SpecifierSet(PROJECT["project"]["requires-python"])
    minors = [f"3.{n}" for n in range(20) if specifier.contains(f"3.{n}.0")]
    assert minors == VERSIONS
    said = runpy.run_path(str(TOOLS / "environment.py"))
    assert (said["OLDEST"], said["NEWEST"]) == ((3, 11), (3, 14))
    shell = (TOOLS / "environment.sh").read_text(encoding="utf-8")
    assert "(3, 11) <= sys.version_info[:2] <= (3, 14)" in shell
    for file in ("README.md", "book/tools/environment.py", "book/tools/environment.sh"):
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(r"Python 3\.11, 3\.12, 3\.13\s+or 3\.14", text), file


def test_conda_users_get_the_same_lists():
    """conda brings Python and pip; the script that `make` calls brings the rest, in its order."""
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    conda = yaml.safe_load(text)
    requirements = {r.name: r.specifier for r in map(Requirement, conda["dependencies"])}
    assert set(requirements) == {"python", "pip"}, "a second list of packages would drift apart"
    assert requirements["python"] == SpecifierSet(PROJECT["project"]["requires-python"])
    assert f"conda activate {conda['name']}" in text
    command = re.search(r"python (\S+) (--active)", text)
    done = subprocess.run(
        [sys.executable, command[1], "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert command[2] in done.stdout


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["project"]["version"]


# A Python that is missing or does not fit gets a sentence.


def test_a_very_old_python_can_read_the_guard():
    tree = ast.parse((TOOLS / "environment.py").read_text(encoding="ascii"), feature_version=(3, 4))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.JoinedStr | ast.AnnAssign), ast.unparse(node)
        assert getattr(node, "annotation", None) is None
        assert getattr(node, "returns", None) is None


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 9), (3, 10, 14), (3, 15, 0)])
def test_the_guard_says_what_fits(version):
    code = f"import runpy, sys; sys.version_info = {version}; "
    code += f"runpy.run_path({str(TOOLS / 'environment.py')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "needs Python 3.11" in done.stderr
    assert ".".join(map(str, version)) in done.stderr
    assert len(done.stderr.splitlines()) == 1, "a sentence, no traceback"


posix = pytest.mark.skipif(os.name == "nt", reason="make and sh are for Linux and macOS")


def make_with(tmp_path: Path, pythons: dict[str, str], **variables: str):
    """Run environment.sh where only the given programs exist."""
    for name, body in pythons.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
    return subprocess.run(
        [shutil.which("sh"), "book/tools/environment.sh"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), **variables},
        capture_output=True,
        text=True,
    )


OLD = 'if [ "$1" = -V ]; then echo "Python 3.9.2"; else exit 1; fi'
FITTING = 'if [ "$1" = -c ]; then exit 0; else echo "called with $1"; fi'


@posix
def test_no_python_gets_a_sentence(tmp_path):
    done = make_with(tmp_path, {})
    assert done.returncode == 2
    assert "needs Python 3.11" in done.stderr
    assert "apt install" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@posix
def test_an_old_python_is_named(tmp_path):
    done = make_with(tmp_path, {"python3": OLD})
    assert done.returncode == 2
    assert "Python 3.9.2" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@posix
def test_a_fitting_python_beside_an_old_one_is_taken(tmp_path):
    done = make_with(tmp_path, {"python3": OLD, "python3.12": FITTING})
    assert done.stdout == "called with book/tools/environment.py\n"


@posix
def test_a_python_that_is_named_and_missing_gets_a_sentence(tmp_path):
    done = make_with(tmp_path, {"python3": FITTING}, PYTHON="/nowhere/python3")
    assert done.returncode == 2
    assert "/nowhere/python3 is no program" in done.stderr


# The environment is made whole or not at all.


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A book's root with lists; venv and pip are not called."""
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(make_environment, "_make_venv", lambda prefix, *_: prefix.mkdir())
    monkeypatch.setattr(make_environment, "_output", lambda *_: "")
    monkeypatch.setattr(make_environment, "_pip", lambda *_: None)
    return tmp_path


def build(root: Path) -> Path:
    prefix = root / ".venv"
    make(prefix, in_place=False, root=root)
    return prefix


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_torch_comes_first_then_the_lock_then_the_book(root, monkeypatch):
    calls = []
    monkeypatch.setattr(make_environment, "_pip", lambda _, words, *__: calls.append(words))
    monkeypatch.setenv("TORCH_INDEX", "https://example.org/cpu")
    build(root)
    torch, packages, book = calls
    assert torch == [make_environment.torch_pin(), "--index-url", "https://example.org/cpu"]
    assert {"--no-deps", "--require-hashes", "requirements.lock"} <= set(packages)
    assert {"--no-deps", "--no-build-isolation", "-e", "."} == set(book)


def test_an_environment_is_remade_only_when_its_lists_change(root):
    prefix = build(root)
    assert is_current(prefix, root=root)
    edit(root / "pyproject.toml", "line-length = 100", "line-length = 99")
    assert is_current(prefix, root=root), "ruff's settings install nothing"
    edit(root / "pyproject.toml", '"pytest",', '"pytest>=1",')
    assert not is_current(prefix, root=root)
    make(prefix, in_place=True, root=root)
    assert is_current(prefix, root=root)
    edit(root / "requirements.lock", "sha256:", "sha256:0")
    assert not is_current(prefix, root=root)


def test_a_new_torch_is_a_new_list(root):
    prefix = build(root)
    edit(root / "pyproject.toml", "torch==2.", "torch==3.")
    assert not is_current(prefix, root=root)


def test_another_python_is_another_environment(root):
    prefix = build(root)
    here = ".".join(map(str, sys.version_info[:2]))
    assert is_current(prefix, here, root=root)
    assert not is_current(prefix, "3.99", root=root)


def test_a_folder_that_was_moved_is_made_again(root):
    """The package is installed by its place, so an environment belongs to one."""
    build(root)
    moved = root / "moved"
    moved.mkdir()
    for name in (".venv", "pyproject.toml", "requirements.lock"):
        (root / name).rename(moved / name)
    assert not is_current(moved / ".venv", root=moved)


@pytest.mark.parametrize("failure", [InstallError("no network"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_failed_install_leaves_no_stamp(root, monkeypatch, failure, step):
    prefix = build(root)
    edit(root / "requirements.lock", "sha256:", "sha256:0")
    steps = iter(range(3))

    def pip(*_):
        if next(steps) == step:
            raise failure

    monkeypatch.setattr(make_environment, "_pip", pip)
    with pytest.raises(type(failure)):
        make(prefix, in_place=True, root=root)
    assert not (prefix / make_environment.STAMP).exists()
    monkeypatch.setattr(make_environment, "_pip", lambda *_: None)
    make(prefix, in_place=True, root=root)
    assert is_current(prefix, root=root)


@pytest.mark.parametrize("content", ["", "{", json.dumps({"lists": "0", "python": "3.11"})])
def test_a_damaged_stamp_is_no_stamp(root, content):
    prefix = build(root)
    (prefix / make_environment.STAMP).write_text(content, encoding="utf-8")
    assert not is_current(prefix, root=root)


def test_a_system_without_venv_names_the_package(tmp_path, monkeypatch):
    find_spec = make_environment.importlib.util.find_spec
    monkeypatch.setattr(
        make_environment.importlib.util,
        "find_spec",
        lambda name: None if name == "ensurepip" else find_spec(name),
    )
    with pytest.raises(InstallError, match=r"sudo apt install python3\.\d+-venv"):
        make(tmp_path / ".venv", in_place=False)
    assert not (tmp_path / ".venv").exists()


def test_a_failing_pip_is_quoted_with_what_to_do(tmp_path):
    words = ["--no-index", "--find-links", str(tmp_path), "a-package-that-is-nowhere"]
    with pytest.raises(InstallError, match="goes on where it stopped") as error:
        make_environment._pip(Path(sys.executable), words, tmp_path)
    assert "a-package-that-is-nowhere" in str(error.value)


# The commands.


@posix
def test_every_command_of_the_help_exists():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    named = set(re.findall(r"^make ([\w-]+)", done.stdout, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named == set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE)) - {
        "help",
        "environment",
    }
    for command in named:
        recipe = subprocess.run(["make", "-n", command], cwd=ROOT, capture_output=True, text=True)
        assert recipe.returncode == 0, command


@pytest.mark.parametrize(
    "file", ["Makefile", "README.md", ".ci/run", ".github/workflows/publish.yml"]
)
def test_every_script_that_is_named_exists(file):
    text = (ROOT / file).read_text(encoding="utf-8").replace("$(TOOLS)", "book/tools")
    scripts = re.findall(r"book[/\\]tools[/\\][\w.]+\.(?:py|sh)", text)
    assert scripts
    for script in scripts:
        assert (ROOT / script.replace("\\", "/")).is_file(), script


@posix
def test_the_script_of_the_runners_is_sound():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
