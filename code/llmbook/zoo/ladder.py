"""A ladder of small GPTs, a law fitted to it, and its forecast for a model not trained yet.

    python -m llmbook.zoo.ladder             # trains the rungs that the log does not hold yet
    python -m llmbook.zoo.ladder --forecast  # fits the laws and writes down the forecast
    python -m llmbook.zoo.ladder --top       # trains the model that was forecast

The plan was fixed before the first run of the ladder, and is below as data. Every rung is the
same modern GPT of two layers, only wider; every rung reads 20 characters for each weight that it
multiplies with (Hoffmann et al. 2022, arXiv:2203.15556, found about 20 tokens a parameter best
for large models), so its compute grows as the square of its size. The text is real English, the
docstrings of the standard library, character by character. The forecast is committed before
``--top`` is run; that command refuses to run without it, and nothing is trained twice. About
seven minutes of one processor core in all.

Tried first, on seeds 100 and 101, and kept out of the log: rates from 0.002 to 0.016 at widths
16, 24 and 32. Two seeds of so small a model differ by up to 0.1 nats, far more than a wider rung
of the same ladder would be noticed by; hence several seeds a rung, and laws fitted to their means.
"""

import argparse
import json
import os
import statistics
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported

SEEDS = {16: (0, 1, 2), 24: (0, 1, 2), 32: (0, 1, 2), 40: (0, 1), 48: (0, 1)}  # by hidden size
TOP, TOP_SEEDS = 64, (0, 1)  # the model that is forecast
SHAPE = {"num_layers": 2, "context": 64}
HEAD_SIZE = 8
TOKENS_PER_WEIGHT = 20
BATCH = 8  # windows of 64 characters
VALID = 100_000  # characters of the held-out docstrings that every rung is scored on
LOG = Path(__file__).with_name("ladder.json")


def rate(width: int) -> float:
    """The peak learning rate: narrower matrices bear larger steps."""
    return 4e-3 * 24 / width


def config(width: int, vocab_size: int):
    """The GPT of one rung."""
    from llmbook.models import GPTConfig

    shape = {"hidden_size": width, "num_heads": width // HEAD_SIZE, **SHAPE}
    return GPTConfig.modern(vocab_size, **shape)


def data() -> tuple:
    """The vocabulary, the text to learn from and the text to score on, as Streams."""
    from llmbook.corpora import docstrings
    from llmbook.data import Stream
    from llmbook.text import CharVocab

    train = docstrings.text("train")
    vocab = CharVocab.from_text(train)
    held_out = vocab.encode(docstrings.text("valid")[:VALID])
    return vocab, *(Stream(ids, SHAPE["context"]) for ids in (vocab.encode(train), held_out))


def plan(width: int, vocab_size: int) -> dict:
    """What a rung costs: weights, optimizer steps, tokens and FLOPs."""
    from llmbook import cost

    shape = config(width, vocab_size)
    weights, per_step = cost.matrix_parameters(shape), BATCH * SHAPE["context"]
    steps = round(TOKENS_PER_WEIGHT * weights / per_step)
    tokens = steps * per_step
    flops = cost.train_flops(shape, tokens)
    return {"weights": weights, "steps": steps, "tokens": tokens, "flops": flops}


def run(width: int, seed: int, progress: bool = True, parts: tuple | None = None) -> dict:
    """Train one rung from its first weights; what the log keeps of it."""
    parts = parts or data()
    return trained(width, seed, plan(width, len(parts[0])), rate(width), parts, progress)


def trained(
    width: int, seed: int, costs: dict, lr: float, parts: tuple, progress: bool = False
) -> dict:
    """Train a model of this width for ``costs["steps"]`` steps; what a log keeps of it."""
    import torch

    from llmbook.models import GPT
    from llmbook.train import fit

    vocab, train, valid = parts
    torch.manual_seed(seed)
    history = fit(
        GPT(config(width, len(vocab))), train, valid_data=valid, steps=costs["steps"],
        batch_size=BATCH, lr=lr, seed=seed, progress=progress,
    )  # fmt: skip
    return {
        "width": width, "seed": seed, "lr": lr, **costs,
        "nats": history.valid_loss[-1], "cpu_seconds": round(history.cpu_seconds[-1], 1),
    }  # fmt: skip


def means(runs: list[dict]) -> list[dict]:
    """One entry a width: its FLOPs, and the mean and the extremes of its seeds' losses."""
    found = []
    for width in sorted({r["width"] for r in runs}):
        seeds = [r for r in runs if r["width"] == width]
        nats = [r["nats"] for r in seeds]
        found.append(
            {k: seeds[0][k] for k in ("width", "weights", "tokens", "flops")}
            | {"nats": statistics.fmean(nats), "low": min(nats), "high": max(nats)}
        )
    return found


def fit_law(flops: list[float], nats: list[float], floor: bool = True) -> dict:
    """The law nats = E + A (flops / flops₀)^-α with the least squares; flops₀ is the first.

    α is tried from 0.01 to 1.5 in steps of 0.001, E and A follow by linear least squares.
    Without ``floor`` E is zero, and the law a straight line on two logarithmic axes.
    """
    import torch

    x = torch.tensor(flops, dtype=torch.float64) / flops[0]
    y = torch.tensor(nats, dtype=torch.float64)
    best = None
    for alpha in torch.arange(10, 1501, dtype=torch.float64) / 1000:
        columns = [x**-alpha, torch.ones_like(x)][: 1 + floor]
        A = torch.stack(columns, dim=1)
        solved = torch.linalg.lstsq(A, y.unsqueeze(1)).solution
        error = float((A @ solved - y.unsqueeze(1)).square().sum())
        if best is None or error < best["error"]:
            E = float(solved[1]) if floor else 0.0
            best = {"A": float(solved[0]), "alpha": float(alpha), "E": E, "error": error}
    return best | {"flops_0": flops[0]}


def predict(law: dict, flops: float) -> float:
    """What a law says of a run of so many FLOPs, in nats a character."""
    return law["E"] + law["A"] * (flops / law["flops_0"]) ** -law["alpha"]


def forecast(rungs: list[dict], flops: float) -> dict:
    """Both laws' predictions for a run of ``flops``; the range is that of the law with a floor
    fitted without any one of the rungs in turn."""
    x, y = [r["flops"] for r in rungs], [r["nats"] for r in rungs]
    laws = {"with floor": fit_law(x, y), "no floor": fit_law(x, y, floor=False)}
    fewer = [fit_law(x[:i] + x[i + 1 :], y[:i] + y[i + 1 :]) for i in range(len(x))]
    spread = [predict(law, flops) for law in fewer]
    return {
        "flops": flops, "laws": laws,
        "nats": {name: predict(law, flops) for name, law in laws.items()},
        "range": [min(spread), max(spread)],
    }  # fmt: skip


def read() -> dict:
    """The log: ``rungs``, then ``forecast``, then ``top``."""
    return json.loads(LOG.read_text(encoding="utf-8")) if LOG.exists() else {"rungs": []}


def _write(log: dict) -> None:
    from llmbook.checkpoint import write_whole

    write_whole(LOG, (json.dumps(log, indent=1) + "\n").encode())


def _train(log: dict, key: str, seeds: dict[int, tuple[int, ...]]) -> None:
    """Every run that is asked for and not in the log yet, each written as soon as it is done."""
    parts, done = data(), log.setdefault(key, [])
    for width, numbers in seeds.items():
        for seed in numbers:
            if (width, seed) not in [(r["width"], r["seed"]) for r in done]:
                done.append(run(width, seed, parts=parts))
                _write(log)
                print(done[-1], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser("python -m llmbook.zoo.ladder", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--forecast", action="store_true", help="fit the laws, write the forecast")
    what.add_argument("--top", action="store_true", help="train the model that was forecast")
    options, log = parser.parse_args(), read()
    if options.top:
        if "forecast" not in log:
            parser.error("there is no forecast in the log; write it with --forecast first")
        _train(log, "top", {TOP: TOP_SEEDS})
    elif options.forecast:
        rungs = means(log["rungs"])
        if "top" in log or [r["width"] for r in rungs] != sorted(SEEDS):
            parser.error("a forecast is made after the ladder and before the top")
        flops = plan(TOP, len(data()[0]))["flops"]
        _write(log | {"forecast": forecast(rungs, flops)})
        print(json.dumps(read()["forecast"], indent=1))
    else:
        _train(log, "rungs", SEEDS)


if __name__ == "__main__":
    main()
