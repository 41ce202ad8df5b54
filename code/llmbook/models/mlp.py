"""A multilayer perceptron over the last few words (Bengio et al. 2003).

What it adds over counting: words have vectors, so what is learned of one word serves those
like it. What it keeps: a window of fixed length.

Dimensions: B batch, T time, V vocabulary, E embedding size, n window.
"""

from typing import Any

import torch
from torch import Tensor, nn

from llmbook.layers import Linear
from llmbook.models.base import LanguageModel


class MLPLM(LanguageModel):
    """logits = W_2 tanh(W_1 [e_{t−n+1}, …, e_t] + b_1) + b_2, e the embeddings of n words.

    Places before the first word are read as one more word, numbered V, whose embedding is
    learned like the others. The state is the last n − 1 ids, ``[B, n − 1]``.
    """

    name = "mlp"

    def __init__(
        self, vocab_size: int, embedding_size: int = 32, hidden_size: int = 128, window: int = 4
    ):
        super().__init__()
        if window < 1:
            raise ValueError(f"window is {window}; the model reads at least one word")
        self.vocab_size, self.window = vocab_size, window
        self.embedding_size, self.hidden_size = embedding_size, hidden_size
        self.embedding = nn.Embedding(vocab_size + 1, embedding_size)
        self.hidden = Linear(window * embedding_size, hidden_size)
        self.head = Linear(hidden_size, vocab_size)

    def logits(self, ids: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        ids = self.checked(ids)
        if state is None:
            state = ids.new_full((len(ids), self.window - 1), self.vocab_size)
        text = torch.cat([state, ids], dim=1)  # [B, n − 1 + T]
        T = ids.shape[1]
        places = torch.arange(T)[:, None] + torch.arange(self.window)  # [T, n]
        windows = self.embedding(text[:, places])  # [B, T, n, E]
        h = torch.tanh(self.hidden(windows.flatten(2)))
        return self.head(h), text[:, T:]

    def config(self) -> dict[str, Any]:
        keys = ("vocab_size", "embedding_size", "hidden_size", "window")
        return {key: getattr(self, key) for key in keys}
