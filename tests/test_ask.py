"""The shell's ask: answers with their source, and one sentence for every mistake."""

import re
import sys
from pathlib import Path

import pytest

from llmbook import __main__ as shell
from llmbook.retrieval import folder as own

NOTES = (
    "# Animals\n\nCats purr when they are content.\nDogs bark.\n\nWhales sleep with half a brain.\n"
)


@pytest.fixture(autouse=True)
def notes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("notes/deep").mkdir(parents=True)
    Path("notes/animals.md").write_text(NOTES, encoding="utf-8")
    Path("notes/deep/tea.txt").write_text("Green tea wants 80 degrees.", encoding="utf-8")
    Path("notes/deep/data.bin").write_bytes(b"\0\1\2")
    return tmp_path


def said(capsys, *argv):
    assert shell.main(["ask", *argv]) == 0
    return capsys.readouterr().out


def refused(capsys, *argv):
    try:
        status = shell.main(["ask", *argv])
    except SystemExit as leaving:
        status = leaving.code
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert "Traceback" not in printed.err
    return printed.err


# What should work


def test_an_answer_comes_with_its_file_and_line(capsys):
    out = said(capsys, "How do whales sleep?", "--folder", "notes")
    assert out.startswith("Whales sleep with half a brain.\n    from notes/animals.md:6\n")
    assert "notes/deep/tea.txt:1" in said(
        capsys, "How many degrees for green tea", "--folder", "notes"
    )


def test_what_nothing_fits_is_said_and_is_no_mistake(capsys):
    out = said(capsys, "Who won the cup final?", "--folder", "notes")
    assert out.startswith("I do not know.")


def test_python_itself_can_be_asked(capsys):
    out = said(capsys, "Does the loop variable still exist after the loop?", "--top", "1")
    assert re.search(r"help\('\w[\w-]*'\)", out)
    assert "2. help" not in out


def test_chinese_can_be_asked(capsys):
    Path("zh").mkdir()
    text = "猫喜欢喝牛奶。\n\n狗在公园里跑步。\n"
    Path("zh/a.txt").write_text(text, encoding="utf-8")
    assert said(capsys, "猫喜欢喝什么", "--folder", "zh").startswith("猫喜欢喝牛奶。")


def test_line_ends_and_byte_order_marks_of_other_systems(capsys):
    Path("notes/animals.md").write_bytes(b"\xef\xbb\xbf" + NOTES.replace("\n", "\r\n").encode())
    out = said(capsys, "How do whales sleep?", "--folder", "notes")
    assert "notes/animals.md:6" in out


def test_every_word_of_a_folder_is_in_a_passage():
    words = sorted(w for p in own.passages(Path("notes")) for w in p.text.split())
    texts = NOTES + "Green tea wants 80 degrees."
    assert words == sorted(w for w in texts.split() if w != "#") or words == sorted(texts.split())


def test_a_line_of_any_length_is_cut_between_words():
    text = " ".join(f"word{i}" for i in range(2000))
    parts = list(own.pieces(text))
    assert " ".join(parts) == text
    assert max(map(len, parts)) <= own.LONGEST
    assert "".join(own.pieces("x" * 2500)) == "x" * 2500


def test_hidden_files_and_other_kinds_are_left_out():
    Path("notes/.git").mkdir()
    Path("notes/.git/x.txt").write_text("hidden", encoding="utf-8")
    names = [p.name for p in own.files(Path("notes"))]
    assert names == ["animals.md", "tea.txt"]


# What should be refused


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["", "--folder", "notes"], "question is empty"),
        (["  \n"], "question is empty"),
        (["x", "--folder", "nowhere"], "no folder nowhere"),
        (["x", "--folder", "notes/animals.md"], "is a file; give the folder"),
        (["x", "--folder", "notes", "--top", "0"], "positive whole number"),
        ([], "the following arguments are required"),
    ],
)
def test_a_mistake_is_named(argv, says, capsys):
    assert re.search(says, refused(capsys, *argv))


def test_a_folder_without_text_is_named(capsys):
    Path("empty").mkdir()
    assert "holds no text: no file below it ends in" in refused(capsys, "x", "--folder", "empty")
    Path("empty/a.txt").write_text("\n… \n", encoding="utf-8")
    assert "hold no word" in refused(capsys, "x", "--folder", "empty")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"PK\3\4\0\0", "binary data (a zero byte at offset 4)"),
        (b"caf\xe9 au lait", "byte 0xe9"),
        (b"\xff\xfeh\x00i\x00", "UTF-16"),
    ],
)
def test_a_file_that_is_no_utf8_text_is_named(raw, says, capsys):
    Path("notes/bad.txt").write_bytes(raw)
    message = refused(capsys, "x", "--folder", "notes")
    assert says in message
    assert "bad.txt" in message


def test_too_much_text_is_refused_before_it_is_read(capsys, monkeypatch):
    with open("notes/huge.txt", "wb") as file:
        file.truncate(100_000_000)  # a sparse file: no byte of it is ever written

    def never(*args):
        raise AssertionError("it was read")

    monkeypatch.setattr(Path, "read_bytes", never)
    message = refused(capsys, "x", "--folder", "notes")
    assert "100.0 MB of text" in message
    assert "huge.txt" in message


def test_without_bm25s_one_sentence_says_so(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "bm25s", None)
    message = refused(capsys, "x", "--folder", "notes")
    assert "needs the package bm25s" in message
    assert message.count("\n") == 1
