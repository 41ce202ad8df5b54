"""Two processes under torchrun, a thread each, against one process with two threads.

The package's own training at nanoGPT's CPU shape (4 layers, 4 heads, 128 wide, context 64), the
same global batch of 32 for both. Each turn starts a process (or two) anew, warms up, and times
its updates from within: no imports, no start of torchrun, no scoring. The two take turns.

    python benchmarks/distributed.py [--write] [--rounds 5] [--steps 30]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import common  # sets the path and the threads' way of waiting, before torch is imported

LAYERS, HEADS, HIDDEN, CONTEXT, BATCH, VOCABULARY = 4, 4, 128, 64, 32, 65
WARM_UP = 5  # updates before the clock starts
REQUIRED = 0.85  # of the single process's tokens a second


def child(steps: int) -> None:
    """What each process does: train, and print the tokens a second of all of them together."""
    import torch

    from llmbook import distributed
    from llmbook.data import Stream
    from llmbook.models import GPT, GPTConfig
    from llmbook.train import fit

    clock = []

    def watch(done: int, history: object) -> None:
        if done in (WARM_UP, WARM_UP + steps):
            clock.append(time.perf_counter())

    shape = {"hidden_size": HIDDEN, "num_heads": HEADS, "num_layers": LAYERS}
    with distributed.processes() as world:
        torch.manual_seed(0)
        model = GPT(GPTConfig.modern(VOCABULARY, context=CONTEXT, **shape))
        source = torch.Generator().manual_seed(0)
        data = Stream(torch.randint(VOCABULARY, (100_000,), generator=source), CONTEXT)
        fit(
            model, data, steps=WARM_UP + steps, batch_size=BATCH, lr=1e-3, progress=False,
            on_step=watch,
        )  # fmt: skip
        if world.first:
            print(json.dumps(steps * BATCH * CONTEXT / (clock[1] - clock[0])))


def turn(processes: int, steps: int) -> float:
    """Tokens a second of one start of so many processes, two threads in all."""
    start = [sys.executable]
    if processes > 1:
        run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        start += run
    env = os.environ | {"OMP_NUM_THREADS": str(2 // processes), "TQDM_DISABLE": "1"}
    command = [*start, __file__, "--child", "--steps", str(steps)]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="update the table in README.md")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30, help="timed updates a turn")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.steps)
        return
    turns = []
    for number in range(options.rounds):
        order = (1, 2) if number % 2 == 0 else (2, 1)
        turns.append({processes: turn(processes, options.steps) for processes in order})
    one, two = (statistics.median(t[n] for t in turns) for n in (1, 2))
    ratio = statistics.median(t[2] / t[1] for t in turns)
    import torch

    header = ["", "tokens/s", "of one process"]
    rows = [
        ["one process, two threads", f"{one:.0f}", "1.00"],
        ["two processes (torchrun, gloo, DDP), a thread each", f"{two:.0f}", f"{ratio:.2f}"],
    ]
    notes = [
        f"Required: {REQUIRED}. {'Reached' if ratio >= REQUIRED else 'NOT reached'}.",
        f"{LAYERS} layers, {HEADS} heads, {HIDDEN} wide, context {CONTEXT}, global batch {BATCH}, "
        f"vocabulary {VOCABULARY}, float32, GPTConfig.modern, AdamW, clipping at 1.",
        f"Median of {options.rounds} interleaved turns of {options.steps} updates after {WARM_UP} "
        f"to warm up; wall time of the updates; torch {torch.__version__}, "
        f"{torch.backends.cpu.get_cpu_capability()}, {Path(__file__).name}.",
    ]
    sys.argv = [sys.argv[0], *(["--write"] if options.write else [])]
    common.report("distributed", header, rows, notes)


if __name__ == "__main__":
    main()
