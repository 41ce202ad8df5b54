"""A served copy of the site, and a browser that may reach nothing else."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOST = "127.0.0.1"


def absent(what: str) -> None:
    """Skip on a reader's machine, fail in continuous integration."""
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(what)
    pytest.skip(what)


def executable() -> str:
    """Path of the browser that drives the tests; skips or fails where there is none."""
    named = os.environ.get("CHROME")
    if named:
        found = shutil.which(named)
        return found or absent(f"CHROME={named} is no program that can be run")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or absent(
        "the site's tests need a browser: install the Debian package `chromium`, "
        "or name a Chromium or Chrome with CHROME=/path/to/it"
    )


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback interface; yields its address with a slash at the end."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer((HOST, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://{HOST}:{server.server_port}/"
        server.shutdown()
        thread.join()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        absent("the site's tests need playwright: pip install playwright")
    path = executable()
    flags = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


class Visit:
    """One page in one fresh profile, with everything that it asked for and complained about.

    Requests that leave `base` are recorded in `outside` and cut off.
    """

    def __init__(self, browser: Any, base: str, width: int = 1280, **options: Any):
        viewport = {"width": width, "height": 900}
        self.context = browser.new_context(viewport=viewport, **options)
        self.base = base
        self.inside: list[str] = []
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.context.route("**/*", self._sort)
        self.page = self.context.new_page()
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", self._answer)

    def _sort(self, route: Any) -> None:
        url = route.request.url
        if url.startswith((self.base, "data:", "blob:")):
            self.inside.append(url)
            route.continue_()
        else:
            self.outside.append(url)
            route.abort()

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _answer(self, response: Any) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def open(self, path: str) -> Any:
        """Load a page of the site and wait until it asks for nothing more."""
        self.page.goto(self.base + path, wait_until="networkidle")
        return self.page

    def files(self, folder: Path) -> set[Path]:
        """The files of the site that were asked for."""
        paths = {unquote(urlsplit(url).path) for url in self.inside if url.startswith(self.base)}
        prefix = unquote(urlsplit(self.base).path)
        return {folder / path.removeprefix(prefix) for path in paths}

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *error: Any) -> None:
        self.context.close()
