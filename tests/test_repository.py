"""The repository's address: where it may come from and what may never be made of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from repository import Repository, main, resolve

GITHUB = [
    "ada/book",
    "ada/book.git",
    "https://github.com/ada/book",
    "https://github.com/ada/book.git",
    "https://github.com/ada/book/",
    "https://secret@github.com/ada/book.git",
    "git@github.com:ada/book.git",
    "ssh://git@github.com/ada/book",
    "git+https://github.com/ada/book.git",
    " ada/book ",
]


@pytest.mark.parametrize("address", GITHUB)
def test_every_form_of_a_github_address_means_the_same(address):
    repository = Repository.parse(address)
    assert repository == Repository(
        "https://github.com/ada/book.git", "ada/book", "https://ada.github.io/book/"
    )


@pytest.mark.parametrize(
    "address",
    ["", "book", "a/b/c", "-a/b", "a/..", "ada/book; rm", "https://github.com/ada", 'file:///a"b'],
)
def test_what_is_no_address_is_refused_by_name(address):
    with pytest.raises(ValueError, match="not the address of a repository") as error:
        Repository.parse(address)
    assert repr(address.strip()) in str(error.value)


def test_no_token_of_another_host_reaches_a_notebook():
    repository = Repository.parse("https://user:secret@git.example.org/ada/book.git")
    assert repository.git_url == "https://git.example.org/ada/book.git"


def test_a_repository_elsewhere_has_a_git_address_and_no_more():
    repository = Repository.parse("file:///somewhere/book")
    assert repository.git_url == "file:///somewhere/book"
    assert repository.name is None
    assert repository.site is None
    assert repository.page("chapters/a/b") is None
    assert repository.colab("chapters/a/b") is None


def test_addresses_of_a_chapter():
    repository = Repository.parse("Ada/book")
    assert repository.page("chapters/part/slug") == (
        "https://ada.github.io/book/chapters/part/slug.html"
    )
    assert repository.colab("chapters/part/slug") == (
        "https://colab.research.google.com/github/Ada/book/blob/gh-pages/colab/part/slug.ipynb"
    )


def test_the_repository_of_an_owners_own_site_is_served_at_its_root():
    assert Repository.parse("Ada/ada.github.io").site == "https://ada.github.io/"


@pytest.mark.parametrize("site", ["https://book.example.org", "https://book.example.org/"])
def test_a_named_site_wins_and_ends_in_one_slash(site):
    repository = resolve({"BOOK_REPOSITORY": "ada/book", "BOOK_SITE": site})
    assert repository.site == "https://book.example.org/"


@pytest.fixture
def clone(tmp_path):
    """A git repository without a remote, and a function that gives it one."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    git("init", "-q")
    return tmp_path, lambda address: git("remote", "add", "origin", address)


def test_the_order_is_own_variable_then_the_runners_then_origin(clone):
    folder, add_origin = clone
    add_origin("git@github.com:from/origin.git")
    environ = {"BOOK_REPOSITORY": "from/book", "GITHUB_REPOSITORY": "from/runner"}
    assert resolve(environ, folder).name == "from/book"
    del environ["BOOK_REPOSITORY"]
    assert resolve(environ, folder).name == "from/runner"
    assert resolve({}, folder).name == "from/origin"
    assert resolve({"BOOK_REPOSITORY": ""}, folder).name == "from/origin"


def test_an_origin_elsewhere_is_not_taken_for_the_books_home(clone):
    folder, add_origin = clone
    add_origin("https://git.example.org/ada/book.git")
    assert resolve({}, folder) is None


def test_nothing_is_known_without_variables_and_origin(clone):
    folder, _ = clone
    assert resolve({}, folder) is None
    assert resolve({}, folder / "missing") is None


def test_a_runner_of_another_server_is_not_sent_to_github():
    environ = {"GITHUB_REPOSITORY": "ada/book", "GITHUB_SERVER_URL": "https://git.example.org"}
    repository = resolve(environ)
    assert repository.git_url == "https://git.example.org/ada/book.git"
    assert repository.name is None


def test_a_bad_variable_is_named():
    with pytest.raises(ValueError, match="BOOK_REPOSITORY: 'nonsense'"):
        resolve({"BOOK_REPOSITORY": "nonsense"})


def test_the_command_says_how_to_set_an_address(monkeypatch, capsys):
    monkeypatch.setenv("BOOK_REPOSITORY", "ada/book")
    assert main() == 0
    assert "https://github.com/ada/book.git" in capsys.readouterr().out
    monkeypatch.setattr("repository.resolve", lambda: None)
    assert main() == 1
    assert "BOOK_REPOSITORY=owner/name" in capsys.readouterr().out


def test_no_committed_file_of_the_book_names_a_repository_of_its_own():
    root = Path(__file__).resolve().parents[1]
    sources = [*root.glob("chapters/*/*.md"), *root.glob("book/*.md"), root / "pyproject.toml"]
    sources.remove(root / "book" / "resources.md")  # lists the sites of others
    for source in sources:
        assert "github.io" not in source.read_text(encoding="utf-8"), source
