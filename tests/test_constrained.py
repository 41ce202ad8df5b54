"""Constrained writing: valid JSON whatever the logits, every JSON possible, always in time."""

import json
import random

import pytest
import torch

from llmbook import json_grammar
from llmbook.constrained import FAR, TokenGrammar, generate_within, token_bytes
from llmbook.json_grammar import ANY, advance, completion, start
from llmbook.models import GPT, GPTConfig
from llmbook.models.base import LanguageModel
from llmbook.text import BPETokenizer, CharVocab, WordVocab

LETTERS = CharVocab.from_text('{}[]":,.+-0123456789eE truefalsnu \\/bé深🙂xyz\n\t')
BPE = BPETokenizer.train('{"name": "ada", "tags": [1, 2, true, null]} the ""}, "]} 深度' * 3, 300)
FIELDS = {"name": str, "age": int, "good": bool, "tags": [("fox", "heron")], "none": None}


class Noise(LanguageModel):
    """Logits drawn at random, anew at each call, and sharp."""

    def __init__(self, vocab_size, seed=0, scale=4.0):
        super().__init__()
        self.vocab_size, self.scale = vocab_size, scale
        self.register_buffer("zero", torch.zeros(1))
        self.source = torch.Generator().manual_seed(seed)

    def logits(self, ids, state=None):
        shape = (*ids.shape, self.vocab_size)
        return self.scale * torch.randn(shape, generator=self.source), None


@pytest.mark.parametrize(("vocab", "n"), [(LETTERS, 700), (BPE, 300)], ids=["characters", "bytes"])
def test_a_thousand_texts_of_noise_all_parse_and_keep_the_budget(vocab, n):
    grammar, model = TokenGrammar(vocab), Noise(len(vocab))
    dice, kinds, cut = random.Random(0), set(), 0
    for seed in range(n):
        budget = dice.choice((1, 2, 3, 7, 15, 30))
        ids = generate_within(model, [vocab.end_id], grammar, budget, seed=seed)
        assert len(ids) <= budget
        kinds.add(type(json.loads(vocab.decode(ids))))
        cut += len(ids) == budget
    assert kinds == {dict, list, str, int, float, bool, type(None)}
    assert 0 < cut < n  # some end by themselves, some are closed by the budget


@pytest.mark.parametrize("vocab", [LETTERS, BPE], ids=["characters", "bytes"])
def test_a_schema_fixes_fields_and_types(vocab):
    fields = FIELDS if vocab is BPE else {"e": str, "n": int, "r": [bool], "s": ("x", "yz")}
    grammar, model = TokenGrammar(vocab, fields), Noise(len(vocab), seed=1)
    least = len(completion(grammar.start))
    for seed in range(25):
        ids = generate_within(model, [0], grammar, least + seed, seed=seed)
        value = json.loads(vocab.decode(ids))
        assert list(value) == list(fields)
        if vocab is BPE:
            assert isinstance(value["name"], str)
            assert type(value["age"]) is int
            assert set(value["tags"]) <= {"fox", "heron"}
            assert value["none"] is None


VALID = [
    '{"a": [1, -2.5e+3, {"b": null}], "c": "d\\n\\u00e9 \\"q\\""}', "[]", "{}", "0", "-0.0",
    "[true,false, null]", '"深度 🙂 é"', '{"": {"": [[[]]]}}', "1E9", '"\\\\"', '""', "[0,0]",
]  # fmt: skip
BROKEN = [
    "01", "1.", ".5", "-", "+1", "1e", "[1,]", "{,}", '{"a"}', '{"a":}', '{"a":1,}', "[1 2]", "tru",
    "True", "'a'", '"a', '"\n"', '"\\x"', '"\\u12g4"', "{}{}", "[}", "]", "", "nul", "1 ", "  1",
]  # fmt: skip


def read(text, schema=ANY):
    state = start(schema)
    for byte in text if isinstance(text, bytes) else text.encode():
        if (state := advance(state, byte)) is None:
            return None
    return completion(state)


@pytest.mark.parametrize("text", VALID)
def test_valid_texts_are_read_to_their_end(text):
    json.loads(text)
    assert read(text) == b""


@pytest.mark.parametrize("text", BROKEN)
def test_broken_texts_are_refused_or_unfinished(text):
    assert read(text) != b""


def test_strings_hold_exactly_what_is_utf8():
    """Every run of up to two bytes, and the borders of the longer ones, as Python judges them."""
    starts = [bytes([a]) for a in range(0x20, 256)] + [
        bytes([a, b]) for a in range(0x80, 256) for b in range(256)
    ]
    edges = (0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0)
    starts += [bytes([a, b, 0x80]) for a in (0xE0, 0xED, 0xEF) for b in edges]
    starts += [bytes([a, b, 0x80, 0xBF]) for a in (0xF0, 0xF3, 0xF4, 0xF5) for b in edges]
    for text in starts:
        if b'"' in text or b"\\" in text or min(text) < 0x20:
            continue
        try:
            text.decode()
            valid = True
        except UnicodeDecodeError:
            valid = False
        assert (read(b'"' + text + b'"') == b"") == valid, text


def test_the_completion_completes_and_shrinks_by_its_first_byte():
    dice = random.Random(1)
    for schema in (ANY, FIELDS, [[int]], {"a": {"b": [float]}}):
        for _ in range(60):
            state, text = start(schema), b""
            for _ in range(dice.randint(0, 25)):
                ways = [b for b in range(0x20, 0x100) if advance(state, b) is not None]
                if not ways:
                    break
                state = advance(state, byte := dice.choice(ways))
                text += bytes([byte])
            rest = completion(state)
            json.loads((text + rest).decode())
            while rest:
                state = advance(state, rest[0])
                assert completion(state) == rest[1:]
                rest = rest[1:]


def test_the_mask_says_of_every_token_what_its_bytes_say():
    grammar, texts = TokenGrammar(BPE), token_bytes(BPE)
    for head in (b"", b'{"na', b"[1", b"[tr", b'{"a"', b'"\xe6', b"-"):
        state = grammar.start
        for byte in head:
            state = advance(state, byte)
        costs = grammar.costs(state)
        for i, text in enumerate(texts):
            new = state
            for byte in text or b"":
                new = None if new is None else advance(new, byte)
            readable = text is not None and new is not None
            assert (costs[i] < FAR) == readable, (head, text)
            if readable:
                assert costs[i] == len(completion(new))


def test_the_end_may_come_only_where_the_value_is_complete():
    grammar = TokenGrammar(LETTERS)
    state = grammar.start
    assert not grammar.allowed(state, 9)[LETTERS.end_id]
    state = grammar.after(state, LETTERS.id("7"))
    assert grammar.allowed(state, 9)[LETTERS.end_id]
    assert grammar.allowed(state, 9)[LETTERS.id("7")]
    done = grammar.after(grammar.after(grammar.start, LETTERS.id("[")), LETTERS.id("]"))
    assert grammar.allowed(done, 9).nonzero().flatten().tolist() == [LETTERS.end_id]


def test_where_all_is_allowed_the_draws_are_the_models_own():
    """Inside a string the mask leaves letters alone: the law is only renormalised."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(len(LETTERS), context=8, hidden_size=8, num_heads=2, num_layers=1))
    grammar = TokenGrammar(LETTERS)
    long = generate_within(model, [3, 4], grammar, 30, seed=1)  # beyond the context of 8
    assert long == generate_within(model, [3, 4], grammar, 30, seed=1)
    assert any(long != generate_within(model, [3, 4], grammar, 30, seed=s) for s in (2, 3))
    json.loads(LETTERS.decode(long))
    greedy = generate_within(model, [3, 4], grammar, 30, temperature=0)
    mask = grammar.allowed(grammar.start, 30)
    law = model.logits(torch.tensor([[3, 4]]))[0][0, -1].masked_fill(~mask, -torch.inf)
    assert greedy[0] == int(law.argmax())


def test_nesting_and_numbers_have_a_limit():
    assert read("[" * json_grammar.DEPTH + "]" * json_grammar.DEPTH) == b""
    assert read("[" * (json_grammar.DEPTH + 1)) is None
    assert read("9" * json_grammar.SIGNS) == b""
    assert read("9" * (json_grammar.SIGNS + 1)) is None


def test_what_cannot_be_done_is_named():
    grammar = TokenGrammar(BPE, FIELDS)
    with pytest.raises(ValueError, match="max_new_tokens is 5"):
        generate_within(Noise(len(BPE)), [0], grammar, 5)
    with pytest.raises(ValueError, match="prompt is empty"):
        generate_within(Noise(len(BPE)), [], grammar, 500)
    with pytest.raises(ValueError, match="no token"):
        TokenGrammar(CharVocab.from_text("abc"))
    with pytest.raises(ValueError, match="no token"):
        TokenGrammar(WordVocab(["the", "owl"]))
    for schema in ({}, [], [int, str], bytes, {"a": set()}, {1: int}, (1, 2)):
        with pytest.raises(ValueError, match="the schema"):
            start(schema)
