"""Draw book/figures/models_vs_floor.svg from the log of the comparison on Tales.

    python book/figures/src/models_vs_floor.py

The same numbers as the closing figure of the chapter on the Transformer: mean excess over the
floor, overall and for what must be known, with 95 % intervals of three seeds.
"""

from pathlib import Path

import matplotlib

from llmbook import plot
from llmbook.zoo import comparison

COLUMNS = ("all", "counting", "nesting", "place", "recall", "tracking")
NAMES = {"ngram": "n-gram", "rnn": "RNN", "lstm": "LSTM", "gpt": "GPT"}


def draw(target: Path) -> None:
    """Write the figure, the same bytes for the same log."""
    results = comparison.table()
    missing = [model for model in NAMES if model not in results]
    if missing:
        raise SystemExit(f"{comparison.LOG.name} lacks three seeds of {missing}: make models")
    heights = {
        name: {tag: results[model][tag][0] for tag in COLUMNS} for model, name in NAMES.items()
    }
    spans = {
        name: {
            tag: (mean - half, mean + half)
            for tag, (mean, half) in results[model].items()
            if tag in COLUMNS
        }
        for model, name in NAMES.items()
    }
    figure = plot.bars(
        heights,
        intervals=spans,
        xlabel="what must be known about the story",
        ylabel="excess over the floor (nats per word)",
        size=(9.0, 4.0),
    )
    matplotlib.rcParams["svg.hashsalt"] = "llmbook"
    figure.savefig(target, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    draw(Path(__file__).resolve().parents[1] / "models_vs_floor.svg")
