"""Byte-pair encoding against a naive re-scan, tokenizers and tiktoken: training and encoding.

One thread, CPU time. About 1.1 MB of the standard library's docstrings to learn from.
"""

import os

os.environ["RAYON_NUM_THREADS"] = "1"  # read when tokenizers starts its threads
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from collections import Counter
from itertools import pairwise

from common import compare, report, timed

import tiktoken  # isort: skip
import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from llmbook.corpora import docstrings, pydocs
from llmbook.text import BPETokenizer
from llmbook.text.chunks import CHUNK

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
CHINESE = "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生"


def naive(text: str, size: int) -> list[tuple[int, int]]:
    """Count all pairs of all chunks anew for each merge, then rewrite all chunks (minbpe's way)."""
    chunks = [list(chunk.encode()) for chunk in CHUNK.findall(text)]
    merges = []
    for new in range(256, size):
        counts = Counter(pair for chunk in chunks for pair in pairwise(chunk))
        a, b = max(counts, key=counts.get)
        for n, chunk in enumerate(chunks):
            joined, i = [], 0
            while i < len(chunk):
                here = i + 1 < len(chunk) and chunk[i] == a and chunk[i + 1] == b
                joined.append(new if here else chunk[i])
                i += 2 if here else 1
            chunks[n] = joined
        merges.append((a, b))
    return merges


def peer(text: str, size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, show_progress=False, special_tokens=[]
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def tick(tokenizer: BPETokenizer) -> tiktoken.Encoding:
    ranks = tokenizer.mergeable_ranks()
    return tiktoken.Encoding("ours", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def training(text: str) -> list[list[str]]:
    rows = []
    for size, most in ((512, "≤ 1.6"), (4096, "≤ 3")):
        r = compare(lambda n=size: BPETokenizer.train(text, n, []), lambda n=size: peer(text, n))
        ratio = f"{1 / r['ratio_cpu']:.2f} x tokenizers' time"
        what = f"train, vocabulary {size}"
        rows.append([what, f"{r['ours_cpu']:.2f} s", f"{r['peer_cpu']:.2f} s", ratio, most])
    slow, _ = timed(lambda: naive(text, 512))
    fast, _ = timed(lambda: BPETokenizer.train(text, 512, []))
    row = ["train, vocabulary 512, naive re-scan", f"{fast:.2f} s", f"{slow:.1f} s"]
    return [*rows, [*row, f"{slow / fast:.0f} x as fast", "≥ 60"]]


def encoding(text: str, other: str) -> list[list[str]]:
    tokenizer = BPETokenizer.train(text, 4096, [])
    fast, size = tick(tokenizer), len(other.encode()) / 1e6
    rust = Tokenizer.from_str(tokenizer.to_tokenizers())
    assert tokenizer.encode(other) == fast.encode_ordinary(other) == rust.encode(other).ids
    rows, cache = [], tokenizer._merger
    tokenizer._merger.clear()
    tokenizer.encode(text)
    known = dict(cache)

    def turn(warm: bool) -> float:
        cache.clear()
        if warm:
            cache.update(known)
        return timed(lambda: tokenizer.encode(other))[0]

    for warm, least in ((True, "≥ 0.5"), (False, "≥ 0.2")):
        pairs = []
        for _ in range(15):
            pairs.append((turn(warm), timed(lambda: fast.encode_ordinary(other))[0]))
        ours, theirs = (sorted(times)[7] for times in zip(*pairs, strict=True))
        ratio = sorted(theirs / ours for ours, theirs in pairs)[7]
        what = f"encode, cache {'warmed on the training text' if warm else 'empty'}"
        speeds = [f"{size / ours:.1f} MB/s", f"{size / theirs:.1f} MB/s"]
        rows.append([what, *speeds, f"{ratio:.2f} x tiktoken's speed", least])
    r = compare(lambda: tokenizer.encode(other), lambda: rust.encode(other), 3)
    speeds = [f"{size / r['ours_cpu']:.1f} MB/s", f"{size / r['peer_cpu']:.1f} MB/s"]
    rows.append(["encode again", *speeds, f"{r['ratio_cpu']:.1f} x tokenizers' speed", ""])
    return rows


def no_spaces() -> list[str]:
    """150,000 characters in one line, with merges learned from such text."""
    import random

    line = "".join(random.Random(0).choices(CHINESE, k=150_000))
    tokenizer = BPETokenizer.train(line[:20_000], 1024, [])
    fast = tick(tokenizer)
    r = compare(lambda: tokenizer.encode(line), lambda: fast.encode_ordinary(line), 3)
    ratio = f"{1 / r['ratio_cpu']:.1f} x tiktoken's time"
    row = ["encode 150,000 Chinese characters, no space", f"{r['ours_cpu']:.2f} s"]
    return [*row, f"{r['peer_cpu']:.2f} s", ratio, "≤ 50"]


def main() -> None:
    text, other = docstrings.text(limit=1_100_000), pydocs.text()
    rows = [*training(text), *encoding(text, other), no_spaces()]
    header = ["work", "llmbook", "peer", "ratio", "required"]
    notes = [
        f"Training text: {len(text.encode()) / 1e6:.2f} MB of the standard library's docstrings; "
        f"encoded text: {len(other.encode()) / 1e6:.2f} MB of pydoc_data.topics.",
        f"CPU time, one thread; tokenizers {tokenizers.__version__}, tiktoken "
        f"{tiktoken.__version__} (with the pattern that it brings for GPT-2). Ids are equal.",
        "The naive re-scan counts every pair of every chunk anew at each merge, as minbpe does.",
    ]
    report("bpe", header, rows, notes)


if __name__ == "__main__":
    main()
