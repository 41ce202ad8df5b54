"""Train the zoo's models again.

python -m llmbook.zoo --list          # what there is, and what could be trained
python -m llmbook.zoo tales-gpt       # train one (a few minutes on one core)
python -m llmbook.zoo all
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    from llmbook import zoo
    from llmbook.checkpoint import CheckpointError
    from llmbook.zoo.recipes import RECIPES, make

    parser = argparse.ArgumentParser(
        "python -m llmbook.zoo", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, {', '.join(RECIPES)}")
    parser.add_argument("--list", action="store_true", help="show the models and train nothing")
    parser.add_argument("--into", type=Path, default=zoo.FOLDER, help="folder to write to")
    options = parser.parse_args(argv)
    for name in options.names:
        if name not in [*RECIPES, "all"]:
            parser.error(f"there is no recipe {name!r}; choose from {', '.join(RECIPES)}, all")
    if options.list or not options.names:
        for name, recipe in RECIPES.items():
            print(f"{name:<14}{_state(name)}  {recipe.about}")
        return 0
    try:
        for name in RECIPES if "all" in options.names else options.names:
            card = make(name, options.into)
            print(f"{name}: {card['validation']['nats']:.4f} nats, {card['cpu_seconds']} CPU s")
    except CheckpointError as error:
        print(f"llmbook.zoo: {error}", file=sys.stderr)
        return 2
    return 0


def _state(name: str) -> str:
    """A model's size and loss, or that it has yet to be trained."""
    from llmbook import zoo

    if name not in zoo.names():
        return f"{'not trained yet':<42}"
    card = zoo.card(name)
    size = (zoo.FOLDER / f"{name}.safetensors").stat().st_size
    loss = card["validation"]["nats"]
    return f"{card['parameters']:>8,} parameters {size // 1000:>4} kB {loss:7.4f} nats"


if __name__ == "__main__":
    sys.exit(main())
