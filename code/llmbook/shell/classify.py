"""`python -m llmbook classify`: learn the labels of your own texts, and say how well."""

import argparse
import csv
import io
import random
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from llmbook.shell import Command, UserError

HELD_OUT = 0.2  # of each label's texts, where no --test is given
ADDED = ("predicted_label", "predicted_probability")


def add(command: Command) -> None:
    """The command and its options."""
    sub = command(classify, file="a CSV file in UTF-8 with a column of texts and one of labels")
    sub.add_argument("--test", metavar="CSV", help="test on this file, not on a held-out fifth")
    sub.add_argument("--text-column", default="text", metavar="NAME", help="default %(default)s")
    sub.add_argument("--label-column", default="label", metavar="NAME", help="default %(default)s")
    sub.add_argument("--delimiter", default=",", help="between fields (default a comma; or: tab)")
    unit = "count runs of characters, not words: for languages written without spaces"
    sub.add_argument("--characters", action="store_true", help=unit)
    sub.add_argument("--predict", metavar="CSV", help="also label the texts of this file")
    sub.add_argument("--out", metavar="CSV", help="where to (default predictions.csv)")
    sub.add_argument("--force", action="store_true", help="replace --out if it exists")
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="of what is held out")


class Texts(NamedTuple):
    """Texts with their labels."""

    texts: list[str]
    labels: list[str]


def classify(options: argparse.Namespace) -> None:
    """Train TF-IDF and logistic regression on a CSV file of labelled texts, and test it."""
    out = _checked_out(options)
    learner(options)  # a missing library is told before any reading
    everything = labelled(options.file, options)
    if options.test:
        train, test = everything, labelled(options.test, options)
        if strange := sorted(set(test.labels) - set(train.labels)):
            raise UserError(
                f"{options.test} has the label {strange[0]!r}, of which {options.file} has no text."
            )
    else:
        train, test = split(everything, options.seed)
    new = _new_texts(options) if options.predict else None
    _check_texts(train, options.file)
    test, known = _unseen(train, test)
    model = learner(options).fit(*train)
    _report(model, train, test, known, options)
    if new is not None:
        model = learner(options).fit(*everything)
        _write(out, new, model.probabilities(new.column(options.text_column)), model.classes)
        print(f"\n{out}: {len(new.rows):,} texts labelled, after learning from all of", end=" ")
        print(options.file)


def learner(options: argparse.Namespace) -> Any:
    """The strong baseline, untrained."""
    from llmbook.sentiment import strong_baseline

    try:
        return strong_baseline(ngrams=4 if options.characters else 2, characters=options.characters)
    except ModuleNotFoundError as error:
        raise UserError(f"{error}.") from error


def labelled(path: str, options: argparse.Namespace) -> Texts:
    """The texts and labels of a CSV file."""
    columns = [options.text_column, options.label_column]
    table = _table(path, columns, options)
    return Texts(*([field.strip() for field in table.column(name)] for name in columns))


def _table(path: str, columns: list[str], options: argparse.Namespace) -> Any:
    from llmbook.corpora.table import read_table

    delimiter = {"tab": "\t", "\\t": "\t"}.get(options.delimiter, options.delimiter)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UserError(f"--delimiter is {options.delimiter!r}; give one character, or tab.")
    return read_table(path, columns, delimiter)


def split(data: Texts, seed: int) -> tuple[Texts, Texts]:
    """A fifth of each label's texts held out, drawn by the seed, and the rest."""
    dice, held = random.Random(seed), set()
    for label, count in sorted(Counter(data.labels).items()):
        if count < 2:
            raise UserError(
                f"only one text has the label {label!r}; each label needs at least two, one to "
                "learn from and one to test on."
            )
        places = [i for i, other in enumerate(data.labels) if other == label]
        held |= set(dice.sample(places, max(1, round(HELD_OUT * count))))
    parts = ([], []), ([], [])
    for i, pair in enumerate(zip(*data, strict=True)):
        for column, field in zip(parts[i in held], pair, strict=True):
            column.append(field)
    return Texts(*parts[0]), Texts(*parts[1])


def _check_texts(train: Texts, path: str) -> None:
    from llmbook.sentiment import words

    if len(set(train.labels)) < 2:
        raise UserError(
            f"every text of {path} has the label {train.labels[0]!r}; there is nothing to tell "
            "apart. Give texts of at least two labels."
        )
    if not any(map(words, train.texts)):
        raise UserError(f"no text of {path} holds a word. Is this the right column of texts?")


def _unseen(train: Texts, test: Texts) -> tuple[Texts, int]:
    """The test texts that are not among the training texts, and how many are."""
    seen = {_plain(text) for text in train.texts}
    kept = [(t, y) for t, y in zip(*test, strict=True) if _plain(t) not in seen]
    if len(kept) < 2:
        raise UserError(
            f"{len(kept)} texts are left to test on; an accuracy with an interval needs at least "
            "2 that are not among those learned from."
        )
    return Texts(*map(list, zip(*kept, strict=True))), len(test.texts) - len(kept)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _report(model: Any, train: Texts, test: Texts, known: int, options: argparse.Namespace) -> None:
    from llmbook.sentiment import confusion, hits
    from llmbook.uncertainty import bootstrap

    accuracy = bootstrap(hits(model, *test))
    often, _ = Counter(train.labels).most_common(1)[0]
    always = test.labels.count(often) / len(test.labels)
    unit = "characters, alone and in runs of up to 4" if options.characters else "words and pairs"
    source = options.test or f"{len(test.texts):,} texts held out"
    print(
        f"{options.file}: {len(train.texts):,} texts to learn from, {len(model.classes)} labels\n"
        f"TF-IDF over {unit}, then logistic regression\n"
        f"accuracy {accuracy.estimate:.3f}, 95 % interval {accuracy.low:.3f} to "
        f"{accuracy.high:.3f}, on {source}\n"
        f"(always saying {often!r} would be right on {always:.3f})"
    )
    if known:
        print(f"{known:,} test texts stand among the training texts, too: left out of the score")
    chances = model.probabilities(test.texts)
    sure, best = chances.max(dim=-1)
    guesses = [model.classes[i] for i in best.tolist()]
    print("\n" + _table_text(confusion(test.labels, guesses, model.classes), model.classes))
    wrong = [i for i, y in enumerate(test.labels) if guesses[i] != y]
    if wrong:
        print("\nsurest mistakes")
    for i in sorted(wrong, key=lambda i: -sure[i])[:3]:
        shown = "".join(c if c.isprintable() else " " for c in test.texts[i])[:70]
        print(f"  {sure[i]:.2f} {guesses[i]!r}, in truth {test.labels[i]!r}: {shown}")


def _table_text(table: Any, classes: list[str]) -> str:
    """The confusion table as text."""
    names = [name if len(name) <= 16 else name[:15] + "…" for name in classes]
    width = max(8, *map(len, names)) + 2
    lines = ["truth \\ answer".ljust(18) + "".join(name.rjust(width) for name in names)]
    for name, row in zip(names, table.tolist(), strict=True):
        lines.append(name.ljust(18) + "".join(f"{n:,}".rjust(width) for n in row))
    return "\n".join(lines)


def _new_texts(options: argparse.Namespace) -> Any:
    new = _table(options.predict, [options.text_column], options)
    if double := [name for name in ADDED if name in new.header]:
        raise UserError(f"{options.predict} has a column {double[0]!r} already; rename it.")
    return new


def _checked_out(options: argparse.Namespace) -> Path:
    """Before any reading and training: may the predictions be written?"""
    from llmbook.checkpoint import check_writable

    if options.out and not options.predict:
        raise UserError("--out says where predictions go; give the new texts by --predict.")
    out = Path(options.out or "predictions.csv")
    if options.predict:
        check_writable(out)
        inputs = [Path(p) for p in (options.file, options.test, options.predict) if p]
        if out.exists() and any(p.exists() and out.samefile(p) for p in inputs):
            raise UserError(f"{out} is one of the files to read; give another name to --out.")
        if out.exists() and not options.force:
            raise UserError(f"{out} exists. Give --force to replace it, or another --out.")
    return out


def _write(out: Path, new: Any, chances: Any, classes: list[str]) -> None:
    """The new texts' table with two columns more, whole or not at all."""
    from llmbook.files import write_whole

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*new.header, *ADDED])
    sure, best = chances.max(dim=-1)
    for row, i, p in zip(new.rows, best.tolist(), sure.tolist(), strict=True):
        writer.writerow([*row, classes[i], f"{p:.4f}"])
    write_whole(out, text.getvalue().encode("utf-8"))
