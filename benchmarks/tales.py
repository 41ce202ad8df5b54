"""The comparison on Tales as tables: excess over the floor, from the log of `make models`.

    python benchmarks/tales.py [--write]

Nothing is trained here. `python -m llmbook.zoo.comparison` makes the log, and its docstring
holds the plan and the predictions.
"""

import itertools

import common  # sets the path to the package

from llmbook.zoo import comparison

TAGS = ("all", "counting", "agreement", "nesting", "place", "recall", "tracking")
ORDER = ("ngram", "rnn", "lstm", "gpt")


def main() -> None:
    log = comparison.read()
    rows, steps = [], []
    for source in comparison.sources():
        for model, by_tag in comparison.table(log, source).items():
            cells = [f"{by_tag[tag][0]:.3f} ± {by_tag[tag][1]:.3f}" for tag in TAGS]
            rows.append([source, model, *cells])
        for a, b in itertools.pairwise(ORDER):
            mean, half = comparison.difference(a, b, source, log)
            steps.append(f"{source}: {a} − {b} = {mean:.3f} ± {half:.3f}")
    final = [run for key, run in log.items() if key.startswith("final/")]
    chosen = []
    for model in (*comparison.MODELS, *comparison.ALSO):
        setting = dict(comparison.best(model, log))
        chosen.append(f"{model}: {', '.join(f'{k} {v}' for k, v in setting.items())}")
    spent = [run["cpu_seconds"] for run in final if run["model"] != "ngram"]
    notes = [
        f"Excess in nats a word, mean of seeds {', '.join(map(str, comparison.SEEDS))} and half of "
        "Student's 95 % interval. Required: the order n-gram, RNN, LSTM, GPT on every language, "
        f"beyond the intervals of the differences seed by seed: {'; '.join(steps)}.",
        f"Each network trained for {comparison.BUDGET:.0f} CPU seconds on one thread (spent, by "
        f"the log: {min(spent):.1f} to {max(spent):.1f}) with the setting that its grid chose: "
        f"{'; '.join(chosen)}. The n-gram reads its text once, in a second.",
        "`crowd` and `menagerie` were not looked at while Tales was designed.",
    ]
    common.report("tales", ["language", "model", *TAGS], rows, notes)


if __name__ == "__main__":
    main()
