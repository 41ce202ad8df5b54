"""`python -m llmbook generate`: a model goes on with a text."""

import argparse

from llmbook.shell import MODEL, Command, UserError, load_model, whole


def add(command: Command) -> None:
    """The command and its options."""
    sub = command(generate, model=MODEL)
    sub.add_argument("--prompt", help="the text to continue (default: a new line)")
    sub.add_argument("--length", type=whole, default=500, help="tokens to add (%(default)s)")
    sub.add_argument("--temperature", type=float, default=0.8, help="0 is greedy (%(default)s)")
    sub.add_argument("--top-k", type=whole, help="draw from the k likeliest tokens only")
    sub.add_argument("--top-p", type=float, help="... from the fewest with this probability")
    sub.add_argument("--seed", type=int, help="the same seed gives the same text")


def generate(options: argparse.Namespace) -> None:
    """Print a continuation of the prompt."""
    from llmbook.generate import generate as continue_text

    model, vocab = load_model(options.model)
    prompt = options.prompt
    if prompt is None:
        prompt = "\n" if "\n" in vocab else vocab.tokens[vocab.end_id]
        ids = [vocab.id(prompt)]
    elif not (ids := vocab.encode(prompt, strict=True)):
        raise UserError(
            f"the prompt {prompt!r} is empty; give at least one character, or leave --prompt out."
        )
    new = continue_text(
        model, ids, options.length, temperature=options.temperature, top_k=options.top_k,
        top_p=options.top_p, seed=options.seed,
        stop=None if vocab.kind == "char" else vocab.end_id,
    )  # fmt: skip
    print(vocab.decode(ids + new, specials=False))
