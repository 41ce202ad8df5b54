"""Vocabularies: what is encoded comes back, and what is unknown is told."""

import json
import random

import pytest
import torch

from llmbook.text import END, PAD, UNK, CharVocab, Vocab, WordVocab

TEXTS = {
    "english": 'Hello, world! "Don\'t," she said (twice): state-of-the-art… 3.5% — well; ok?',
    "chinese": "深度学习与大规模语言模型：理论与实践。\n第二行",
    "emoji": "👩‍👩‍👧 flags 🇨🇭 e\u0301 vs é \u200b zero width",
    "arabic": "مرحبا، كيف حالك؟",
    "controls": "tab\tnul\x00 cr\r\nline\u2028sep",
    "one": "x",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_characters_come_back_exactly(text):
    vocab = CharVocab.from_text(text)
    assert vocab.decode(vocab.encode(text)) == text
    assert len(vocab) == len(set(text)) + 3


@pytest.mark.parametrize("seed", range(20))
def test_random_code_points_come_back_exactly(seed):
    draw = random.Random(seed)
    points = (draw.randrange(0x110000) for _ in range(200))
    text = "".join(chr(p) for p in points if not 0xD800 <= p < 0xE000)
    vocab = CharVocab.from_text(text)
    assert vocab.decode(vocab.encode(text)) == text
    again = Vocab.from_dict(json.loads(json.dumps(vocab.to_dict())))
    assert again.encode(text) == vocab.encode(text)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_words_lead_back_to_the_same_ids(text):
    vocab = WordVocab.from_text(text)
    ids = vocab.encode(text)
    assert vocab.encode(vocab.decode(ids)) == ids
    assert vocab.unk_id not in ids


@pytest.mark.parametrize("seed", range(20))
def test_any_signs_between_words_lead_back_to_the_same_ids(seed):
    draw = random.Random(seed)
    text = "".join(draw.choice("ab9_'’-.,;:!?()[]{}“”\"…% \n\té漢") for _ in range(300))
    vocab = WordVocab.from_text(text)
    ids = vocab.encode(text)
    assert vocab.encode(vocab.decode(ids)) == ids


def test_words_are_split_from_the_signs_around_them():
    vocab = WordVocab.from_text(TEXTS["english"])
    assert vocab.split("(\"Don't,\" she said)!") == [
        "(", '"', "Don't", ",", '"', "she", "said", ")", "!",
    ]  # fmt: skip
    assert vocab.split("state-of-the-art rock 'n' roll--loud") == [
        "state-of-the-art", "rock", "'", "n", "'", "roll", "-", "-", "loud",
    ]  # fmt: skip


def test_sentences_read_as_written():
    text = "The cats (two of them) sing, don't they? They do: well… 100% “so”."
    vocab = WordVocab.from_text(text)
    assert vocab.decode(vocab.encode(text)) == text


def test_specials_have_the_same_ids_everywhere():
    for vocab in (CharVocab.from_text("abc"), WordVocab.from_text("a b c")):
        assert vocab.tokens[:3] == [PAD, UNK, END]
        assert (vocab.pad_id, vocab.unk_id, vocab.end_id) == (0, 1, 2)
        assert vocab.encode([END]) == [vocab.end_id]


def test_lists_of_words_are_taken_as_they_are():
    stories = [["the", "cat", "sings", "."], ["two birds", "don't", "<end>"]]
    vocab = WordVocab.from_text(stories)
    assert "two birds" in vocab
    assert len(vocab) == 3 + 6
    for story in stories:
        assert [vocab.tokens[i] for i in vocab.encode(story)] == story
    assert vocab.encode(["<end>"]) == [vocab.end_id]
    assert WordVocab.from_words(["b", "a", END]).tokens == [PAD, UNK, END, "a", "b"]


def test_the_order_depends_on_the_text_alone():
    text = "b a c a b a"
    assert WordVocab.from_text(text).tokens[3:] == ["a", "b", "c"]
    assert WordVocab.from_text("c b a").tokens[3:] == ["a", "b", "c"]
    assert CharVocab.from_text("cab").tokens[3:] == ["a", "b", "c"]


def test_rare_words_can_be_left_out():
    text = "a a a b b c"
    assert WordVocab.from_text(text, max_size=5).tokens[3:] == ["a", "b"]
    assert WordVocab.from_text(text, min_count=3).tokens[3:] == ["a"]
    with pytest.raises(ValueError, match="max_size 3"):
        WordVocab.from_text(text, max_size=3)


def test_the_unknown_becomes_unk_or_is_told():
    vocab = WordVocab.from_text("the cat sings")
    assert vocab.encode("the dog sings") == [vocab.id("the"), vocab.unk_id, vocab.id("sings")]
    assert vocab.decode(vocab.encode("the dog")) == "the <unk>"
    with pytest.raises(ValueError, match=r"'cats', 'dog'; near 'cats' it has 'cat'"):
        vocab.encode("the cats dog", strict=True)
    with pytest.raises(ValueError, match="vocabulary of 6 tokens: 'é'"):
        CharVocab.from_text("abc").encode("aé", strict=True)
    assert vocab.encode("the cat", strict=True) == vocab.encode("the cat")


def test_nothing_encodes_to_nothing():
    for vocab in (CharVocab.from_text("a"), WordVocab.from_text("a")):
        assert vocab.encode("") == []
        assert vocab.decode([]) == ""


@pytest.mark.parametrize("make", [CharVocab.from_text, WordVocab.from_text])
def test_an_empty_text_has_no_vocabulary(make):
    with pytest.raises(ValueError, match="the text is empty"):
        make("")


@pytest.mark.parametrize("text", [" \n ", [], [[]], [[], []]])
def test_a_text_without_words_has_no_vocabulary(text):
    with pytest.raises(ValueError, match="at least one word"):
        WordVocab.from_text(text)


@pytest.mark.parametrize("bad", [-1, 99, 1.5, "1", None])
def test_an_id_outside_the_vocabulary_is_named(bad):
    vocab = CharVocab.from_text("ab")
    with pytest.raises(ValueError, match=f"{bad!r} is not in this vocabulary of 5 tokens"):
        vocab.decode([3, bad])


def test_tensors_decode_too():
    vocab = CharVocab.from_text("ab")
    assert vocab.decode(torch.tensor([3, 4, 3])) == "aba"
    assert vocab.decode(torch.tensor([0, 3, 2]), specials=False) == "a"


@pytest.mark.parametrize("vocab", [CharVocab.from_text("añ漢"), WordVocab.from_text("a b c, d")])
def test_a_vocabulary_survives_json(vocab):
    again = Vocab.from_dict(json.loads(json.dumps(vocab.to_dict())))
    assert again == vocab
    assert type(again) is type(vocab)


@pytest.mark.parametrize("data", [{}, {"kind": "char"}, {"kind": "x", "tokens": []}, None, []])
def test_a_foreign_dict_is_refused(data):
    with pytest.raises(ValueError, match="one of char, word"):
        Vocab.from_dict(data)


def test_a_token_stands_once():
    with pytest.raises(ValueError, match="'a' is there twice"):
        CharVocab(["a", "b", "a"])
