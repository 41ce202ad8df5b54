"""What may come next in a JSON text: a recogniser that reads one byte at a time.

    state = start()                         # or start({"name": str, "age": int})
    for byte in b'{"name":':
        state = advance(state, byte)        # None where no JSON goes on like this
    completion(state)                       # b'0}': the shortest way to the end

A *state* is a stack: a tuple of frames, what is innermost last. Each frame knows what it may
read, and what then stands in its place. That is a pushdown automaton; a finite one cannot do it,
for it must remember how many brackets are open, and of which kind.

What it accepts: JSON (RFC 8259) with at most one space, after a comma or a colon; numbers of at
most 15 signs; UTF-8 inside strings. A schema is a type (str, int, float, bool, None), a list of
one schema, a dict of fields in their order, or a tuple of strings to choose from; ANY is every
value.

The book's chapter: Text generation.
"""

import json
from typing import Any

ANY = "any"  # the schema of every JSON value
DEPTH = 8  # how deeply values may be nested
SIGNS = 15  # in a number; float keeps so many digits

Frame = tuple
State = tuple[Frame, ...]  # the innermost frame last; () when the value is complete

DIGITS = frozenset(b"0123456789")
# phase -> {byte: next phase}: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
_E = dict.fromkeys(b"eE", "e")
_INTEGER = dict.fromkeys(DIGITS, "integer")
NUMBER = {
    "sign": _INTEGER | {ord("0"): "zero"},
    "zero": {ord("."): "point"} | _E,
    "integer": _INTEGER | {ord("."): "point"} | _E,
    "point": dict.fromkeys(DIGITS, "fraction"),
    "fraction": dict.fromkeys(DIGITS, "fraction") | _E,
    "e": dict.fromkeys(DIGITS, "exponent") | dict.fromkeys(b"+-", "e sign"),
    "e sign": dict.fromkeys(DIGITS, "exponent"),
    "exponent": dict.fromkeys(DIGITS, "exponent"),
}
WHOLE = ("zero", "integer", "fraction", "exponent")  # a number may end after these
STARTS = dict.fromkeys(b"123456789", "integer") | {ord("0"): "zero", ord("-"): "sign"}
WORDS = {ord("t"): b"rue", ord("f"): b"alse", ord("n"): b"ull"}
# The first byte of a sign of several bytes in UTF-8 -> the range of each byte that follows.
_TAIL = (0x80, 0xBF)
UTF8 = dict.fromkeys(range(0xC2, 0xE0), (_TAIL,))
UTF8 |= dict.fromkeys(range(0xE0, 0xF0), (_TAIL, _TAIL))
UTF8 |= dict.fromkeys(range(0xF0, 0xF5), (_TAIL, _TAIL, _TAIL))
UTF8[0xE0], UTF8[0xED] = ((0xA0, 0xBF), _TAIL), ((0x80, 0x9F), _TAIL)  # none too long, no halves
UTF8[0xF0], UTF8[0xF4] = ((0x90, 0xBF), _TAIL, _TAIL), ((0x80, 0x8F), _TAIL, _TAIL)


def start(schema: Any = ANY) -> State:
    """The state before the first byte. A schema becomes frozen, so that states can be compared."""
    return (("value", freeze(schema), False),)


def freeze(schema: Any) -> Any:
    """The schema as tuples; ValueError for what is none."""
    if schema == ANY or schema is None or schema in (str, int, float, bool):
        return schema
    if isinstance(schema, list) and len(schema) == 1:
        return ("list", freeze(schema[0]))
    if isinstance(schema, dict) and schema and all(isinstance(key, str) for key in schema):
        return ("dict", tuple((key, freeze(value)) for key, value in schema.items()))
    if isinstance(schema, tuple) and schema and all(isinstance(word, str) for word in schema):
        return ("choice", tuple(json.dumps(word).encode() for word in schema))
    raise ValueError(
        f"the schema {schema!r:.60} is none of str, int, float, bool, None, ANY, [schema], "
        '{"field": schema, …}, ("one", "of", …)'
    )


def advance(state: State, byte: int) -> State | None:
    """The state after one more byte; None where it cannot come."""
    while state:
        *outer, frame = state
        found = READ[frame[0]](frame, byte, state)
        if found is not None:
            return (*outer, *found)
        if frame[0] != "number" or frame[1] not in WHOLE:
            return None
        state = tuple(outer)  # a number ends where something else begins
    return None


def depth_of(state: State) -> int:
    """How many lists and objects are open."""
    return sum(frame[0] in ("first item", "items", "first field", "fields") for frame in state)


def read_value(frame: Frame, byte: int, state: State) -> State | None:
    _, schema, may_space = frame
    if byte == ord(" ") and may_space:
        return (("value", schema, False),)
    kind = schema[0] if isinstance(schema, tuple) else schema
    free = kind == ANY
    if byte == ord('"') and (free or kind is str):
        return (("string",),)
    if byte in STARTS and (free or kind in (int, float)):
        return (("number", STARTS[byte], kind is int, SIGNS - 1),)
    if byte in WORDS and (free or (kind is None and byte == ord("n"))):
        return (("exactly", WORDS[byte]),)
    if byte in WORDS and kind is bool and byte != ord("n"):
        return (("exactly", WORDS[byte]),)
    if byte == ord("[") and (kind == "list" or (free and depth_of(state) < DEPTH)):
        return (("first item", ANY if free else schema[1]),)
    if byte == ord("{") and free and depth_of(state) < DEPTH:
        return (("first field",),)
    if byte == ord("{") and kind == "dict":
        return exactly_fields(schema[1])
    return read_choice(("choice", schema[1]), byte, state) if kind == "choice" else None


def exactly_fields(fields: tuple) -> State:
    """What stands between the braces of an object whose fields are fixed; innermost last."""
    frames: list[Frame] = []
    for place, (key, schema) in enumerate(fields):
        head = (", " if place else "") + json.dumps(key) + ": "
        frames += [("exactly", head.encode()), ("value", schema, False)]
    return (*reversed([*frames, ("exactly", b"}")]),)


def read_exactly(frame: Frame, byte: int, state: State) -> State | None:
    rest = frame[1]
    return None if byte != rest[0] else (("exactly", rest[1:]),) if rest[1:] else ()


def read_choice(frame: Frame, byte: int, state: State) -> State | None:
    rests = tuple(rest[1:] for rest in frame[1] if rest[:1] == bytes([byte]))
    return None if not rests else () if rests[0] == b"" else (("choice", rests),)


def read_string(frame: Frame, byte: int, state: State) -> State | None:
    if byte == ord('"'):
        return ()
    if byte == ord("\\"):
        return (frame, ("escape",))
    if byte in UTF8:
        return (frame, *(("range", *span) for span in reversed(UTF8[byte])))
    return (frame,) if 0x20 <= byte < 0x80 else None


def read_escape(frame: Frame, byte: int, state: State) -> State | None:
    if byte == ord("u"):
        return (("hex",),) * 4
    return () if byte in b'"\\/bfnrt' else None


def read_number(frame: Frame, byte: int, state: State) -> State | None:
    _, phase, whole_only, left = frame
    new = NUMBER[phase].get(byte)
    if new is None or (whole_only and new not in ("zero", "integer")):
        return None
    return (("number", new, whole_only, left - 1),) if left > (new not in WHOLE) else None


def read_items(frame: Frame, byte: int, state: State) -> State | None:
    first, schema = frame[0] == "first item", frame[1]
    if byte == ord("]"):
        return ()
    if not first:
        return (frame, ("value", schema, True)) if byte == ord(",") else None
    found = read_value(("value", schema, False), byte, state)
    return None if found is None else (("items", schema), *found)


def read_fields(frame: Frame, byte: int, state: State) -> State | None:
    if byte == ord("}"):
        return ()
    if frame[0] == "first field":
        return read_key(("key", False), byte, state)
    return (("key", True),) if byte == ord(",") else None


def read_key(frame: Frame, byte: int, state: State) -> State | None:
    if byte == ord(" ") and frame[1]:
        return (("key", False),)
    if byte != ord('"'):
        return None
    return (("fields",), ("value", ANY, True), ("exactly", b":"), ("string",))


READ = {
    "value": read_value, "exactly": read_exactly, "choice": read_choice, "string": read_string,
    "escape": read_escape, "number": read_number, "first item": read_items, "items": read_items,
    "first field": read_fields, "fields": read_fields, "key": read_key,
    "range": lambda frame, byte, state: () if frame[1] <= byte <= frame[2] else None,
    "hex": lambda frame, byte, state: () if byte in b"0123456789abcdefABCDEF" else None,
}  # fmt: skip
SHORTEST = {
    "string": b'"', "escape": b'"', "hex": b"0", "first item": b"]", "items": b"]",
    "first field": b"}", "fields": b"}", "key": b'"":0}',
    ANY: b"0", str: b'""', int: b"0", float: b"0", bool: b"true", None: b"null", "list": b"[]",
}  # fmt: skip


def completion(state: State) -> bytes:
    """The shortest bytes that end the value; b"" where it may end here."""
    return b"".join(map(_shortest, reversed(state)))


def _shortest(frame: Frame) -> bytes:
    kind = frame[0]
    if kind == "number":
        return b"" if frame[1] in WHOLE else b"0"
    if kind == "exactly":
        return frame[1]
    if kind == "choice":
        return min(frame[1], key=len)
    if kind == "range":
        return bytes([frame[1]])
    if kind != "value":
        return SHORTEST[kind]
    schema = frame[1]
    if isinstance(schema, tuple) and schema[0] == "dict":
        return b"{" + completion(exactly_fields(schema[1]))
    if isinstance(schema, tuple) and schema[0] == "choice":
        return min(schema[1], key=len)
    return SHORTEST[schema[0] if isinstance(schema, tuple) else schema]
