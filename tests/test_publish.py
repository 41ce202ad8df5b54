"""Publishing pushes the whole site as one commit and touches nothing else."""

import subprocess
from pathlib import Path

import publish
import pytest
from publish import PublishError
from repository import COLAB_FOLDER, PUBLISHED_BRANCH


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A repository with a commit, something staged, a built site, and a place to push to."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "a")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@b.example")
    root, remote = tmp_path / "book", tmp_path / "remote.git"
    root.mkdir()
    git(tmp_path, "init", "--quiet", "--bare", str(remote))
    git(root, "init", "--quiet", "--initial-branch", "main")
    (root / ".gitignore").write_text("_build/\n*.ipynb\n", encoding="utf-8")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    (root / "staged.txt").write_text("staged", encoding="utf-8")
    git(root, "add", "staged.txt")
    site = root / "_build" / "html"
    for name in ("index.html", "_static/style.css", f"{COLAB_FOLDER}/part/one.ipynb"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(name, encoding="utf-8")
    return root, site, remote


def test_the_branch_holds_the_site_and_no_past(book):
    root, site, remote = book
    status = git(root, "status", "--porcelain")
    publish.publish(site, str(remote), root)
    (site / "index.html").write_text("new", encoding="utf-8")
    (site / "_static" / "style.css").unlink()
    commit = publish.publish(site, str(remote), root)
    files = git(remote, "ls-tree", "-r", "--name-only", PUBLISHED_BRANCH).split()
    assert files == [".nojekyll", f"{COLAB_FOLDER}/part/one.ipynb", "index.html"]
    assert git(remote, "show", f"{PUBLISHED_BRANCH}:index.html") == "new"
    assert git(remote, "rev-list", PUBLISHED_BRANCH) == commit
    assert git(root, "status", "--porcelain") == status
    assert git(root, "branch", "--format=%(refname:short)") == "main"


@pytest.mark.parametrize("missing", ["index.html", f"{COLAB_FOLDER}/part/one.ipynb"])
def test_half_a_site_is_not_published(book, missing):
    root, site, remote = book
    (site / missing).unlink()
    with pytest.raises(PublishError, match="make book"):
        publish.publish(site, str(remote), root)
    assert git(remote, "branch") == ""


def test_a_remote_that_cannot_be_reached_is_said(book):
    root, site, _ = book
    with pytest.raises(PublishError, match="git push failed"):
        publish.publish(site, str(root / "nowhere"), root)


def test_outside_a_repository_it_says_so(book, tmp_path):
    _, site, remote = book
    with pytest.raises(PublishError, match="no git repository"):
        publish.publish(site, str(remote), tmp_path)
