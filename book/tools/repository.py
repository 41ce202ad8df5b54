"""Where this book lives: one place that answers for the site, the notebooks and the buttons.

    >>> Repository.parse("ada/book").git_url
    'https://github.com/ada/book.git'

Committed files hold no address. It is looked up, in this order, in the environment variable
`BOOK_REPOSITORY`, in `GITHUB_REPOSITORY` (hosted runners set it) and in git's `origin` where that
is a GitHub address. `BOOK_SITE` names the site where it is not GitHub's own pages. With none of
these there is no address, and `HOW_TO_SET` is the sentence to print. Run as a command, this
module prints what was found.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: The branch that the site and the Colab edition are published to (Colab opens branches only).
PUBLISHED_BRANCH = "gh-pages"

#: The folder of the Colab edition on that branch, beside the pages.
COLAB_FOLDER = "colab"

HOW_TO_SET = (
    "The book's repository has no known address, so pages have no Colab button. "
    "Set BOOK_REPOSITORY=owner/name (or a whole git address) to give it one."
)

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/(?!\.{1,2}$)[A-Za-z0-9._-]+"
_GITHUB = re.compile(
    r"(?:https?://(?:[^@/\s]+@)?(?:www\.)?github\.com/"
    r"|git://github\.com/|(?:ssh://)?git@github\.com[:/])"
    rf"(?P<name>{_NAME}?)(?:\.git)?/?",
    re.IGNORECASE,
)
# No quotes or backslashes: the address is written into a line of code.
_OTHER_GIT = re.compile(
    r"(?P<scheme>https?|ssh|git|file)://(?:[^@/\s]+@)?(?P<rest>(?!(?:www\.)?github\.com/)[^\s\"'\\@]+)"
)


@dataclass(frozen=True)
class Repository:
    """An address of the book.

    `name` is GitHub's `owner/name`, None for a repository elsewhere; `git_url` is what
    `git clone` and `pip install git+…` take; `site` ends in a slash, None when nobody said it.
    """

    git_url: str
    name: str | None = None
    site: str | None = None

    @classmethod
    def parse(cls, address: str, site: str | None = None) -> Repository:
        """Read `owner/name`, a GitHub address of any form, or another git address.

        Raises ValueError for anything else, naming what was given.
        """
        address = address.strip().removeprefix("git+")
        found = re.fullmatch(_NAME, address) or _GITHUB.fullmatch(address)
        if found:
            name = (found.groupdict().get("name") or address).removesuffix(".git").rstrip("/")
            git_url = f"https://github.com/{name}.git"
            return cls(git_url, name, _with_slash(site) or _pages_address(name))
        other = _OTHER_GIT.fullmatch(address)
        if other:
            # A token or password in the address must never reach a published notebook.
            user = "git@" if other["scheme"] == "ssh" else ""
            return cls(f"{other['scheme']}://{user}{other['rest']}", None, _with_slash(site))
        raise ValueError(
            f"{address!r} is not the address of a repository; expected owner/name, "
            "https://github.com/owner/name, or another git address such as file:///folder"
        )

    def page(self, document: str) -> str | None:
        """Where the document `chapters/part/slug` is read on the site; None without a site."""
        return f"{self.site}{document}.html" if self.site else None

    def colab(self, document: str) -> str | None:
        """The address that opens a chapter in Colab; None when the book is not on GitHub."""
        if self.name is None:
            return None
        notebook = document.removeprefix("chapters/")
        branch = f"{self.name}/blob/{PUBLISHED_BRANCH}"
        return f"https://colab.research.google.com/github/{branch}/{COLAB_FOLDER}/{notebook}.ipynb"


def resolve(environ: Mapping[str, str] | None = None, root: Path | str = ROOT) -> Repository | None:
    """The book's address, or None when nothing tells it (then print `HOW_TO_SET`).

    Raises ValueError when a variable is set to something that is no address.
    """
    environ = os.environ if environ is None else environ
    site = environ.get("BOOK_SITE") or None
    for variable in ("BOOK_REPOSITORY", "GITHUB_REPOSITORY"):
        address = environ.get(variable)
        if address:
            server = environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
            if variable == "GITHUB_REPOSITORY" and server != "https://github.com":
                address = f"{server}/{address}.git"  # a company's own server
            try:
                return Repository.parse(address, site)
            except ValueError as error:
                raise ValueError(f"{variable}: {error}") from None
    origin = _origin(Path(root))
    if origin and _GITHUB.fullmatch(origin):
        return Repository.parse(origin, site)
    return None


def _origin(root: Path) -> str | None:
    """The address of git's remote `origin`; None without git, a repository or that remote."""
    command = ["git", "-C", str(root), "config", "--get", "remote.origin.url"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return answer.stdout.strip() or None


def _pages_address(name: str) -> str:
    """Where GitHub serves the pages of `owner/name`."""
    owner, repository = name.split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if repository.lower() == host else f"https://{host}/{repository}/"


def _with_slash(site: str | None) -> str | None:
    """The site's address with exactly one slash at its end."""
    return site.rstrip("/") + "/" if site else None


def main() -> int:
    """Print the address, or how to set one."""
    repository = resolve()
    if repository is None:
        print(HOW_TO_SET)
        return 1
    print(f"repository {repository.git_url}\nsite       {repository.site or 'not set (BOOK_SITE)'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
