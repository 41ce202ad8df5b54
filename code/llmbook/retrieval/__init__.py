"""Finding answers: BM25 over bm25s, vectors that the book trains, both together, and reading.

    >>> from llmbook.retrieval import BM25, LSA, Library, Passage
    >>> Library([Passage(p.text, p.topic) for p in pydocs.paragraphs()]).ask("What is a tuple?")

``bm25`` holds the equation and the index, ``dense`` latent semantic analysis and an encoder,
``contrast`` the encoder's training, ``fusion`` two searches as one, ``measure`` ranks and recall,
``read`` the sentence that answers, ``answer`` all of it together, ``folder`` a reader's own texts.
bm25s is imported when an index is made; it belongs to the optional group ``perspectives``.

Chapter: applications/question_answering.
"""

from llmbook.retrieval.answer import Found, Library, Passage
from llmbook.retrieval.bm25 import BM25, terms
from llmbook.retrieval.dense import LSA, Encoder

__all__ = ["BM25", "LSA", "Encoder", "Found", "Library", "Passage", "terms"]
