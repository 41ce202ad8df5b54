"""`python -m llmbook evaluate`: a model's loss and perplexity on a text."""

import argparse

from llmbook.shell import MODEL, Command, UserError, load_model, whole


def add(command: Command) -> None:
    """The command and its options."""
    sub = command(evaluate, model=MODEL, file="a UTF-8 text")
    sub.add_argument("--context", type=whole, help="tokens a window (default: the model's)")
    sub.add_argument("--allow-unknown", action="store_true", help="score the unknown as <unk>")
    sub.add_argument("--stride", type=whole, help="tokens between windows (default: no overlap)")


def evaluate(options: argparse.Namespace) -> None:
    """Print a model's loss and perplexity on a text file."""
    from math import log

    from llmbook.corpora import text_file
    from llmbook.data import Stream
    from llmbook.evaluate import perplexity

    model, vocab = load_model(options.model)
    text = text_file(options.file)
    try:
        ids = vocab.encode(text, strict=not options.allow_unknown)
    except ValueError as error:
        raise UserError(f"{options.file}: {error}, or give --allow-unknown.") from error
    context = options.context or min(model.context or len(ids), len(ids) - 1)
    result = perplexity(model, Stream(ids, context), stride=options.stride)
    token = {"char": "character", "bpe": "token"}.get(vocab.kind, vocab.kind)
    print(
        f"{options.file}: {result.tokens:,} {token}s predicted, with at most {context} before\n"
        f"loss        {result.nats:.4f} nats a {token} ({result.nats / log(2):.4f} bits)\n"
        f"perplexity  {result.perplexity:.4f}"
    )
