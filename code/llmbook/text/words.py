"""Sentences, words, stop words and stems with NLTK, its data made here where there is none.

    >>> nltk_data(paragraphs)                       # once, before plain nltk calls
    {'tokenizers/punkt_tab/english': 'the book', 'corpora/stopwords': 'the book'}
    >>> nltk.word_tokenize("Plain NLTK. It runs.")
    ['Plain', 'NLTK', '.', 'It', 'runs', '.']
    >>> Pipeline(lower=True, stop=True, stem=True)("The cats were singing.")
    ['cat', 'sing']

NLTK keeps its models and lists apart from its code, and they are not installed with it. Where they
are installed they are used. Where not, ``nltk_data`` trains a Punkt model (Kiss and Strunk 2006)
on a text that is at hand, takes that text's most widespread words for a stop list, and writes both
in NLTK's own form into a folder that goes when Python ends.

NLTK is imported inside the functions: it takes a second.

Chapter: practice/preprocessing.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PUNKT, STOPWORDS = "tokenizers/punkt_tab/english", "corpora/stopwords"
# A corpus of manuals teaches these to no trainer: it never meets them.
ABBREVIATIONS = ("mr", "mrs", "ms", "dr", "prof", "st", "u.s", "u.k", "e.g", "i.e", "etc", "vs")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def train_punkt(text: str, abbreviations: Iterable[str] = ABBREVIATIONS):
    """A Punkt model of a text: abbreviations, collocations and words that begin sentences.

    Args:
        text: at least a few hundred sentences of running text.
        abbreviations: known beforehand, in lower case and without their last full stop.

    Returns:
        NLTK's ``PunktParameters``.

    Raises ValueError for a text without words.
    """
    if not text.strip():
        raise ValueError("Punkt learns from running text, and this text is empty")
    from nltk.tokenize.punkt import PunktTrainer

    trainer = PunktTrainer()
    trainer.INCLUDE_ALL_COLLOCS = True  # also without an abbreviation before them
    trainer.train(text, finalize=True)
    model = trainer.get_params()
    model.abbrev_types |= set(abbreviations)
    return model


def stop_list(texts: Sequence[str], share: float = 0.06) -> list[str]:
    """The words that stand in more than ``share`` of the texts, the most widespread first.

    What is everywhere tells no two texts apart. Words are folded to lower case; signs, numbers and
    names of code (``x_y``) are not words here. Equally widespread words stand in the alphabet's
    order. Raises ValueError without texts, or for a share outside 0 to 1.
    """
    if not texts or not 0 < share < 1:
        raise ValueError(
            f"a stop list needs texts and a share between 0 and 1, got {len(texts)} and {share}"
        )
    found: Counter[str] = Counter()
    for text in texts:
        found.update(set(_WORD.findall(text.lower())))
    often = [word for word, count in found.items() if count > share * len(texts)]
    return sorted(often, key=lambda word: (-found[word], word))


@functools.cache
def _folder() -> Path:
    """The folder of the data made here: private, and removed when Python ends."""
    import atexit
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="llmbook-nltk-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def origin(resource: str) -> str | None:
    """Whose data NLTK would use: "NLTK" for published data, "the book", or None for none."""
    import warnings

    import nltk
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        # NLTK 3.10 also looks into the hub's cache; importing that complains of missing widgets.
        warnings.simplefilter("ignore", TqdmWarning)
        try:
            found = nltk.data.find(f"{resource}/" if resource == PUNKT else resource)
        except LookupError:
            return None
    return "the book" if str(found).startswith(str(_folder())) else "NLTK"


def nltk_data(texts: Sequence[str], *, abbreviations: Iterable[str] = ABBREVIATIONS) -> dict:
    """Let ``nltk.word_tokenize`` and ``stopwords.words("english")`` run, with no download.

    Args:
        texts: paragraphs to learn from where NLTK's published data are not installed.
        abbreviations: added to the Punkt model; see ``train_punkt``.

    Returns:
        resource -> whose data are used, ``"NLTK"`` or ``"the book"``. What is there already,
        published or made by an earlier call, is kept.
    """
    import nltk

    root = str(_folder())
    if root not in nltk.data.path:  # before anything is written: NLTK guards its paths
        nltk.data.path.append(root)
    for resource in (PUNKT, STOPWORDS):
        if origin(resource) is None:
            place = _private(_folder(), resource)
            if resource == PUNKT:
                from nltk.tokenize.punkt import save_punkt_params

                save_punkt_params(train_punkt("\n\n".join(texts), abbreviations), dir=str(place))
            else:
                lines = "\n".join(stop_list(texts)) + "\n"
                (place / "english").write_text(lines, encoding="utf-8")
    return {resource: origin(resource) for resource in (PUNKT, STOPWORDS)}


def _private(folder: Path, resource: str) -> Path:
    """The resource's folder, each level closed to others whatever the umask: NLTK asks for it."""
    for part in resource.split("/"):
        folder = folder / part
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@functools.cache
def _stemmer():
    from nltk.stem import PorterStemmer

    return PorterStemmer()


@functools.lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The Porter stem of a word (Porter 1980), in lower case."""
    return _stemmer().stem(word)


@dataclass(frozen=True)
class Pipeline:
    """A text as a list of terms, by the classical steps. Call it with the text.

    Signs alone (no letter, no digit) are always left out. ``nltk_data`` must have run.
    """

    lower: bool = False  # fold case
    stop: bool = False  # leave NLTK's English stop words out (looked up in lower case)
    stem: bool = False  # cut words to their Porter stems (which folds case as well)

    def __call__(self, text: str) -> list[str]:
        """The terms of a text, in its order."""
        terms = list(_tokens(text))
        if self.lower:
            terms = [term.casefold() for term in terms]
        if self.stop:
            terms = [term for term in terms if term.lower() not in _stop_words()]
        return [stem(term) for term in terms] if self.stem else terms

    def __str__(self) -> str:
        return " + ".join(s for s in ("lower", "stop", "stem") if getattr(self, s)) or "words"


@functools.lru_cache(maxsize=50_000)  # cutting words takes longer than all that follows
def _tokens(text: str) -> tuple[str, ...]:
    import nltk

    return tuple(t for t in nltk.word_tokenize(text) if any(c.isalnum() for c in t))


@functools.cache
def _stop_words() -> frozenset[str]:
    from nltk.corpus import stopwords

    return frozenset(stopwords.words("english"))
