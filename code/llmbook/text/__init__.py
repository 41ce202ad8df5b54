"""Text as numbers, and what is done to a text before it becomes numbers.

``vocab`` holds vocabularies of characters and of words, ``normalise`` Unicode's forms, ``words``
sentences, words, stop words and stems over NLTK. Importing this is quick: NLTK and ``regex`` are
imported by the functions that need them.
"""

from llmbook.text.vocab import END, PAD, UNK, CharVocab, Vocab, WordVocab

__all__ = ["END", "PAD", "UNK", "CharVocab", "Vocab", "WordVocab"]
