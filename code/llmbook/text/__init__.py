"""Text as numbers: vocabularies of characters, of words, and of runs of bytes."""

from llmbook.text.bpe import BPETokenizer
from llmbook.text.vocab import END, PAD, UNK, CharVocab, Vocab, WordVocab

__all__ = ["END", "PAD", "UNK", "BPETokenizer", "CharVocab", "Vocab", "WordVocab"]
