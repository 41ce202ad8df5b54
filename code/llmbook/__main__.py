"""Train, sample and score a language model on any text file; label texts; ask questions.

    python -m llmbook train book.txt                     # writes model.safetensors
    python -m llmbook generate model.safetensors --prompt "Once"
    python -m llmbook evaluate model.safetensors other.txt
    torchrun --nproc-per-node 2 -m llmbook train book.txt    # the same on two processes or GPUs
    python -m llmbook classify train.csv                 # columns text and label: how well?
    python -m llmbook classify train.csv --predict new.csv --out predictions.csv
    python -m llmbook ask "What is a tuple?"             # searches Python's documentation
    python -m llmbook ask "Who won?" --folder notes      # or your own .txt, .md and .rst files

`train` makes a GPT over characters; --tokenizer gives it other tokens. Every mistake in what was
given ends in one sentence on stderr and exit status 2; nothing half-written is left and no earlier
file is lost.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from llmbook.shell import ask, classify, evaluate, generate, train

# Threads that wait without spinning: two to three times faster where the machine is busy.
# Read once, when torch is imported; hence no import of torch above the functions of the commands.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

COMMANDS = train, generate, evaluate, classify, ask  # in the order of the help


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 2 after a mistake, 130 after Ctrl-C."""
    options = parser().parse_args(argv)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("llmbook: stopped by Ctrl-C.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has gone (| head): no mistake
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the interpreter flushes it on its way out
    except Exception as error:
        if not isinstance(error, _mistakes()):
            raise
        rank = os.environ.get("RANK", "0")  # every process may have its own mistake to tell
        who = "llmbook" if rank == "0" else f"llmbook (process {rank})"
        print(f"{who}: {_sentence(error)}", file=sys.stderr)
        return 2
    return 0


def _mistakes() -> tuple[type[Exception], ...]:
    """What can go wrong by what was given; anything else is a fault of ours and is shown whole."""
    from llmbook.checkpoint import CheckpointError
    from llmbook.distributed import RankLost
    from llmbook.shell import UserError
    from llmbook.train import TrainingDiverged

    return UserError, ValueError, OSError, CheckpointError, RankLost, TrainingDiverged


def _sentence(error: Exception) -> str:
    """The message on one line; a system's own error also names its file."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.filename}: {error.strerror}."
    return " ".join(str(error).split())


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = argparse.ArgumentParser(
        "python -m llmbook", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Any, **positional: str) -> argparse.ArgumentParser:
        new = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        new.set_defaults(run=run)
        for name, text in positional.items():
            new.add_argument(name, metavar=name.upper(), help=text)
        return new

    for module in COMMANDS:
        module.add(command)
    return top


if __name__ == "__main__":
    sys.exit(main())
