"""Pushes the built site, Colab edition included, to the branch that is served: one commit, no past.

    python book/tools/publish.py            # to git's `origin`
    python book/tools/publish.py --remote URL

The branch is replaced: it can be built again from any commit, and a history of built pages would
outgrow the book. Neither the working tree nor the index is touched.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from repository import COLAB_FOLDER, PUBLISHED_BRANCH, ROOT

SITE = ROOT / "_build" / "html"


class PublishError(Exception):
    """The site cannot be published; the message says why and what to do."""


def check(site: Path) -> None:
    """Refuse a site that is not whole."""
    if not (site / "index.html").is_file():
        raise PublishError(f"there is no site in {site}: make book builds it")
    if not any((site / COLAB_FOLDER).rglob("*.ipynb")):
        raise PublishError(f"the site has no notebooks in {COLAB_FOLDER}/: make book writes them")


def publish(site: Path = SITE, remote: str = "origin", repository: Path = ROOT) -> str:
    """Push `site` as the only commit of the published branch; its hash. Raises PublishError."""
    check(site)
    (site / ".nojekyll").touch()  # else the host hides folders that begin with an underscore
    with tempfile.TemporaryDirectory() as folder:
        git = _Git(repository, index=Path(folder) / "index")
        source = git("rev-parse", "--short", "HEAD")
        git("--work-tree", str(site), "add", "--all", "--force", ".", cwd=site)
        tree = git("write-tree")
        commit = git("commit-tree", tree, "-m", f"Publish {source}")
        git("push", "--quiet", "--force", remote, f"{commit}:refs/heads/{PUBLISHED_BRANCH}")
    return commit


class _Git:
    """git on a repository with an index of its own; raises PublishError with git's words."""

    def __init__(self, repository: Path, index: Path) -> None:
        directory = subprocess.run(
            ["git", "rev-parse", "--absolute-git-dir"],
            cwd=repository, capture_output=True, text=True,
        )  # fmt: skip
        if directory.returncode:
            raise PublishError(f"{repository} is no git repository")
        own = {"GIT_INDEX_FILE": str(index), "GIT_DIR": directory.stdout.strip()}
        self._environment = {**os.environ, **own}
        self._repository = repository

    def __call__(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or self._repository,
            env=self._environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise PublishError(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--remote", default="origin", help="where to push (default: origin)")
    try:
        commit = publish(remote=parser.parse_args().remote)
    except PublishError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"published as {commit[:9]} on {PUBLISHED_BRANCH}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
