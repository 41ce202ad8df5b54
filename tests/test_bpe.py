"""Byte-pair encoding: equal to tokenizers and tiktoken, lossless, and safe with broken input."""

import functools
import json
import os
import random

import pytest
import regex
import torch

from llmbook.corpora import pydocs
from llmbook.text import BPETokenizer, Vocab
from llmbook.text.chunks import ASCII_CHUNK, CHUNK, certain, chunks_of

END = "<|endoftext|>"
# As published with GPT-2, and as tiktoken writes it for its own engine.
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
FAST = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
ALPHABETS = ("ab", "a", "abc", "aab ", "ab'sl\n ", "深度a，", "01 .a", "🙂é b\x00")
TEXTS = {
    "empty": "",
    "one": "x",
    "english": "It's 42 cats,  no? We'll\tsee…\n\n  def f(x):\n        return x\n",
    "chinese": "深度学习与大规模语言模型：理论与实践。",
    "mixed": "naïve cafe\u0301 🙂👩‍👩‍👧 🇨🇭 مرحبا Ωμέγα ½ ² Ⅷ ١٢٣ \u3000wide\xa0space\x85\u2028",
    "specials": f"a{END}b {END} {END}{END}\n{END}",
    "controls": "\x00\x1c\x1f\x7f \x0b\x0c\r\n",
    "repeated": "a" * 3000,
}


@functools.cache
def english() -> BPETokenizer:
    return BPETokenizer.train(pydocs.text("train"), 1000)


def peer(text: str, size: int, specials=(END,)):
    """What the tokenizers library learns from the same text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def hugging(tokenizer: BPETokenizer):
    from tokenizers import Tokenizer

    return Tokenizer.from_str(tokenizer.to_tokenizers())


def tick(tokenizer: BPETokenizer):
    import tiktoken

    return tiktoken.Encoding(
        "ours",
        pat_str=FAST,
        mergeable_ranks=tokenizer.mergeable_ranks(),
        special_tokens=tokenizer.special_tokens,
    )


def words(draw: random.Random, alphabet: str, longest: int) -> str:
    return "".join(draw.choice(alphabet) for _ in range(draw.randrange(longest)))


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_training_equals_tokenizers_ties_and_all(alphabet):
    """Few letters make many equally frequent pairs, overlaps (aaa) and texts that run out."""
    draw = random.Random(alphabet)
    for longest in (8, 30, 300, 2000) * 3:
        text = "x" + words(draw, alphabet, longest)
        size = 257 + draw.randrange(80)
        ours, theirs = BPETokenizer.train(text, size), peer(text, size)
        mine, reference = json.loads(ours.to_tokenizers()), json.loads(theirs.to_str())
        assert mine["model"]["merges"] == reference["model"]["merges"]
        assert mine["model"]["vocab"] == reference["model"]["vocab"]
        sample = words(draw, alphabet + "xyz ", 200)
        assert ours.encode(sample) == theirs.encode(sample).ids
        assert ours.encode(sample) == tick(ours).encode_ordinary(sample)


def test_training_equals_tokenizers_on_english():
    ours, theirs = english(), peer(pydocs.text("train"), 1000)
    assert len(ours) == 1000
    model = json.loads(theirs.to_str())["model"]
    assert json.loads(ours.to_tokenizers())["model"]["merges"] == model["merges"]
    text = pydocs.text("valid")
    assert ours.encode(text) == theirs.encode(text).ids == tick(ours).encode_ordinary(text)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_ids_equal_both_libraries_with_and_without_special_tokens(text):
    ours = english()
    assert ours.encode(text) == tick(ours).encode_ordinary(text)
    marked = ours.encode(text, allowed_special="all")
    assert (
        marked == tick(ours).encode(text, allowed_special="all") == hugging(ours).encode(text).ids
    )
    assert marked == ours.encode(text, allowed_special={END})
    assert (marked != ours.encode(text)) == (END in text)
    assert ours.decode(marked) == text == ours.decode(ours.encode(text))


def assigned() -> list[str]:
    """Code points of old scripts: every Unicode version that a library may know has them."""
    blocks = [(0, 0x370), (0x391, 0x3FF), (0x410, 0x480), (0x5D0, 0x5EB), (0x621, 0x6D4),
              (0x904, 0x94E), (0x2000, 0x2065), (0x2070, 0x2072), (0x2074, 0x208F),
              (0x2150, 0x2189), (0x2200, 0x2300), (0x3000, 0x3040), (0x3041, 0x3097),
              (0x4E00, 0x9FA6), (0xAC00, 0xD7A4), (0x1F300, 0x1F5FB)]  # fmt: skip
    return [chr(p) for first, last in blocks for p in range(first, last)]


def test_any_assigned_code_points_give_the_ids_of_both_libraries():
    draw, signs = random.Random(0), assigned()
    ours = english()
    theirs, third = hugging(ours), tick(ours)
    for _ in range(300):
        text = "".join(draw.choice(signs) if draw.random() < 0.5 else draw.choice("ab 1.'\n")
                       for _ in range(draw.randrange(120)))  # fmt: skip
        assert ours.encode(text) == theirs.encode(text).ids == third.encode_ordinary(text)
        assert ours.decode(ours.encode(text)) == text


def test_any_text_comes_back_and_any_ids_decode():
    draw, ours = random.Random(1), english()
    for _ in range(200):
        points = (draw.randrange(0x110000) for _ in range(60))
        text = "".join(chr(p) for p in points if not 0xD800 <= p < 0xE000)
        assert ours.decode(ours.encode(text)) == text
        ids = [draw.randrange(len(ours)) for _ in range(40)]
        data = ours.decode_bytes(ids)
        assert ours.decode(ids) == data.decode("utf-8", "replace")
        assert ours.decode(torch.tensor(ids)) == ours.decode(ids)
        assert ours.decode(ids) == tick(ours).decode(ids)
        raw = bytes(draw.randrange(256) for _ in range(40))  # any bytes are some tokens
        assert ours.decode_bytes([ours.id(raw[i : i + 1]) for i in range(40)]) == raw


@pytest.mark.parametrize("bad", [-1, 1000, 10**30, 1.0, "a", None])
def test_an_id_outside_the_vocabulary_is_named(bad):
    with pytest.raises(ValueError, match="is not in this vocabulary of 1000"):
        english().decode([5, bad])


@pytest.mark.parametrize("count", [1, 7])
def test_long_chunks_take_the_other_road_to_the_same_ids(count):
    draw, merger = random.Random(count), english()._merger
    for alphabet in ("e", "the", "aeionrst", " theinr"):
        text = words(draw, alphabet, 400 * count) + "s"
        ids = [merger.byte_ids[byte] for byte in text.encode()]
        assert merger.merge(list(ids)) == merger.merge_long(list(ids))


def test_a_long_line_without_spaces_is_no_trouble():
    """Quadratic work would take minutes: 40,000 letters are one chunk."""
    text = "".join(random.Random(0).choices("的一是不了人我在有他这为之大来", k=40_000))
    tokenizer = BPETokenizer.train(text, 600)
    assert len(tokenizer) == 600
    assert tokenizer.encode(text) == tick(tokenizer).encode_ordinary(text)


@pytest.mark.parametrize("specials", [(), (END,), ("<a b>",), ("\n\n",)])
def test_a_stream_gives_the_ids_of_the_whole(specials, monkeypatch):
    monkeypatch.setattr("llmbook.text.chunks._BLOCK", 16)  # many cuts in a short text
    draw = random.Random(str(specials))
    tokenizer = BPETokenizer.train("the cat and the hat 'll 've a b", 300, specials)
    for _ in range(400):
        pieces = [
            "'",
            "l",
            "ve",
            " ",
            "  ",
            "\n",
            "the",
            "12",
            "é",
            "深度",
            "<a",
            " b>",
            "<|end",
            *specials,
        ]
        text = "".join(draw.choice(pieces) for _ in range(draw.randrange(80)))
        parts, start = [], 0
        while start < len(text):
            size = draw.randrange(9)
            parts.append(text[start : start + size])
            start += size
        allowed = draw.choice([(), "all"])
        streamed = tokenizer.encode_iterable(parts, allowed_special=allowed)
        assert list(streamed) == tokenizer.encode(text, allowed_special=allowed)


def test_a_stream_is_held_a_block_at_a_time():
    largest = max(map(len, certain("some words\n" for _ in range(50_000))))
    assert largest < 150_000  # of 550,000 characters
    largest = max(map(len, certain("深度，学习。" for _ in range(50_000))))  # no spaces at all
    assert largest < 150_000


def test_the_pattern_is_gpt2s_in_all_its_forms():
    draw, published = random.Random(2), regex.compile(GPT2)
    for one in map(chr, range(128)):
        for other in map(chr, range(128)):
            text = one + other
            assert published.findall(text) == CHUNK.findall(text) == ASCII_CHUNK.findall(text)
    for _ in range(2000):
        text = words(draw, "'sdlrvemtA x9.! \n\t\r\x1c\x0b_é深²\u3000", 60)
        assert published.findall(text) == CHUNK.findall(text) == chunks_of(text)
    long = words(draw, "'s x9.\n\té深 aaaa bbb", 20_000)  # blocks of both kinds
    assert published.findall(long) == chunks_of(long)


def test_special_tokens_are_text_unless_allowed():
    tokenizer = BPETokenizer.train("a b", 260, ["<|a|>", "<|b|>"])
    a, b = tokenizer.special_tokens.values()
    assert (a, b) == (0, 1)
    assert tokenizer.end_id == 0
    assert not {a, b} & set(tokenizer.encode("<|a|><|b|>"))
    assert tokenizer.encode("<|a|><|b|>", allowed_special="all") == [a, b]
    assert tokenizer.encode("<|a|><|b|>", allowed_special=["<|b|>"])[-1] == b
    assert tokenizer.decode([a, *tokenizer.encode("x"), b], specials=False) == "x"
    with pytest.raises(ValueError, match=r"is no special token of this tokenizer; it has '<\|a"):
        tokenizer.encode("x", allowed_special={"<c>"})
    with pytest.raises(ValueError, match='expected "all"'):
        tokenizer.encode("x", allowed_special="<|a|>")


def test_it_serves_wherever_a_vocabulary_does():
    tokenizer = english()
    again = Vocab.from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert again == tokenizer
    assert again.encode("the end") == tokenizer.encode("the end")
    assert tokenizer.end_id == tokenizer.pad_id == tokenizer.id(END) == 0
    assert "\n" in tokenizer
    assert END in tokenizer
    assert "zebra crossing" not in tokenizer
    assert tokenizer.tokens[tokenizer.id(" the")] == " the"
    assert tokenizer.encode("zq", strict=True) == tokenizer.encode("zq")
    assert tokenizer.join(tokenizer.split("the end")) == "the end"
    padded = BPETokenizer.train("x", 300, ["[PAD]", "[MASK]"])
    assert (padded.pad_id, padded.end_id, BPETokenizer.train("x", 300, []).end_id) == (0, 0, None)
    with pytest.raises(ValueError, match="is not one token"):
        tokenizer.id("zebra crossing")


def test_saved_and_loaded_it_is_the_same(tmp_path):
    tokenizer = english()
    tokenizer.save(tmp_path / "t.json")
    assert BPETokenizer.load(tmp_path / "t.json") == tokenizer
    tokenizer.to_tokenizers(tmp_path / "tokenizer.json")
    assert BPETokenizer.from_tokenizers(tmp_path / "tokenizer.json") == tokenizer
    assert BPETokenizer.from_tokenizers(tokenizer.to_tokenizers()) == tokenizer
    assert BPETokenizer.from_tokenizers(hugging(tokenizer).to_str()) == tokenizer
    assert sorted(os.listdir(tmp_path)) == ["t.json", "tokenizer.json"]


def test_transformers_loads_what_is_written(tmp_path):
    from transformers import PreTrainedTokenizerFast

    english().to_tokenizers(tmp_path / "tokenizer.json")
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    for text in TEXTS.values():
        ids = theirs(text)["input_ids"]
        assert ids == english().encode(text, allowed_special="all")
        assert theirs.decode(ids, clean_up_tokenization_spaces=False) == text


def test_a_layout_like_gpt2s_is_read():
    """GPT-2 itself has the bytes first and its special token last."""
    data = json.loads(english().to_tokenizers())
    shift = {t: (i - 1) % 1000 for t, i in data["model"]["vocab"].items()}
    data["model"]["vocab"], data["added_tokens"][0]["id"] = shift, 999
    data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]  # the old way
    tokenizer = BPETokenizer.from_tokenizers(json.dumps(data))
    assert tokenizer.end_id == 999
    text = pydocs.text("valid")[:5000]
    assert tokenizer.encode(text) == [i - 1 for i in english().encode(text)]
    assert tokenizer.encode(text) == tick(tokenizer).encode_ordinary(text)


def test_nothing_is_lost_when_saving_fails(tmp_path, monkeypatch):
    path = tmp_path / "t.json"
    english().save(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(OSError, match="No space"):
                BPETokenizer.train("x", 300).save(path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["t.json"]


def test_damaged_and_foreign_files_are_told_apart(tmp_path):
    path = tmp_path / "t.json"
    english().save(path)
    whole = path.read_bytes()
    for cut in (0, 1, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"t\.json is damaged or is no JSON"):
            BPETokenizer.load(path)
    path.write_bytes(whole.replace(b"endoftext", b"endofbook"))
    with pytest.raises(ValueError, match="no longer matches"):
        BPETokenizer.load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="damaged"):
        BPETokenizer.load(path)
    for foreign in ("[]", "{}", '{"kind": "char"}', "3"):
        path.write_text(foreign)
        with pytest.raises(ValueError, match="another program"):
            BPETokenizer.load(path)
    path.write_text(english().to_tokenizers())
    with pytest.raises(ValueError, match=r"read it with BPETokenizer\.from_tokenizers"):
        BPETokenizer.load(path)
    with pytest.raises(FileNotFoundError):
        BPETokenizer.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["model"].update(type="WordPiece"), "WordPiece, not BPE"),
        (lambda d: d["model"].update(ignore_merges=True), "ignores merges"),
        (lambda d: d["model"].update(merges=[["a", "qq"]]), "KeyError"),
        (lambda d: d["model"]["vocab"].pop("a"), "1 of the 256 bytes|KeyError"),
        (lambda d: d["model"]["vocab"].update(a=5000), "must be the numbers from 0 to 999"),
        (lambda d: d["pre_tokenizer"].update(add_prefix_space=True), "add_prefix_space"),
        (lambda d: d.update(pre_tokenizer=None), "pre-tokenizer is None"),
        (lambda d: d.update(normalizer={"type": "NFC"}), "normalizer"),
        (lambda d: d["added_tokens"][0].update(lstrip=True), "lstrip"),
        (lambda d: d.pop("model"), "no tokenizer.json of a byte-level BPE"),
    ],
)
def test_a_tokenizer_json_that_cannot_be_followed_exactly_is_refused(change, says):
    data = json.loads(english().to_tokenizers())
    change(data)
    with pytest.raises(ValueError, match=says):
        BPETokenizer.from_tokenizers(json.dumps(data))
    with pytest.raises(ValueError, match="damaged"):
        BPETokenizer.from_tokenizers(json.dumps(data)[:-9])


def test_training_from_a_file_equals_training_from_its_text(tmp_path):
    path = tmp_path / "text.txt"
    text = pydocs.text("valid")[:80_000] + "深度 🙂\r\n" * 5000
    path.write_text(text, encoding="utf-8", newline="")
    from_text = BPETokenizer.train(text, 400)
    for source in (path, str(path), (text[i : i + 7] for i in range(0, len(text), 7))):
        assert BPETokenizer.train(source, 400) == from_text


def test_what_cannot_be_learned_from_is_told(tmp_path):
    for empty in ("", [], ["", ""]):
        with pytest.raises(ValueError, match="the text is empty"):
            BPETokenizer.train(empty, 300)
    with pytest.raises(ValueError, match="at least 257"):
        BPETokenizer.train("abc", 256)
    assert len(BPETokenizer.train("abc", 256, [])) == 256
    for pair in (["<a>", "<a>"], ["<a>", "x<a>x"], ["<ab", "ab>"], ["<a>", ">b"]):
        for tokens in (pair, pair[::-1]):
            with pytest.raises(ValueError, match="overlap"):
                BPETokenizer.train("abc", 300, tokens)
    with pytest.raises(ValueError, match="at least one character"):
        BPETokenizer.train("abc", 300, [""])
    with pytest.raises(ValueError, match="choose special tokens"):
        BPETokenizer.train("the the the", 300, ["the"])
    with pytest.raises(TypeError, match="decode it first"):
        BPETokenizer.train(b"abc", 300)
    for size in (5, 65_535, 65_536, 200_000):  # within, across and after a block
        bad = tmp_path / "bad.txt"
        bad.write_bytes(b"a" * size + b"\xe6\xb7\n\xff")
        with pytest.raises(ValueError, match=rf"bad.txt is not UTF-8: byte 0xe6 at offset {size}"):
            BPETokenizer.train(bad, 300)
    bad.write_bytes(b"ok \xe6")  # cut short
    with pytest.raises(ValueError, match="at offset 3"):
        BPETokenizer.train(bad, 300)


def test_half_a_character_is_named_with_its_place():
    with pytest.raises(ValueError, match=r"character 2 .* U\+D83D"):
        english().encode("ab\ud83d")
    with pytest.raises(ValueError, match="surrogate"):
        BPETokenizer.train("ab \ud83d", 300)
    assert "\ud83d" not in english()


def test_one_repeated_byte_ends_when_all_is_one_token():
    tokenizer = BPETokenizer.train("a" * 64, 300)
    assert len(tokenizer) == 257 + 6  # 2, 4, 8 … 64: nothing is left to join
    assert len(tokenizer.encode("a" * 64)) == 1
