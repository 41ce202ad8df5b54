"""A model's card as Markdown, made from the JSON that its training wrote: nothing is typed.

print(text(zoo.card("english-gpt2")))
"""

from typing import Any

_LIMITS = (
    "Made for teaching. It is small and has read little, so it writes the manner of its text and "
    "knows nothing. Do not use it where an answer matters."
)


def text(card: dict[str, Any]) -> str:
    """The card: what it is, configuration, data, training and its log, results, licence."""
    parts = [
        f"# {card['name']}",
        f"{card['about'][:1].upper()}{card['about'][1:]}. A model of the book *Deep Learning and "
        "Large Language Models: Theory and Practice*, trained from random weights; it is none of "
        "the models that others published.",
        _LIMITS,
        _section("Model", {"kind": card["model"], "parameters": f"{card['parameters']:,}",
                           "stored as": card["stored_as"], **card["config"]}),
        _section("Data", card["data"]),
        _section("Training", {"seed": card["seed"], **card["training"],
                              "CPU seconds": card["cpu_seconds"], **card["versions"]}),
        _section("Results on the validation part", card["validation"]),
        _log(card["log"]),
        f"## Made again by\n\n```\n{card['command']}\n```",
        f"## Licence\n\n{card['licence']} for the weights; the data under "
        f"{card['data'].get('licence', 'their own licence')}.",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, values: dict[str, Any]) -> str:
    rows = [f"| {key.replace('_', ' ')} | {_cell(value)} |" for key, value in values.items()]
    return "\n".join([f"## {title}", "", "| | |", "| --- | --- |", *rows])


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)


def _log(log: dict[str, list]) -> str:
    """The validation loss along the training."""
    steps, losses = log.get("valid_step") or [], log.get("valid_loss") or []
    rows = [f"| {step:,} | {loss:.4f} |" for step, loss in zip(steps, losses, strict=True)]
    head = ["## Log", "", "| step | validation loss (nats a token) |", "| ---: | ---: |"]
    return "\n".join([*head, *rows]) if rows else ""
