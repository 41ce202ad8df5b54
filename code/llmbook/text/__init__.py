"""Text as numbers: vocabularies of characters and of words."""

from llmbook.text.vocab import END, PAD, UNK, CharVocab, Vocab, WordVocab

__all__ = ["END", "PAD", "UNK", "CharVocab", "Vocab", "WordVocab"]
