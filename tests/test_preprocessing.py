"""Unicode's forms, NLTK with no downloads, the classical steps and the questions on pydocs."""

import os
import stat
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from llmbook.corpora import pydocs, questions
from llmbook.text import normalise, words
from llmbook.text.words import Pipeline

TEXTS = [
    "", "plain", "e\u0301", "\u00e9", "\u212b", "\ufb01", "x\u00b2", "\u1e69", "\u0130I\u0131i",
    "s\u0307\u0323", "\uac00", "\u1100\u1161", "\U0001f468\u200d\U0001f469", "\u0958",
]  # fmt: skip


@pytest.fixture(scope="module")
def made():
    """NLTK's data, made from the manual where none is installed."""
    return words.nltk_data([p.text for p in pydocs.paragraphs()])


# ---- normalisation ----


@pytest.mark.parametrize("form", normalise.FORMS)
@pytest.mark.parametrize("fold", [False, True])
def test_a_normal_form_is_one(form, fold):
    for text in TEXTS:
        once = normalise.normalise(text, form, fold_case=fold)
        assert unicodedata.is_normalized(form, once)
        assert normalise.normalise(once, form, fold_case=fold) == once


def test_all_spellings_of_a_text_have_one_form():
    for text in TEXTS:
        spellings = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")} | {text}
        assert len({normalise.normalise(s) for s in spellings}) == 1


def test_nfc_keeps_what_nfkc_replaces():
    for text in ("\ufb01le", "x\u00b2", "\u2460"):
        assert normalise.normalise(text) == text != normalise.normalise(text, "NFKC")


def test_folding_joins_what_differs_in_case_only():
    fold = [normalise.normalise(t, fold_case=True) for t in ("STRASSE", "Straße", "straße")]
    assert len(set(fold)) == 1


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="'NFX'"):
        normalise.normalise("a", "NFX")
    with pytest.raises(TypeError, match="decode bytes first"):
        normalise.normalise(b"a")


@pytest.mark.parametrize("text", TEXTS)
def test_characters_and_descriptions_lose_nothing(text):
    assert "".join(normalise.characters(text)) == text
    points = [int(number[2:], 16) for number, _, _ in normalise.describe(text)]
    assert "".join(map(chr, points)) == text


def test_a_joined_emoji_is_one_character():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert normalise.characters(family + "!") == [family, "!"]


def test_invisible_signs_are_found_where_they_are():
    assert normalise.invisible("a\u200bb\ufe0fc\x00") == [
        (1, "ZERO WIDTH SPACE"),
        (3, "VARIATION SELECTOR-16"),
        (5, "U+0000"),
    ]
    assert normalise.invisible("lines\r\n\tand spaces, é, 語") == []


@pytest.mark.parametrize("text", [*TEXTS, "\U0001f680\n"])
def test_decode_undoes_encode(text):
    assert normalise.decode(text.encode()) == text
    assert normalise.decode(b"\xef\xbb\xbf" + text.encode()) == text


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"ab\xe9", "byte 0xe9 at offset 2 (line 1)"),
        (b"a\nb\n\xffc", "byte 0xff at offset 4 (line 3)"),
        (b"\xef\xbb\xbfa\xc3", "byte 0xc3 at offset 4 (line 1)"),
        ("ab".encode("utf-16"), "UTF-16, not UTF-8"),
    ],
)
def test_broken_bytes_are_named(raw, says):
    with pytest.raises(ValueError, match="iconv") as error:
        normalise.decode(raw, "my notes.txt")
    assert says in str(error.value)
    assert "my notes.txt" in str(error.value)


# ---- stop words ----


def test_the_stop_list_is_ordered_by_how_widespread_words_are():
    texts = ["the cat and x_y 3", "The dog and", "the the owl", "a THE"]
    assert words.stop_list(texts, 0.4) == ["the", "and"]
    assert words.stop_list(texts, 0.6) == ["the"]


@pytest.mark.parametrize(("texts", "share"), [([], 0.1), (["a"], 0), (["a"], 1)])
def test_a_stop_list_needs_texts_and_a_share(texts, share):
    with pytest.raises(ValueError, match="share between 0 and 1"):
        words.stop_list(texts, share)


# ---- NLTK ----


def test_punkt_needs_text():
    with pytest.raises(ValueError, match="empty"):
        words.train_punkt(" \n")


def test_punkt_learns_an_abbreviation_and_takes_one_given():
    text = "We saw it, cf. the table. " * 40 + "It is so long that we know the table it ends. " * 80
    model = words.train_punkt(text, ("dr",))
    assert {"cf", "dr"} <= model.abbrev_types
    assert "table" not in model.abbrev_types


def test_the_seeds_own_line_runs(made):
    import nltk

    text = "Deep learning and large language models: theory and practice."
    assert nltk.word_tokenize(text) == [*text[:-1].replace(":", " :").split(), "."]
    assert set(made.values()) <= {"NLTK", "the book"}
    assert "not" in nltk.corpus.stopwords.words("english")
    assert nltk.sent_tokenize("Dr. Lin left. He is out.") == ["Dr. Lin left.", "He is out."]


def test_a_second_call_changes_nothing(made):
    folder = words._folder()
    before = {f: f.stat().st_mtime_ns for f in folder.rglob("*")}
    assert words.nltk_data(["other texts"]) == made
    assert {f: f.stat().st_mtime_ns for f in folder.rglob("*")} == before


@pytest.mark.skipif(os.name != "posix", reason="permissions of folders")
def test_the_folder_is_private_whatever_the_umask(tmp_path):
    old = os.umask(0o002)
    try:
        place = words._private(tmp_path, words.PUNKT)
    finally:
        os.umask(old)
    for folder in (place, place.parent, place.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_published_data_are_used_where_they_are(tmp_path):
    """In a Python of its own: NLTK remembers what it has loaded."""
    place = tmp_path / "corpora" / "stopwords"
    place.mkdir(parents=True, mode=0o700)
    for folder in (place, place.parent, tmp_path):
        folder.chmod(0o700)
    (place / "english").write_text("published\n", encoding="utf-8")
    code = (
        "import nltk; nltk.data.path[:] = [__import__('sys').argv[1]]\n"
        "from llmbook.text import words\n"
        "made = words.nltk_data(['It is so. It is not so. We see it is so.'] * 9)\n"
        "from nltk.corpus import stopwords\n"
        "print(made[words.STOPWORDS], made[words.PUNKT], stopwords.words('english'))\n"
        "print(words._folder())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    first, folder = done.stdout.splitlines()
    assert first == "NLTK the book ['published']"
    assert not Path(folder).exists()  # it goes when Python ends


# ---- the steps ----


def test_the_steps_do_what_they_say(made):
    text = "The Cats were NOT singing, at 3.5 km!"
    assert Pipeline()(text) == ["The", "Cats", "were", "NOT", "singing", "at", "3.5", "km"]
    assert Pipeline(lower=True)(text) == [w.lower() for w in Pipeline()(text)]
    assert "NOT" not in Pipeline(stop=True)(text)
    assert Pipeline(stem=True)(text)[1:5] == ["cat", "were", "not", "sing"]
    assert Pipeline(True, True, True)("") == Pipeline()("…!?") == []


def test_pipelines_name_themselves():
    assert str(Pipeline()) == "words"
    assert str(Pipeline(True, True, True)) == "lower + stop + stem"


def test_stems_are_porters():
    from nltk.stem import PorterStemmer

    reference = PorterStemmer()
    for word in {w for p in pydocs.paragraphs("valid") for w in p.text.split()}:
        assert words.stem(word) == reference.stem(word)


# ---- the questions ----


def test_nearly_every_question_has_its_passage_and_few_have_many():
    texts = [p.text for p in pydocs.paragraphs()]
    found = questions.answerable(texts)
    # A fragment may leave with a version of Python; most of them have stood for a decade.
    assert len(found) >= 0.7 * len(questions.QUESTIONS)
    assert all(q.fragment in texts[i] for q, places in found for i in places)
    assert max(len(places) for _, places in found) <= 6
    assert len({q.text for q in questions.QUESTIONS}) == len(questions.QUESTIONS) >= 40


def test_questions_do_not_quote_their_passage():
    """Else a search would only find what was copied."""
    for question, fragment in questions.QUESTIONS:
        ours, theirs = question.lower().split(), " ".join(fragment.lower().split())
        quoted = [" ".join(ours[i : i + 5]) for i in range(len(ours) - 4)]
        assert not [q for q in quoted if q in theirs]


def test_without_passages_no_question_is_answerable():
    assert questions.answerable([]) == []
