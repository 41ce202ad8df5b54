"""`python -m llmbook classify`: a reader's CSV in, honest numbers out, nothing written half."""

import csv
import re
import sys
from pathlib import Path

import pytest

from llmbook import __main__ as shell
from llmbook.corpora import reviews, table

pytest.importorskip("sklearn")
ROWS = reviews.splits(train=400, valid=2, test=100, compositions=4)


def write(name, rows, header=("text", "label")):
    with open(name, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("train.csv", [(r.text, r.label) for r in ROWS["train"]])
    write("new.csv", [(i, r.text) for i, r in enumerate(ROWS["test"])], ("id", "text"))
    return tmp_path


def files():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def refused(capsys, *argv):
    """Run a command that must fail as it should, and give its message."""
    before = files()
    try:
        status = shell.main(["classify", *argv])
    except SystemExit as leaving:
        status = leaving.code
    message = capsys.readouterr().err
    assert status == 2
    assert message.count("\n") == 1 or message.startswith("usage")
    assert files() == before
    return message


def run(capsys, *argv):
    assert shell.main(["classify", *argv]) == 0
    return capsys.readouterr().out


# What should work


def test_it_holds_out_reports_and_writes_nothing(capsys):
    before = files()
    said = run(capsys, "train.csv")
    low, high = map(float, re.search(r"interval ([\d.]+) to ([\d.]+)", said).groups())
    accuracy = float(re.search(r"accuracy ([\d.]+)", said)[1])
    assert 0.5 < low < accuracy < high < 1
    rows = re.findall(r"^(?:negative|positive) +(\d+) +(\d+)$", said, re.M)
    cells = [int(number) for row in rows for number in row]
    assert len(cells) == 4
    assert sum(cells) <= 80  # a fifth of 400; what also stands in the other part is left out
    assert (cells[0] + cells[3]) / sum(cells) == pytest.approx(accuracy, abs=1e-3)
    assert said == run(capsys, "train.csv")
    assert said != run(capsys, "train.csv", "--seed", "1")
    assert files() == before


def test_predictions_keep_the_table_and_add_two_columns(capsys):
    run(capsys, "train.csv", "--predict", "new.csv", "--out", "out.csv")
    with open("out.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["id"] for r in rows] == [str(i) for i in range(100)]
    assert [r["text"] for r in rows] == [r.text for r in ROWS["test"]]
    right = [a["predicted_label"] == b.label for a, b in zip(rows, ROWS["test"], strict=True)]
    assert sum(right) > 60  # chance has a standard deviation of 5 about 50
    assert all(0.5 <= float(r["predicted_probability"]) <= 1 for r in rows)
    first = Path("out.csv").read_bytes()
    run(capsys, "train.csv", "--predict", "new.csv", "--out", "out.csv", "--force")
    assert Path("out.csv").read_bytes() == first


def test_a_test_file_other_columns_labels_and_delimiters(capsys):
    rows = [(("ja", "nein", "egal")[i % 3], f"{w} {i}") for i, w in enumerate("abc" * 30)]
    Path("t.csv").write_text("Urteil;Satz\n" + "".join(f'{y};"{t}; wort{t[0]}"\n' for y, t in rows))
    names = ["--text-column", "Satz", "--label-column", "Urteil", "--delimiter", ";"]
    Path("u.csv").write_text("Satz;Urteil\nworta neu;ja\nwortb neu;nein\nwortc neu;egal\n")
    said = run(capsys, "t.csv", "--test", "u.csv", *names)
    assert "accuracy 1.000" in said
    assert "3 labels" in said


def test_texts_that_were_learned_from_are_left_out_of_the_score(capsys):
    rows = [(r.text, r.label) for r in ROWS["train"][:50]]
    fresh = [(r.text, r.label) for r in ROWS["test"][:10]]
    write("test.csv", [*rows, *fresh])
    said = run(capsys, "train.csv", "--test", "test.csv")
    assert "50 test texts stand among the training texts" in said


def test_line_ends_quotes_and_other_scripts_survive(capsys):
    texts = ['say "no",\nplease', "这个很好", "=1+1", " é "]
    write("odd.csv", [(t,) for t in texts], ("text",))
    run(capsys, "train.csv", "--predict", "odd.csv")
    with open("predictions.csv", encoding="utf-8", newline="") as file:
        assert [r["text"] for r in csv.DictReader(file)] == texts


def test_characters_serve_a_language_without_spaces(capsys):
    rows = [(f"{a}{b}很好", "好") for a in "天地人" for b in "山水火木"]
    rows += [(f"{a}{b}不好", "坏") for a in "天地人" for b in "山水火木"]
    write("zh.csv", rows)
    assert "accuracy 1.000" in run(capsys, "zh.csv", "--characters")


# What should be refused


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"text,label\n", "no rows below"),
        (b"text,class\na,b\n", "no column 'label'; it has 'text', 'class'"),
        (b"text;label\na;b\n", "perhaps ';' is what separates"),
        (b"text,label,text\na,b,c\n", "column 'text' 2 times"),
        (b'text,label\n"never closed,p\nb,n\n', "line 3: a double quote opens .* never closed"),
        (b'text,label\n"a "good" one",p\n', r'line 2: .*write it twice \(""\)'),
        (b"text,label\na,p\nb, and c,n\n", "line 3: the row has 3 fields, the header 2"),
        (b"text,label\na,p\n,n\n", "line 3: the column 'text' is empty"),
        (b"text,label\na,p\nb, \n", "line 3: the column 'label' is empty"),
        (b"text,label\na,p\nb,p\nc,p\n", "every text of bad.csv has the label 'p'"),
        (b"text,label\na,p\nb,p\nc,n\n", "only one text has the label 'n'"),
        (b"text,label\n!,p\n?,p\n.,n\n;,n\n", "no text of bad.csv holds a word"),
        (b"text,label\ncaf\xe9,p\n", r"not UTF-8: byte 0xe9 at offset 14 \(line 2\)"),
        (b"\xff\xfet\x00e\x00", "UTF-16"),
        (b"PK\x03\x04" + bytes(99), "workbook or an archive"),
        (b"text,label\n\0\0,p\n", "binary file"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        (b'text,label\n"' + b"x" * 200_000, "never closed"),
    ],
)
def test_a_table_that_cannot_be_used_is_named(content, says, capsys):
    Path("bad.csv").write_bytes(content)
    assert re.search(says, refused(capsys, "bad.csv", "--predict", "new.csv"))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["nothing.csv"], "no file nothing.csv"),
        (["."], "is a folder"),
        (["train.csv", "--test", "new.csv"], "new.csv has no column 'label'"),
        (["train.csv", "--test", "strange.csv"], "the label 'meh', of which train.csv has no text"),
        (["train.csv", "--test", "train.csv"], "0 texts are left to test on"),
        (["train.csv", "--out", "x.csv"], "give the new texts by --predict"),
        (["train.csv", "--predict", "nothing.csv"], "no file nothing.csv"),
        (["train.csv", "--predict", "new.csv", "--out", "no/x.csv"], "does not exist"),
        (["train.csv", "--predict", "new.csv", "--out", "."], "folder"),
        (["train.csv", "--predict", "new.csv", "--out", "strange.csv"], "exists. Give --force"),
        (["train.csv", "--predict", "new.csv", "--out", "new.csv", "--force"], "files to read"),
        (["train.csv", "--predict", "twice.csv"], "column 'predicted_label' already"),
        (["train.csv", "--delimiter", "xy"], "give one character"),
        (["train.csv", "--seed", "x"], "invalid int value"),
    ],
)
def test_a_mistake_is_one_sentence(argv, says, capsys):
    write("strange.csv", [("a b", "meh")])
    write("twice.csv", [("a b", "meh")], ("text", "predicted_label"))
    assert re.search(says, refused(capsys, *argv))


def test_a_file_too_large_is_refused_before_it_is_read(monkeypatch, capsys):
    monkeypatch.setattr(table, "LARGEST", 100)
    assert re.search("at most 100 are read", refused(capsys, "train.csv"))


def test_without_scikit_learn_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    assert "pip install scikit-learn" in refused(capsys, "train.csv")


def test_a_full_disk_leaves_the_earlier_predictions(monkeypatch, capsys):
    from llmbook import files as module

    Path("predictions.csv").write_text("earlier")

    def full(*args):
        raise OSError(28, "No space left on device", "predictions.csv")

    monkeypatch.setattr(module.os, "fsync", full)
    said = refused(capsys, "train.csv", "--predict", "new.csv", "--force")
    assert "No space left" in said
