"""What builds the site: formulas, icons, figures' texts, drafts, places of warnings."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "book" / "extensions"), str(ROOT / "book" / "tools")]

for package in ("jupyter_book", "py_mini_racer"):
    pytest.importorskip(package, reason="the site's packages are not installed")

import book_assets  # noqa: E402 (the paths above come first)
import book_figures  # noqa: E402
import book_katex  # noqa: E402
import build_site  # noqa: E402

TOC = {
    "root": "book/index",
    "parts": [
        {"caption": "One", "chapters": [{"file": "chapters/a/x"}, {"file": "chapters/a/y"}]},
        {"caption": "Two", "chapters": [{"file": "book/glossary"}]},
    ],
}


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


# Formulas -----------------------------------------------------------------------------------


def test_formula_carries_html_and_mathml() -> None:
    html = book_katex.render(r"\frac{a}{b}", True)
    assert "katex-display" in html
    assert "<math" in html
    assert "katex-display" not in book_katex.render("a", False)


@pytest.mark.parametrize("latex", [r"\frca{1}{2}", r"\frac{1}", r"x_1_2", r"\begin{aligned} a"])
def test_formula_that_cannot_be_read_is_an_error_in_katex_words(latex: str) -> None:
    with pytest.raises(ValueError, match="KaTeX parse error") as caught:
        book_katex.render(latex, True)
    assert "\n" not in str(caught.value)


def test_katex_fonts_that_the_style_names_lie_beside_it() -> None:
    folder = book_katex.KATEX.parent
    style = (folder / "katex.min.css").read_text(encoding="utf-8")
    named = set(book_assets.re.findall(r"url\(([^)]+)\)", style))
    assert named == {f"fonts/{path.name}" for path in (folder / "fonts").iterdir()}


# Icons --------------------------------------------------------------------------------------


def test_unused_icons_leave_the_style_sheet() -> None:
    used, alias, unused = (
        '.fa-sun:before{content:"\\f185"}',
        '.fa-chain:before,.fa-link:before{content:"\\f0c1"}',
        '.fa-moon:before{content:"\\f186"}',
    )
    own = '.note::before{content:"\\f05a"}'
    css, points = book_assets.trim_css(used + alias + unused + own, {"fa-sun", "fa-link"})
    assert css == used + alias + own
    assert points == {0xF185, 0xF0C1, 0xF05A}


def test_font_of_the_used_icons_is_small_and_has_them(tmp_path: Path) -> None:
    import pydata_sphinx_theme
    from fontTools.ttLib import TTFont

    fonts = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
    source = fonts / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
    book_assets.subset_font(source, tmp_path / "icons.woff", {0xF185, 0xF0C1})
    assert set(TTFont(tmp_path / "icons.woff").getBestCmap()) == {0xF185, 0xF0C1}
    assert (tmp_path / "icons.woff").stat().st_size < source.stat().st_size / 50


# Figures' texts -----------------------------------------------------------------------------


def test_stored_figures_tell_their_text() -> None:
    v4 = nbformat.v4
    png = {"image/png": "iVBORw0KGgo="}
    told = v4.new_output("display_data", png, metadata={"image/png": {"alt": "A line."}})
    mute = v4.new_output("display_data", png)
    cells = [v4.new_markdown_cell("#"), v4.new_code_cell(outputs=[told, mute])]
    found = list(book_figures.stored_figures(v4.new_notebook(cells=cells)))
    assert [(cell, alt) for cell, _, alt in found] == [(2, "A line."), (2, None)]
    assert len({digest for _, digest, _ in found}) == 1


# The table of contents and the warnings -----------------------------------------------------


def test_documents_are_listed_in_order() -> None:
    expected = ["book/index", "chapters/a/x", "chapters/a/y", "book/glossary"]
    assert list(build_site.listed(TOC)) == expected


def test_missing_pages_are_named_with_what_to_do(tmp_path: Path) -> None:
    put(tmp_path, "book/index.md", "book/glossary.md", "chapters/a/x.md")
    unexecuted, absent = build_site.missing(TOC, tmp_path)
    assert "chapters/a/x.md" in unexecuted
    assert "make run" in unexecuted
    assert "chapters/a/y" in absent
    put(tmp_path, "chapters/a/x.ipynb", "chapters/a/y.ipynb")
    assert build_site.missing(TOC, tmp_path) == []


def test_draft_shows_unlisted_chapters_once(tmp_path: Path) -> None:
    put(tmp_path, "chapters/a/x.ipynb", "chapters/b/new.ipynb", "chapters/b/unexecuted.md")
    drafted = build_site.with_drafts(TOC, tmp_path)
    listed = list(build_site.listed(drafted))
    assert sorted(listed) == sorted([*build_site.listed(TOC), "chapters/b/new"])
    assert len(TOC["parts"]) == 2, "the table that was handed in was changed"


def test_warning_names_the_markdown_line(tmp_path: Path) -> None:
    markdown = "# Title\n\nText.\n\n+++\n\nSecond cell,\nits {term}`wrong` line.\n"
    (tmp_path / "x.md").write_text(markdown, encoding="utf-8")
    texts = ("# Title\n\nText.", "Second cell,\nits {term}`wrong` line.")
    cells = [nbformat.v4.new_markdown_cell(text) for text in texts]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "x.ipynb")
    # The second cell's second line: counted from zero, and one added by myst-nb and by myst-parser.
    warning = f"\x1b[91m{tmp_path}/x.ipynb:20003: WARNING: term not in glossary\x1b[39m\n"
    said = build_site.in_markdown(warning)
    assert said == f"{tmp_path}/x.md:8: WARNING: term not in glossary\n"
    assert build_site.in_markdown("plain words\n") == "plain words\n"
