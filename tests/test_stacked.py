"""Stacked bars: they lie end to end, and what is cut still says its total."""

import pytest

from llmbook.plot.stacked import stacked

ROWS = {"home": {"floor": 0.5, "failure": 0.1}, "away": {"floor": 0.5, "failure": 3.0}}
NAMED = {"xlabel": "nats", "ylabel": "language"}


def test_parts_lie_end_to_end_and_totals_are_written():
    axes = stacked(ROWS, limit=1.0, alt="two bars", **NAMED).axes[0]
    assert [bar.get_x() for bar in axes.containers[1]] == [0.5, 0.5]
    assert [bar.get_width() for bar in axes.containers[1]] == pytest.approx([0.1, 3.0])
    assert [text.get_text() for text in axes.texts] == ["0.60", "3.50 →"]
    assert axes.get_xlim() == (0, 1.0)
    assert axes.yaxis_inverted()


def test_without_a_limit_everything_is_seen():
    axes = stacked(ROWS, **NAMED).axes[0]
    assert axes.get_xlim()[1] > 3.5
    assert not any("→" in text.get_text() for text in axes.texts)


@pytest.mark.parametrize("rows", [{}, {"a": {"x": 1.0}, "b": {"y": 1.0}}])
def test_rows_must_name_the_same_parts(rows):
    with pytest.raises(ValueError, match="same parts"):
        stacked(rows, **NAMED)


def test_axes_must_be_named():
    with pytest.raises(ValueError, match="name"):
        stacked(ROWS, xlabel="", ylabel="language")
