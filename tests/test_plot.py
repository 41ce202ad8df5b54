"""Figures: every call draws, says what is missing, shows itself once and stays small."""

import base64
import io
import math

import numpy as np
import pytest
import torch

from cells import run_cells
from llmbook import plot

WORDS = ["the", "cats", "that", "the", "dog", "likes", "sing", "."]
RNG = np.random.default_rng(0)
WEIGHTS = np.tril(RNG.random((8, 8)))
NAMED = {"xlabel": "step", "ylabel": "loss (nats)"}

# One call for each function, with everything that it can draw.
CALLS = {
    "curves": lambda **k: plot.curves(
        {"RNN": RNG.random(500), "GPT": ([1, 2, 3], torch.tensor([3.0, 2.0, 1.0]))},
        floor=0.5, smooth=9, bands={"GPT": ([2, 1, 0], [4, 3, 2])}, logx=True, logy=True,
        **(NAMED | k),
    ),
    "functions": lambda **k: plot.functions({"tanh": torch.tanh, "relu": torch.relu}, **k),
    "bars": lambda **k: plot.bars(
        {"RNN": {"recall": 2.0, "nesting": 0.1}, "GPT": {"recall": 0.5}},
        intervals={"RNN": {"recall": (1.9, 2.1)}}, floor=0.1, values=True, **(NAMED | k),
    ),
    "histogram": lambda **k: plot.histogram(
        {"a": RNG.normal(size=300), "b": torch.randn(300)}, density=np.cos, **(NAMED | k)
    ),
    "scatter": lambda **k: plot.scatter(
        RNG.random((8, 2)), WORDS, ["x", "y"] * 4, **(NAMED | k)
    ),
    "vectors": lambda **k: plot.vectors(
        {"a": (1, 2), "b": torch.tensor([-1.0, 1.0]), "c": ((0, 0), (1, 1))}, **(NAMED | k)
    ),
    "heatmap": lambda **k: plot.heatmap(
        {"head 1": WEIGHTS, "head 2": np.where(WEIGHTS > 0, WEIGHTS, np.nan)},
        rows=WORDS, columns=WORDS, values=True, colorbar="weight", **(NAMED | k),
    ),
    "next_words": lambda **k: plot.next_words({"dog": 0.7, "cat": 0.3}, {"cat": 1.0}, **k),
    "gates": lambda **k: plot.gates(
        {"input": RNG.random(8), "forget": torch.rand(5, 8)}, WORDS, **k
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_it_draws_and_shows_itself_as_a_small_png(name):
    from PIL import Image

    figure = CALLS[name](title="A title", alt="what   there is\nto see")
    data, metadata = figure._repr_mimebundle_()
    png = base64.b64decode(data["image/png"])
    assert len(png) < 60_000  # eight such figures in base64 fit into a notebook of 500 kB
    image = Image.open(io.BytesIO(png)).convert("RGB")
    assert image.width // 2 == metadata["image/png"]["width"]  # sharp on dense screens
    assert image.getpixel((2, 2)) == (255, 255, 255)
    assert len(set(image.get_flattened_data() if hasattr(image, "get_flattened_data")
                   else image.getdata())) > 10  # fmt: skip
    assert metadata["image/png"]["alt"] == data["text/plain"] == "what there is to see"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("axis", ["xlabel", "ylabel"])
@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_axis_without_a_name_is_refused(name, axis, empty):
    with pytest.raises(ValueError, match=f"{axis} is {empty!r}"):
        CALLS[name](**{axis: empty})


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot.curves({"a": []}, **NAMED), "'a' is empty"),
        (lambda: plot.curves({"a": ([1], [1, 2])}, **NAMED), "1 x values and 2 y"),
        (lambda: plot.curves({"a": np.zeros((2, 2))}, **NAMED), r"'a' must have 1 .*\(2, 2\)"),
        (lambda: plot.bars({}, **NAMED), "groups is empty"),
        (lambda: plot.bars({"a": {}}, **NAMED), "groups is empty"),
        (lambda: plot.histogram({}, **NAMED), "samples is empty"),
        (lambda: plot.scatter(np.zeros((3, 3)), **NAMED), r"two columns.*\(3, 3\)"),
        (lambda: plot.scatter(np.zeros((3, 2)), ["a"], **NAMED), "3 points need as many labels"),
        (lambda: plot.vectors({"a": (1, 2, 3)}, **NAMED), "'a' needs 2 numbers"),
        (lambda: plot.heatmap(np.zeros(3), **NAMED), "must have 2"),
        (lambda: plot.heatmap(np.zeros((2, 2)), rows=["a"], **NAMED), "2 rows need as many"),
        (lambda: plot.next_words({}), "law is empty"),
        (lambda: plot.gates({"i": [0.5]}, WORDS), r"\(1, 1\), for 8 words"),
        (lambda: plot.gates({}, WORDS), "traces is empty"),
    ],
)
def test_errors_name_what_is_wrong(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("5-gram", "n-gram"),
        ("Kneser-Ney", "n-gram"),
        ("NGram", "n-gram"),
        ("MLP, window 4", "mlp"),
        ("RNN 448", "rnn"),
        ("LSTM", "lstm"),
        ("GRU", "gru"),
        ("GPT, rotary", "gpt"),
        ("Transformer", "gpt"),
        ("floor", "floor"),
        ("train", None),
        ("", None),
    ],
)
def test_labels_belong_to_families(name, family):
    assert plot.family_of(name) == family


def test_a_family_keeps_its_colour_and_no_colour_comes_twice():
    alone = {name: plot.colors_of([name])[0] for name in ("5-gram", "RNN", "LSTM", "GRU", "GPT")}
    mixed = ["validation", "5-gram", "RNN", "LSTM", "GRU", "GPT", "GPT, learned"]
    colors = dict(zip(mixed, plot.colors_of(mixed), strict=True))
    assert {name: colors[name] for name in alone} == alone
    assert len(set(colors.values())) == len(mixed)
    assert len(plot.colors_of([str(i) for i in range(30)])) == 30


def _seen_by(rgb: tuple[float, ...], matrix: list[list[float]]) -> np.ndarray:
    """A colour as a dichromat sees it (Viénot, Brettel and Mollon 1999), in linear light."""
    return np.clip(np.array(matrix) @ (np.array(rgb) ** 2.2), 0, 1) ** (1 / 2.2)


@pytest.mark.parametrize(
    "matrix",
    [
        [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
        [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
    ],
    ids=["protanopia", "deuteranopia"],
)
def test_families_differ_for_colour_blind_readers(matrix):
    from matplotlib.colors import to_rgb

    seen = {name: _seen_by(to_rgb(color), matrix) for name, (color, _) in plot.FAMILIES.items()}
    names = list(seen)
    gaps = {
        (a, b): float(np.linalg.norm(seen[a] - seen[b]))
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    }
    # A tenth of the cube's side is about the gap between two neighbouring greys of a ten-step
    # scale, which readers tell apart in a line of two points.
    assert min(gaps.values()) > 0.1, min(gaps, key=gaps.get)


def test_smoothing_is_a_mean_that_keeps_the_length():
    from llmbook.plot.charts import _smooth

    y = RNG.random(50)
    for width in (1, 2, 7, 50, 500):
        out = _smooth(y, width)
        assert out.shape == y.shape
        assert y.min() - 1e-12 <= out.min() <= out.max() <= y.max() + 1e-12
    assert np.allclose(_smooth(np.full(9, 2.0), 4), 2.0)
    assert _smooth(y, 7)[20] == pytest.approx(y[17:24].mean())


def test_gaps_in_a_curve_are_drawn_around():
    plot.curves({"a": [1.0, math.nan, 3.0], "b": [math.inf, 1, 2]}, **NAMED)._repr_mimebundle_()


def test_a_notebook_shows_a_figure_once_and_only_as_the_last_value(tmp_path):
    call = "plot.curves({'RNN': [3, 2, 1]}, xlabel='step', ylabel='loss')"
    cells = run_cells(
        "from llmbook import plot", call, f"figure = {call}", "figure", cwd=tmp_path
    ).cells
    assert [len(cell.outputs) for cell in cells] == [0, 1, 0, 1]
    [output] = cells[1].outputs
    assert set(output.data) == {"image/png", "text/plain"}
    assert output.data["text/plain"] == "<Figure size 576x345>"


def test_importing_plot_does_not_import_matplotlib():
    import subprocess
    import sys
    from pathlib import Path

    code = "import sys, llmbook.plot; sys.exit('matplotlib' in sys.modules)"
    env = {"PYTHONPATH": str(Path(plot.__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == 0


def test_a_curve_of_the_floors_family_is_dashed():
    drawn = plot.curves({"floor": [1.0, 1.0], "GPT": [2.0, 1.5]}, **NAMED)
    assert drawn._repr_mimebundle_()
