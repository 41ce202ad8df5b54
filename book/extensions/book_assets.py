"""Makes the site light: icons as a small font of just the used ones, no dead files.

The theme draws its icons by a script of 1.5 MB that carries all of Font Awesome. Its style sheet
can draw them too, by web fonts. So the script is left out of the pages, the fonts are cut down to
the icons that the built pages use, and rules, source maps and catalogues nobody reads are removed.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
THEME_CSS = "_static/styles/pydata-sphinx-theme.css"
WEBFONTS = "_static/vendor/fontawesome/webfonts"
ICON_SCRIPT = re.compile(r"<script src=\"[^\"]*scripts/fontawesome\.js[^\"]*\"></script>")
ICON_RULE = re.compile(r"((?:\.fa-[a-z0-9-]+:{1,2}before,?)+)\{content:\"([^\"]*)\"\}")
ICON_NAME = re.compile(r"\bfa-[a-z0-9-]+")
PRIVATE_USE = range(0xE000, 0xF900)
DEAD_FILES = (
    "**/*.map",
    "_static/scripts/fontawesome.js*",
    "_static/*webpack-macros.html",
    "_static/locales",
    "_static/images/logo_*",
    "_static/vendor/fontawesome/webfonts/*.ttf",
    "_static/vendor/fontawesome/webfonts/*.woff2",
    "_static/sphinx-thebe.*",
    "_sources",
)


def _without_icon_script(head: str) -> str:
    kept, found = ICON_SCRIPT.subn("", head)
    if not found:
        LOGGER.warning("the theme's icon script was not found: does the theme still load it?")
    return kept


def _offer_to_templates(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    context["without_icon_script"] = _without_icon_script


def _code_point(content: str) -> int:
    r"""Code point of a CSS `content` of one character, plain or as `\f0e2`."""
    return int(content[1:], 16) if content.startswith("\\") else ord(content)


def trim_css(css: str, names: set[str]) -> tuple[str, set[int]]:
    """Drop the rules of icons that no page names; return the rest and the code points it draws."""

    def keep(rule: re.Match[str]) -> str:
        return rule[0] if names & set(ICON_NAME.findall(rule[1])) else ""

    css = ICON_RULE.sub(keep, css)
    # What the theme's own rules draw (the marks of admonitions, of external links, ...).
    points = {int(code, 16) for code in re.findall(r"\\([0-9a-f]{4})\b", css)}
    points |= {ord(character) for character in css}
    css = re.sub(
        r"url\(([^)]*?)\.woff2\) format\(\"woff2\"\),url\([^)]*\.ttf\)"
        r" format\(\"truetype\"\)",
        r'url(\1.woff) format("woff")',
        css,
    )
    return css, {point for point in points if point in PRIVATE_USE}


def subset_font(source: Path, target: Path, points: set[int]) -> None:
    """Write the glyphs of `points` as WOFF (zlib; WOFF2 would need one more package)."""
    import logging as std_logging

    from fontTools import subset

    std_logging.getLogger("fontTools").setLevel(std_logging.WARNING)

    options = subset.Options(flavor="woff", layout_features=[], notdef_outline=True)
    with subset.load_font(str(source), options) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=points)
        cutter.subset(font)
        subset.save_font(font, str(target), options)


def _lighten(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    texts = [*out.rglob("*.html"), *(out / "_static").rglob("*.js")]
    names = {
        name
        for path in texts
        if "fontawesome" not in path.name
        for name in ICON_NAME.findall(path.read_text(encoding="utf-8"))
    }
    css, points = trim_css((out / THEME_CSS).read_text(encoding="utf-8"), names)
    (out / THEME_CSS).write_text(css, encoding="utf-8")
    for font in sorted((out / WEBFONTS).glob("*.ttf")):
        subset_font(font, font.with_suffix(".woff"), points)
    for pattern in DEAD_FILES:
        for path in list(out.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the page's context and to the end of the build."""
    # jupyter-book sets this for an extension (sphinx_comments) that the book does not load.
    app.add_config_value("comments_config", {}, "html")
    app.connect("html-page-context", _offer_to_templates)
    # After the extensions that copy their files at the end of the build (default priority 500).
    app.connect("build-finished", _lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
