"""Text as numbers, and what is done to a text before it becomes numbers.

``vocab`` holds vocabularies of characters and of words, ``bpe`` the one of runs of bytes,
``normalise`` Unicode's forms, ``words`` sentences, words, stop words and stems over NLTK, which
is imported by the functions that need it.
"""

from llmbook.text.bpe import BPETokenizer
from llmbook.text.open_vocab import OpenVocab
from llmbook.text.vocab import END, PAD, UNK, CharVocab, Vocab, WordVocab

__all__ = ["END", "PAD", "UNK", "BPETokenizer", "CharVocab", "OpenVocab", "Vocab", "WordVocab"]
