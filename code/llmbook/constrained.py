"""Writing under a grammar: whatever the model thinks, the text is valid JSON.

    grammar = TokenGrammar(tokenizer)                       # or with a schema: {"name": str}
    ids = generate_within(model, prompt, grammar, max_new_tokens=40, seed=0)
    json.loads(tokenizer.decode(ids))                       # never fails

Before each draw the logits of all tokens that the grammar forbids are set to −inf (Willard &
Louf 2023). `llmbook.json_grammar` reads bytes; a token is a run of bytes, and it is allowed when
all of them can be read and what then remains to be written fits the budget.

Dimensions: V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

from llmbook.generate import as_batch, check_causal, choose, read
from llmbook.json_grammar import ANY, State, advance, completion, start
from llmbook.models.base import LanguageModel
from llmbook.text import BPETokenizer, Vocab

FAR = 1 << 30  # the cost of a token that is forbidden


class TokenGrammar:
    """Which tokens of a vocabulary may come next.

    Args:
        vocab: a CharVocab or a BPETokenizer. Special tokens other than its end are never written.
        schema: see `llmbook.json_grammar`.
    """

    def __init__(self, vocab: Vocab, schema: Any = ANY):
        self.start, self.end_id, self.size = start(schema), vocab.end_id, len(vocab)
        self.bytes = token_bytes(vocab)
        self.single = {text[0] for text in self.bytes if text and len(text) == 1}
        self.trie = make_trie(self.bytes)
        self._costs: dict[State, Tensor] = {}
        if missing := set(completion(self.start)) - self.single:
            raise ValueError(
                f"the vocabulary has no token {chr(min(missing))!r} of its own, so this JSON could "
                "not be closed; use a vocabulary that has all of its signs, such as a BPETokenizer"
            )

    def costs(self, state: State) -> Tensor:
        """How many tokens suffice to end the text after each token ``[V]``; FAR: forbidden.

        Single bytes are counted, since each of them is a token; so the true number may be less.
        """
        if state not in self._costs:
            costs = torch.full((self.size,), FAR, dtype=torch.long)
            self._walk(self.trie, state, costs)
            self._costs[state] = costs
        return self._costs[state]

    def _walk(self, node: dict, state: State, costs: Tensor) -> None:
        for byte, (below, ids) in node.items():
            new = advance(state, byte)
            if new is None:  # nor can any longer token that begins so
                continue
            if ids and self.single.issuperset(rest := completion(new)):
                costs[ids] = len(rest)
            self._walk(below, new, costs)

    def allowed(self, state: State, left: int) -> Tensor:
        """The tokens ``[V]`` of which one may come when ``left`` tokens may still be written."""
        mask = self.costs(state) < left
        if self.end_id is not None:
            mask[self.end_id] = not completion(state)
        return mask

    def after(self, state: State, token: int) -> State:
        """The state after an allowed token."""
        for byte in self.bytes[token]:
            state = advance(state, byte)
        return state


def token_bytes(vocab: Vocab) -> list[bytes | None]:
    """The bytes of each token; None for special tokens, which are no text."""
    if isinstance(vocab, BPETokenizer):
        special = set(vocab.special_tokens.values())
        return [None if i in special else vocab.decode_bytes([i]) for i in range(len(vocab))]
    special = {vocab.pad_id, vocab.unk_id, vocab.end_id}
    return [None if i in special else token.encode() for i, token in enumerate(vocab.tokens)]


def make_trie(texts: list[bytes | None]) -> dict:
    """byte -> (the trie of what follows it, the ids of the tokens that end here)."""
    root: dict = {}
    for i, text in enumerate(texts):
        node, ids = root, []
        for byte in text or b"":
            node, ids = node.setdefault(byte, ({}, []))
        ids.append(i)  # a special token's list is thrown away
    return root


@torch.no_grad()
def generate_within(
    model: LanguageModel,
    prompt: list[int],
    grammar: TokenGrammar,
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
) -> list[int]:
    """The tokens that follow ``prompt``, drawn from the model's law among those allowed.

    The text is complete, whatever the model: it ends when the model draws the end where one may
    stand, when nothing more may follow, or when the budget is used up, which closes it in time.
    The options are those of `llmbook.generate.generate`. Raises ValueError when the shortest text
    of this grammar is longer than the budget, or the prompt is empty.
    """
    check_causal(model)
    if not len(prompt):
        raise ValueError("the prompt is empty; give at least one token, such as the end token")
    if (least := len(completion(grammar.start))) > max_new_tokens:
        raise ValueError(
            f"max_new_tokens is {max_new_tokens}, and the shortest text of this grammar may take "
            f"{least}; give at least that many"
        )
    source = None if seed is None else torch.Generator(model.device).manual_seed(seed)
    ids, _ = as_batch(prompt, model.device)
    state, memory, written = grammar.start, None, []
    was_training = model.training
    model.eval()
    try:
        reader = model.reader()
        for left in range(max_new_tokens, 0, -1):
            allowed = grammar.allowed(state, left)
            if not allowed.any():
                break
            logits, memory = read(model, ids, memory, True, reader)  # [1, V]
            logits = logits.masked_fill(~allowed.to(logits.device), float("-inf"))
            token = choose(logits, temperature, top_k, top_p, source)  # [1]
            if token.item() == grammar.end_id:
                break
            written.append(token.item())
            ids = torch.cat([ids, token[:, None]], dim=1)
            state = grammar.after(state, written[-1])
    finally:
        model.train(was_training)
    return written
