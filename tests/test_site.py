"""The built website, in a real browser that may reach nothing but the site itself.

`make book` builds it first. The browser is Debian's `chromium`, or the one that CHROME names.
"""

from __future__ import annotations

import gzip
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import nbformat
import pytest
import yaml

from browser import Visit, absent, chromium, served
from test_exercises import WITHOUT_EXERCISES

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "tools"))

from build_site import listed  # noqa: E402 (the tools are no package)

pytestmark = pytest.mark.site

SITE = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html"))
SOURCES = SITE.parents[1]
DOCUMENTS = list(listed(yaml.safe_load((SOURCES / "_toc.yml").read_text(encoding="utf-8"))))
CHAPTERS = [document for document in DOCUMENTS if document.startswith("chapters/")]
PHONE = 375
MOST_BYTES = 900_000  # what one chapter may cost a reader, compressed
every_page = pytest.mark.parametrize("document", DOCUMENTS)
every_chapter = pytest.mark.parametrize("document", CHAPTERS)
every_studied_chapter = pytest.mark.parametrize(
    "document", [name for name in CHAPTERS if Path(name).name not in WITHOUT_EXERCISES]
)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of the served site."""
    if not (SITE / "index.html").exists():
        absent("the site is not built yet: run `make book`")
    with served(SITE) as address:
        yield address


@pytest.fixture(scope="module")
def browser(site: str) -> Iterator[Any]:
    with chromium() as program:
        yield program


@pytest.fixture
def visit(browser: Any, site: str) -> Iterator[Visit]:
    with Visit(browser, site) as made:
        yield made


LOOK = r"""() => {
  const article = document.querySelector("article");
  const prose = article.cloneNode(true);
  prose.querySelectorAll("pre, code, .math, script, style").forEach(e => e.remove());
  const links = [...document.querySelectorAll("a[href]")].map(a => a.href);
  return {
    language: document.documentElement.lang,
    title: document.title,
    headings: [...article.querySelectorAll("h1")].map(h => h.innerText),
    text: prose.textContent,
    formulas: article.querySelectorAll(".math").length,
    rendered: article.querySelectorAll(".math > .katex, .math .katex-display").length,
    faulty: article.querySelectorAll(".math-error, .katex-error").length,
    nameless: [...article.querySelectorAll("img")].map(i => i.alt)
      .filter(alt => !alt.trim() || /\.(png|svg|jpe?g)$/.test(alt)),
    broken: [...document.querySelectorAll("img")].filter(i => !i.naturalWidth).map(i => i.src),
    mute: [...document.querySelectorAll("button, a[href]")].filter(e => e.checkVisibility()
      && !(e.innerText.trim() || e.ariaLabel || e.title || e.dataset.bsTitle
           || e.querySelector("img[alt], svg title"))).map(e => e.outerHTML),
    links: [...new Set(links)],
  };
}"""
WIDE = r"""() => [...document.querySelectorAll("body *")].filter(e => {
  const box = e.getBoundingClientRect();
  return box.right > innerWidth + 1 && box.width > 0 && e.checkVisibility();
}).slice(0, 3).map(e => e.outerHTML.slice(0, 120))"""
CUT = r"""() => [...document.querySelectorAll(".prev-next-area a")]
  .filter(a => a.scrollWidth > a.clientWidth + 1).map(a => a.innerText)"""  # hidden, not scrolled


@dataclass
class Seen:
    """What one look at a page told."""

    look: dict[str, Any]
    outside: list[str]
    complaints: list[str]
    files: set[Path]
    phone_width: int
    cut: list[str]
    wide: list[str] = field(default_factory=list)


_SEEN: dict[str, Seen] = {}


@pytest.fixture
def seen(browser: Any, site: str, document: str) -> Seen:
    """One look at a page, shared by the tests that ask about it."""
    if document not in _SEEN:
        with Visit(browser, site) as made:
            page = made.open(f"{document}.html")
            look = page.evaluate(LOOK)
            files = made.files(SITE)
            page.set_viewport_size({"width": PHONE, "height": 760})
            width = page.evaluate("document.documentElement.scrollWidth")
            cut = page.evaluate(CUT)
            wide = page.evaluate(WIDE) if width > PHONE else []
            _SEEN[document] = Seen(look, made.outside, made.complaints, files, width, cut, wide)
    return _SEEN[document]


# Every page ---------------------------------------------------------------------------------


@every_page
def test_page_asks_nothing_of_the_network_and_complains_of_nothing(seen: Seen) -> None:
    assert seen.outside == []
    assert seen.complaints == []


@every_page
def test_page_has_language_title_one_heading_and_names_for_what_it_shows(seen: Seen) -> None:
    assert seen.look["language"] == "en"
    assert seen.look["title"].strip()
    assert len(seen.look["headings"]) == 1
    assert seen.look["nameless"] == []
    assert seen.look["broken"] == []
    assert seen.look["mute"] == []


@every_page
def test_formulas_are_set(seen: Seen) -> None:
    assert seen.look["faulty"] == 0
    assert seen.look["rendered"] == seen.look["formulas"]
    raw = re.findall(r"\\[a-zA-Z]{2,}\b.{0,20}|\$\$.{0,20}|\\\(.{0,20}", seen.look["text"])
    assert raw == []


@every_page
def test_no_myst_is_left_on_the_page(seen: Seen) -> None:
    raw = re.findall(r"\{[a-z:-]+\}`.{0,20}|:::.{0,20}|\]\(\S{1,20}", seen.look["text"])
    assert raw == []


@every_page
def test_page_fits_a_phone(seen: Seen) -> None:
    assert seen.phone_width <= PHONE, seen.wide
    assert seen.cut == []


class _Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attributes if name in ("id", "name") and value}


@cache
def ids(path: Path) -> set[str]:
    """The places of a page that a link can name."""
    parser = _Ids()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser.found


@every_page
def test_links_within_the_site_lead_somewhere(seen: Seen, site: str) -> None:
    dead = []
    for link in seen.look["links"]:
        address, place = urldefrag(link)
        if not address.startswith(site):
            assert re.match(r"(https?|mailto):", link), f"no page reaches {link}"
            continue
        target = SITE / unquote(address.removeprefix(site).split("?")[0] or "index.html")
        if not target.is_file() or (place and unquote(place) not in ids(target)):
            dead.append(link)
    assert dead == []


@every_page
def test_page_is_newer_than_its_source(site: str, document: str) -> None:
    page = SITE / f"{document}.html"
    source = next(p for s in (".ipynb", ".md") if (p := SOURCES / (document + s)).exists())
    assert page.exists(), "run `make book`"
    assert page.stat().st_mtime >= source.stat().st_mtime, "the site is old: run `make book`"


# A chapter ----------------------------------------------------------------------------------


def transfer(files: set[Path]) -> dict[str, int]:
    """Bytes of each file as a compressing server sends it."""
    sizes = {}
    for path in files:
        raw = path.read_bytes()
        sizes[path.relative_to(SITE).as_posix()] = min(len(raw), len(gzip.compress(raw)))
    return sizes


@every_chapter
def test_chapter_is_light(seen: Seen) -> None:
    sizes = transfer(seen.files)
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert len(sizes) > 5, "the page's own style and scripts were not counted"
    assert sum(sizes.values()) < MOST_BYTES, largest


@every_chapter
def test_chapter_offers_its_notebook(visit: Visit, document: str) -> None:
    page = visit.open(f"{document}.html")
    link = page.locator("a.book-button[download]")
    path = urljoin(page.url, link.get_attribute("href")).removeprefix(visit.base)
    notebook = nbformat.reads((SITE / path).read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(notebook)
    assert any(cell.cell_type == "code" and cell.outputs for cell in notebook.cells)
    for colab in page.locator("a.book-button:not([download])").all():
        address = r"https://colab\.research\.google\.com/github/[^/]+/[^/]+/blob/[^/]+/(.+)"
        assert re.fullmatch(address, colab.get_attribute("href"))[1] == path


@every_chapter
def test_copy_button_copies_the_cell(visit: Visit, document: str) -> None:
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.open(f"{document}.html")
    cell = page.locator("div.cell_input div.highlight").filter(visible=True).first
    cell.hover()
    cell.locator("button.copybtn").click()
    page.wait_for_selector("button.copybtn.success")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == cell.locator("pre").inner_text().strip()


@every_studied_chapter
def test_solution_opens_at_a_click(visit: Visit, document: str) -> None:
    page = visit.open(f"{document}.html")
    solutions = page.locator(".solution.admonition")
    assert solutions.count() >= 5, "a chapter has at least five exercises, each with a solution"
    code = solutions.first.locator("div.cell_input").first
    assert not code.is_visible()
    solutions.first.locator(".admonition-title").click()
    assert code.is_visible()


@every_studied_chapter
def test_quiz_answers_and_still_asks_nothing_of_the_network(visit: Visit, document: str) -> None:
    # The quiz's script waits before it looks for MathJax: the page's clock is ours to advance.
    visit.context.clock.install()
    page = visit.open(f"{document}.html")
    quiz = page.locator(".llmbook-quiz")
    assert quiz.count() == 1, "a concept quiz closes each chapter"
    question = quiz.locator(".Quiz").first
    verdict = question.locator(".Feedback").first
    assert verdict.inner_text() == ""
    question.locator("label.MCButton, input.Input-text").first.click()
    if question.locator("label.MCButton").count() == 0:
        page.keyboard.type("1\n")
    page.wait_for_function("e => e.innerText.trim() !== ''", arg=verdict.element_handle())
    page.clock.run_for(10_000)
    page.wait_for_load_state("networkidle")
    assert visit.outside == []
    assert visit.complaints == []


# The whole site -----------------------------------------------------------------------------


def test_first_page_leads_to_the_book(visit: Visit) -> None:
    page = visit.open("")
    page.wait_for_url(visit.base + "book/index.html")
    page.locator(".book-begin a").click()
    page.wait_for_url(visit.base + DOCUMENTS[1] + ".html")


def test_landing_page_lists_every_page(visit: Visit) -> None:
    page = visit.open("book/index.html")
    found = page.eval_on_selector_all(".book-parts a", "links => links.map(a => a.href)")
    assert found == [f"{visit.base}{document}.html" for document in DOCUMENTS[1:]]


def test_next_and_previous_walk_through_all_pages(visit: Visit) -> None:
    page = visit.open(f"{DOCUMENTS[0]}.html")
    for document in DOCUMENTS[1:]:
        page.locator("a.right-next").click()
        page.wait_for_url(f"{visit.base}{document}.html")
    assert page.locator("a.right-next").count() == 0
    page.locator("a.left-prev").click()
    page.wait_for_url(f"{visit.base}{DOCUMENTS[-2]}.html")


def search(page: Any, word: str) -> list[str]:
    """Search for a word by the button above or beside the page; the pages that were found."""
    page.locator(".search-button__button").filter(visible=True).first.click()
    page.locator("#pst-search-dialog input[type=search]").fill(word)
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    page.wait_for_function(
        "!document.querySelector('#search-progress')?.innerText.trim()"
        " || document.querySelector('.search-summary')?.innerText.trim()"
    )
    return page.eval_on_selector_all("#search-results li a", "links => links.map(a => a.href)")


@pytest.mark.parametrize("width", [1280, PHONE])
def test_search_finds_a_word_by_the_site_alone(browser: Any, site: str, width: int) -> None:
    with Visit(browser, site, width) as visit:
        found = search(visit.open("book/index.html"), "perplexity")
        assert f"{site}book/glossary.html" in {link.split("#")[0].split("?")[0] for link in found}
        visit.page.wait_for_load_state("networkidle")
        assert visit.outside == []
        assert visit.complaints == []


def test_site_reads_and_searches_from_a_folder(browser: Any, site: str) -> None:
    with Visit(browser, SITE.as_uri() + "/") as visit:
        page = visit.open("book/index.html")
        assert page.evaluate("[...document.styleSheets].length") > 5
        found = search(page, "perplexity")
        assert any("book/glossary.html" in link for link in found)
        assert visit.outside == []
        assert visit.complaints == []


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of a CSS colour `rgb(r, g, b)`."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(page: Any) -> tuple[float, float]:
    """Luminance of the page's ground, and the contrast of its text with it."""
    style = "getComputedStyle(document.querySelector('{}')).{}"
    ground = luminance(page.evaluate(style.format("body", "backgroundColor")))
    text = luminance(page.evaluate(style.format("article p", "color")))
    return ground, (max(ground, text) + 0.05) / (min(ground, text) + 0.05)


@pytest.mark.parametrize("system", ["light", "dark"])
def test_theme_follows_the_system_switches_and_is_remembered(
    browser: Any, site: str, system: str
) -> None:
    other = {"light": "dark", "dark": "light"}[system]
    with Visit(browser, site, color_scheme=system) as visit:
        page = visit.open("book/notation.html")
        grounds = {}
        for theme in (system, other):
            for _ in range(3):  # the button goes round: light, dark, as the system says
                if page.evaluate("document.documentElement.dataset.theme") == theme:
                    break
                page.locator(".theme-switch-button").filter(visible=True).first.click()
            page.wait_for_function(f"document.documentElement.dataset.theme === '{theme}'")
            grounds[theme], readable = contrast(page)
            assert readable >= 7  # WCAG 2.2, success criterion 1.4.6 (AAA)
        assert grounds["light"] > 0.8 > 0.1 > grounds["dark"]
        visit.open("book/glossary.html")
        assert page.evaluate("document.documentElement.dataset.theme") == other
        assert visit.outside == []
        assert visit.complaints == []


def test_contents_open_on_a_phone(browser: Any, site: str) -> None:
    with Visit(browser, site, PHONE) as visit:
        page = visit.open("book/notation.html")
        link = page.locator("#pst-primary-sidebar a, #pst-primary-sidebar-modal a")
        link = link.filter(has_text="Glossary").first
        assert not link.is_visible()
        page.locator(".primary-toggle").filter(visible=True).first.click()
        link.click()
        page.wait_for_url(f"{site}book/glossary.html")


def test_formulas_need_no_script(browser: Any, site: str) -> None:
    with Visit(browser, site, java_script_enabled=False) as visit:
        page = visit.open("book/notation.html")
        assert page.locator(".math .katex-html").count() > 20
        assert page.locator(".math .katex-html").first.is_visible()


def test_glossary_and_bibliography_hold_all_their_entries(visit: Visit) -> None:
    glossary = (SOURCES / "book" / "glossary.md").read_text(encoding="utf-8")
    body = glossary.split(":sorted:\n", 1)[1]
    terms = re.findall(r"^(?![ :]).+$", body, re.MULTILINE)
    assert len(terms) >= 60
    assert visit.open("book/glossary.html").locator("dl.glossary dt").count() == len(terms)
    papers = (SOURCES / "book" / "references.bib").read_text(encoding="utf-8")
    entries = len(re.findall(r"^@\w+\{", papers, re.MULTILINE))
    page = visit.open("book/bibliography.html")
    assert page.locator("article .citation").count() == entries
    assert page.locator("article .citation a.external").count() >= entries


# What is written into the files -------------------------------------------------------------


def test_no_file_names_a_script_style_or_font_of_another_server(site: str) -> None:
    loads = re.compile(
        r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"(?:https?:)?//[^\"]*"
        r"|<link\b(?![^>]*rel=\"(?:canonical|author|license)\")[^>]*\bhref=\"(?:https?:)?//[^\"]*"
        r"|url\([\"']?(?:https?:)?//[^)]*|@import\s+[\"'](?:https?:)?//[^\"']*"
    )
    files = [*SITE.rglob("*.html"), *SITE.rglob("*.css"), *SITE.rglob("*.svg")]
    found = {
        path.relative_to(SITE).as_posix(): hits
        for path in files
        if (hits := loads.findall(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_site_carries_no_dead_weight(site: str) -> None:
    names = {path.name for path in SITE.rglob("*")}
    assert not {name for name in names if name.endswith((".map", ".ttf", ".po", ".mo"))}
    assert "fontawesome.js" not in names
