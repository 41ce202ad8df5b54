"""The committed chapters are whole: paired, executed, fresh, listed and small.

Every failure names the command that mends it.
"""

import re
import subprocess

import nbformat
import pytest
import yaml
from build_site import listed
from chapters import ROOT, Chapter, chapters, orphans
from validate_chapters import TRAINED

pytestmark = pytest.mark.chapters

MB = 1_000_000
CHAPTERS = chapters()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_chapter_is_whole(chapter: Chapter):
    problems = chapter.problems()
    assert not problems, "\n" + "\n".join(map(str, problems))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_every_figure_is_on_the_page(chapter: Chapter):
    """A figure that is not a cell's last expression is drawn and shown nowhere."""
    for cell in nbformat.read(chapter.ipynb, as_version=4).cells:
        draws = cell.cell_type == "code" and re.search(r"^plot\.\w+\(", cell.source, re.MULTILINE)
        if draws and "exercise" not in cell.metadata.get("tags", []):
            shown = [kind for output in cell.outputs for kind in output.get("data", {})]
            where = f"{chapter.name}: end this cell with its plot:\n{cell.source}"
            assert "image/png" in shown, where


def test_no_notebook_without_its_text():
    assert not orphans(), "\n" + "\n".join(map(str, orphans()))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_chapter_is_in_the_table_of_contents(chapter: Chapter):
    edition = ROOT / "zh" if chapter.name.startswith("zh/") else ROOT
    toc = yaml.safe_load((edition / "_toc.yml").read_text(encoding="utf-8"))
    name = chapter.md.relative_to(edition).with_suffix("").as_posix()
    assert name in set(listed(toc)), f"nobody finds {chapter.name}: name {name} in _toc.yml"


def test_the_chapters_that_are_repeated_elsewhere_exist():
    missing = set(TRAINED) - {chapter.name for chapter in CHAPTERS}
    assert not missing, "choose other chapters for TRAINED in book/tools/validate_chapters.py"


def test_the_models_stay_small():
    files = list((ROOT / "code" / "llmbook").rglob("*.safetensors"))
    size = sum(file.stat().st_size for file in files)
    assert size < 5 * MB, f"{size:,} bytes of weights: train smaller models, or fewer"


def test_the_history_stays_small():
    """What everyone who clones the book has to fetch."""
    command = ["git", "count-objects", "-v"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git repository, so it has no history to measure")
    sizes = dict(line.split(": ") for line in done.stdout.splitlines())
    assert int(sizes["size-pack"]) * 1024 < 60 * MB, "the history is too large to clone in comfort"
