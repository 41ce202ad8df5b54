"""The same compute spent on models of different size: where is the loss lowest?

    python -m llmbook.zoo.isoflop        # trains the runs that the log does not hold yet

Hoffmann et al. 2022 (arXiv:2203.15556, section 3.2) call a set of runs with equal FLOPs an
*isoFLOP profile*. Here are three, on the ladder of `llmbook.zoo.ladder`: the same modern GPT of
two layers, text, batch and rule for the learning rate; only the width and the number of steps
differ. About seven minutes of one processor core in all.

The plan and the prediction below were committed before the first run; the follow-up, with its
own, after the first plan's runs and before its own. Nothing is trained twice, and no run is left
out of the log.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported

from llmbook.zoo import ladder

BUDGETS = {  # FLOPs -> hidden sizes
    1.5e10: (8, 16, 24, 32, 48),
    6e10: (8, 16, 24, 32, 48, 64),
    2.4e11: (16, 24, 32, 48, 64, 96),
}
SEEDS = (0, 1)
LOG = Path(__file__).with_name("isoflop.json")

#: Said before the runs. The rule of 20 tokens a weight puts the best sizes near widths 18, 27 and
#: 40. The ladder of *Scaling up* fell faster and faster with its steps, so down here steps should
#: be worth more than size: the best models should be smaller than the rule's, at 25 to 200 tokens
#: a weight, and every minimum inside its row of widths. The best size should grow with compute to
#: a power between a third and two thirds.
PREDICTED = {
    "tokens_per_weight": (25.0, 200.0),
    "exponent": (1 / 3, 2 / 3),
    "minimum inside": True,
}

#: The follow-up, planned when the runs above were done. The ladder's rule makes the rate small
#: where a model is wide, and at equal FLOPs wide models take few steps. So at the middle budget
#: each width also gets two and four times the rule's rate. Said before: the best of the three
#: rates lowers widths 48 and 64 by more than 0.15 nats, width 16 by less than 0.05, and the lowest
#: point moves from width 16 to 24 or 32.
FOLLOW_UP = 6e10
RATES = {2: (16, 24, 32, 48, 64), 4: (16, 24, 32, 48, 64), 0.5: (16, 24, 32, 48, 64)}
#: (It came otherwise: every width lost. Then half the rate was added, with the expectation that it
#: gains less than 0.1 nats anywhere, and that the lowest point stays at width 16.)
PREDICTED_RATES = {"gain": {48: (0.15, 9.0), 64: (0.15, 9.0), 16: (0.0, 0.05)}, "best": (24, 32)}


def plan(width: int, flops: float, vocab_size: int) -> dict:
    """What a run costs: weights, optimizer steps, tokens, and FLOPs as near to ``flops`` as whole
    steps allow."""
    from llmbook import cost

    shape = ladder.config(width, vocab_size)
    per_step = ladder.BATCH * ladder.SHAPE["context"]
    steps = max(1, round(flops / cost.train_flops(shape, per_step)))
    tokens = steps * per_step
    return {
        "weights": cost.matrix_parameters(shape), "steps": steps, "tokens": tokens,
        "flops": cost.train_flops(shape, tokens),
    }  # fmt: skip


def run(width: int, flops: float, seed: int, parts: tuple | None = None, times: float = 1) -> dict:
    """Train one model from its first weights with ``flops``; what the log keeps of it.

    ``parts``: the vocabulary and both texts, as `ladder.data` gives them. ``times``: the learning
    rate over the ladder's.
    """
    parts = parts or ladder.data()
    costs = plan(width, flops, len(parts[0]))
    made = ladder.trained(width, seed, costs, times * ladder.rate(width), parts)
    return {"budget": flops, **made}


def read() -> list[dict]:
    """The log: one entry a run, in the order in which they were trained."""
    return json.loads(LOG.read_text(encoding="utf-8")) if LOG.exists() else []


def profiles(runs: list[dict], times: float = 1) -> dict[float, list[dict]]:
    """Budget -> one entry a width, narrow to wide: weights, tokens, mean loss, the extremes; of
    the runs with ``times`` the ladder's rate."""
    found: dict[float, list[dict]] = {}
    runs = [r for r in runs if abs(r["lr"] / ladder.rate(r["width"]) / times - 1) < 1e-9]
    for budget in sorted({r["budget"] for r in runs}):
        found[budget] = ladder.means([r for r in runs if r["budget"] == budget])
    return found


def main() -> None:
    argparse.ArgumentParser("python -m llmbook.zoo.isoflop", description=__doc__).parse_args()
    from llmbook.checkpoint import write_whole

    parts, done = ladder.data(), read()
    planned = [(b, w, s, 1) for s in SEEDS for b, widths in BUDGETS.items() for w in widths]
    planned += [(FOLLOW_UP, w, s, t) for t in RATES for s in SEEDS for w in RATES[t]]
    known = {(r["budget"], r["width"], r["seed"], r["lr"]) for r in done}
    for budget, width, seed, times in planned:
        if (budget, width, seed, times * ladder.rate(width)) not in known:
            done.append(run(width, budget, seed, parts, times))
            write_whole(LOG, (json.dumps(done, indent=1) + "\n").encode())
            print(done[-1], flush=True)


if __name__ == "__main__":
    main()
