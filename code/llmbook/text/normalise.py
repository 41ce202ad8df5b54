"""Characters as Unicode has them: one spelling for one text, and nothing lost unseen.

    >>> normalise("cafe\\u0301") == normalise("café")       # two spellings, one text
    True
    >>> len("👩🏽‍🚀"), characters("👩🏽‍🚀")                       # four code points, one character
    (4, ['👩🏽\\u200d🚀'])

A *code point* is a number with a name; a *character* as people count them (a grapheme cluster, in
Unicode's words, UAX 29) is one code point or several. ``normalise`` takes a text to one of the
forms of UAX 15. NFC and NFD change the spelling only; NFKC and NFKD change the text.

Chapter: practice/preprocessing.
"""

from __future__ import annotations

import unicodedata

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
_LINES = "\t\n\r"  # control characters that every text has
# They change how the others are shown: the categories Cf (format) and Cc (control), and the
# variation selectors, which Unicode counts among the marks.
_SELECTORS = {*map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0))}


def decode(raw: bytes, name: str = "the text") -> str:
    """The text of some UTF-8 bytes; a byte-order mark at the beginning is dropped.

    Args:
        raw: the bytes.
        name: what the error calls them, such as a file's path.

    Raises ValueError when they are not UTF-8: it names the byte, its offset and its line, and the
    command that converts a file. Nothing is replaced or left out silently.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(_encoding_fault(name, raw, error)) from None


def _encoding_fault(name: str, raw: bytes, error: UnicodeDecodeError) -> str:
    """What is wrong with the bytes, where, and the command that mends it."""
    last = name.replace("\\", "/").rpartition("/")[2]
    file = last if " " not in last else "file.txt"
    for mark, encoding in ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")):
        if raw.startswith(mark):
            return (
                f"{name} begins with the bytes {mark.hex(' ')}: it is {encoding}, not UTF-8; "
                f"convert it: iconv -f {encoding} -t UTF-8 {file} > converted.txt"
            )
    # With a byte-order mark the decoder counts from behind it.
    offset = error.start + (3 if raw.startswith(b"\xef\xbb\xbf") else 0)
    line = raw.count(b"\n", 0, offset) + 1
    return (
        f"{name} is not UTF-8: byte 0x{raw[offset]:02x} at offset {offset} (line {line}): "
        f"{error.reason}; find its real encoding and convert it, for example: "
        f"iconv -f WINDOWS-1252 -t UTF-8 {file} > converted.txt"
    )


def normalise(text: str, form: str = "NFC", *, fold_case: bool = False) -> str:
    """The text in one of Unicode's normal forms (UAX 15).

    Args:
        form: NFC (composed), NFD (decomposed), NFKC or NFKD (also replaces what is only
            compatible: ``ﬁ`` becomes ``fi``, ``²`` becomes ``2``; this cannot be undone).
        fold_case: also remove the distinction of upper and lower case (``str.casefold``). Folding
            may leave a form, so the text is normalised before it and after it.

    Raises ValueError for another form, TypeError for bytes.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
    if not isinstance(text, str):
        raise TypeError(f"normalise takes a text, got {type(text).__name__}; decode bytes first")
    text = unicodedata.normalize(form, text)
    return unicodedata.normalize(form, text.casefold()) if fold_case else text


def characters(text: str) -> list[str]:
    """The text cut into characters as people count them (grapheme clusters, UAX 29)."""
    import regex

    return regex.findall(r"\X", text)


def describe(text: str) -> list[tuple[str, str, str]]:
    """Each code point of a text as (number, general category, name), in the order of storage.

    >>> describe("é")
    [('U+00E9', 'Ll', 'LATIN SMALL LETTER E WITH ACUTE')]
    """
    return [
        (f"U+{ord(c):04X}", unicodedata.category(c), unicodedata.name(c, "(no name)")) for c in text
    ]


def invisible(text: str) -> list[tuple[int, str]]:
    """The code points that show nothing by themselves, as (place, name).

    Format and control characters other than tab and line ends, and variation selectors. Some are
    needed (a joiner inside an emoji, the non-joiner of Persian), so this only finds them.
    """
    return [
        (place, unicodedata.name(c, f"U+{ord(c):04X}"))
        for place, c in enumerate(text)
        if (unicodedata.category(c) in ("Cf", "Cc") and c not in _LINES) or c in _SELECTORS
    ]
