"""``check`` gives one clear verdict, whatever it is handed, and never raises."""

import random
import sys
import types

import pytest
import torch

from cells import run_cells
from llmbook import check
from llmbook.check import core
from llmbook.check.compare import Wrong, expect, expect_error, require, same, shown


@pytest.fixture(autouse=True)
def demo(monkeypatch):
    """A chapter ``demo`` with three exercises, there only while a test runs."""
    monkeypatch.setitem(sys.modules, "llmbook.check.demo", types.ModuleType("llmbook.check.demo"))

    @core.exercise("demo.double", asked="double(x) gives 2x", hint="add it to itself")
    def _(double):
        for x in (3, 0, -1.5):
            expect(double, x, gives=2 * x)
        expect(double, torch.tensor([1.0, 2.0]), gives=torch.tensor([2.0, 4.0]))

    @core.exercise("demo.answer", asked="the answer as a number", hint="six times seven")
    def _(answer):
        same(answer, 42)

    @core.exercise("demo.noise", asked="any noise", hint="torch.rand")
    def _(noise):
        require(noise().numel() == 2, "a wrong size", hint="two numbers")
        return f"the first number was {noise()[0]:.6f}"

    yield
    for name in [n for n in core._EXERCISES if n.startswith("demo.")]:
        del core._EXERCISES[name]


def double(x):
    return x + x


def test_a_right_answer(capsys):
    assert check("demo.double", double)
    assert capsys.readouterr().out == "✔ demo.double: right on all 4 inputs\n"


def test_a_wrong_answer_says_what_was_asked_what_came_and_a_hint(capsys):
    assert not check("demo.double", lambda x: x * x)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "✘ demo.double",
        "  asked: double(x) gives 2x",
        "  came: <lambda>(3) gave 9, expected 6",
        "  hint: add it to itself",
    ]


def _raises(error):
    def candidate(x):
        raise error

    return candidate


class Hostile:
    """Nothing about it works."""

    def __call__(self, x):
        return Hostile()

    def __getattribute__(self, name):
        raise RuntimeError("do not look at me")

    def __eq__(self, other):
        raise RuntimeError("do not compare me")

    __hash__ = None


class BadMessageError(Exception):
    def __str__(self):
        raise ValueError


def _endless(x):
    return _endless(x)


@pytest.mark.parametrize(
    "candidate",
    [
        None,
        ...,
        3,
        "text",
        print,
        lambda: 1,
        lambda x: None,
        lambda x: ...,
        lambda x: "6",
        lambda x: [x],
        lambda x: torch.zeros(7),
        lambda x: float("nan"),
        lambda x: Hostile(),
        _endless,
        _raises(SystemExit(3)),
        _raises(GeneratorExit()),
        _raises(NotImplementedError()),
        _raises(AssertionError()),
        _raises(BadMessageError()),
        _raises(MemoryError()),
        _raises(RuntimeError("several\nlines\nof text")),
    ],
)
@pytest.mark.parametrize("name", ["demo.double", "demo.answer"])
def test_nothing_gets_through(name, candidate, capsys):
    assert not check(name, candidate)
    out = capsys.readouterr().out
    assert out.splitlines().count(f"✘ {name}") == 1
    assert "asked:" in out
    assert "came:" in out
    assert "hint:" in out


@pytest.mark.parametrize("name", ["demo.double", "demo.answer"])
def test_not_even_an_object_on_which_nothing_works(name):
    assert not check(name, Hostile())


def test_only_the_reader_can_interrupt():
    with pytest.raises(KeyboardInterrupt):
        check("demo.double", _raises(KeyboardInterrupt()))


@pytest.mark.parametrize(
    ("stub", "came"),
    [
        (_raises(NotImplementedError()), "nothing yet: NotImplementedError"),
        (lambda x: None, "gave None; does the function end with a return?"),
        (lambda x: ..., "nothing is filled in yet"),
        (None, "nothing is filled in yet"),
    ],
)
def test_stubs_are_told_kindly(stub, came):
    assert came in check.verdict("demo.double", stub).text


def test_an_error_names_the_line_of_the_readers_code():
    def candidate(x):
        y = x + 1
        return y / 0  # the fault

    text = check.verdict("demo.double", candidate).text
    assert "ZeroDivisionError: division by zero" in text
    assert "return y / 0  # the fault" in text


def test_addresses_do_not_reach_the_output():
    text = check.verdict("demo.double", lambda x: x.no_such(object())).text
    other = check.verdict("demo.double", _raises(ValueError(f"{object()}"))).text
    assert "0x…" in other
    assert "0x7" not in text + other


@pytest.mark.parametrize("name", ["demo.duoble", "demo.", "demo", "nothing.at_all", "", 3, None])
def test_an_unknown_name_is_told_with_the_nearest(name, capsys):
    assert not check(name, double)
    out = capsys.readouterr().out
    assert out.startswith(f"✘ {name}")
    if name == "demo.duoble":
        assert "demo.double" in out


def test_a_verdict_is_silent_as_a_last_value_and_the_same_each_time(tmp_path):
    source = "from llmbook import check\nverdict = check('no.such', print)\nverdict"
    cells = run_cells(source, source, cwd=tmp_path).cells
    for cell in cells:
        assert [out.output_type for out in cell.outputs] == ["stream"]
        assert cell.outputs[0].text == cells[0].outputs[0].text


def test_the_random_state_is_fixed_inside_and_untouched_outside():
    torch.manual_seed(123)
    random.seed(123)
    before = torch.get_rng_state(), random.getstate()
    texts = {check.verdict("demo.noise", lambda: torch.rand(2)).text for _ in range(3)}
    assert len(texts) == 1
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_a_special_hint_replaces_the_general_one():
    text = check.verdict("demo.noise", lambda: torch.rand(3)).text
    assert "hint: two numbers" in text
    assert "torch.rand" not in text


def test_the_candidate_cannot_spoil_the_inputs():
    x = torch.tensor([1.0, 2.0])

    def spoil(t):
        return t.mul_(2)

    expect(spoil, x, gives=torch.tensor([2.0, 4.0]))
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])),
        ([1.0, 2.0], torch.tensor([1.0, 2.0])),
        (torch.tensor(2.0), 2),
        (2.0000001, 2),
        (float("inf"), float("inf")),
        (float("nan"), float("nan")),
        (torch.tensor([1, 2]), [1, 2]),
        ((1, [2, "a"]), (1, [2, "a"])),
        ({"a": torch.ones(2)}, {"a": torch.ones(2)}),
        (torch.tensor(True), True),
        ("x", "x"),
    ],
)
def test_equal_values_pass(came, expected):
    same(came, expected)


@pytest.mark.parametrize(
    ("came", "expected", "message"),
    [
        (torch.zeros(2, 3), torch.zeros(3, 2), r"shape \(2, 3\), expected \(3, 2\)"),
        (torch.ones(50), torch.zeros(50), "50 of 50 entries: at .0. it is 1, expected 0"),
        (torch.tensor([1.0, float("nan")]), torch.tensor([1.0, 2.0]), "nan"),
        (torch.ones(2), 1.0, "of type Tensor, expected the number 1"),
        ("2", 2, "'2'"),
        (1, True, "expected True"),
        (2.1, 2, "2.1, expected 2"),
        ([1, 2], [1, 2, 3], "length 2"),
        (3, [3], "of type int, expected a list"),
        ({"a": 1}, {"a": 1, "b": 2}, "without the key 'b'"),
        ({"a": 1, "c": 1}, {"a": 1}, "'c' too many"),
        ({"a": [1, 5]}, {"a": [1, 6]}, r"\['a'\] \[1\] gave 5, expected 6"),
        ("abc", "abd", "'abc', expected 'abd'"),
        (float("inf"), 1.0, "inf"),
    ],
)
def test_different_values_are_told(came, expected, message):
    with pytest.raises(Wrong, match=message):
        same(came, expected)


def test_an_expected_exception():
    expect_error(int, "x", error=ValueError)
    with pytest.raises(Wrong, match="expected ValueError"):
        expect_error(int, "3", error=ValueError)
    with pytest.raises(NotImplementedError):  # a stub is told as a stub
        expect_error(_raises(NotImplementedError()), 1, error=RuntimeError)


def test_shown_is_short_and_rounded():
    assert shown(torch.tensor([1 / 3, 2.0])) == "tensor([0.3333, 2.0])"
    assert shown(torch.zeros(10, 10)) == "a tensor of shape (10, 10)"
    assert shown(1.0) == "1.0"
    assert len(shown("x" * 999)) <= 160


def test_recording_collects_every_verdict():
    with check.recording() as record:
        check.verdict("demo.double", double)
        check.verdict("demo.double", None)
        check.verdict("no.such", None)
    check.verdict("demo.double", double)
    assert [(v.name, v.passed) for v in record] == [
        ("demo.double", True),
        ("demo.double", False),
        ("no.such", False),
    ]


def test_a_bad_registration_is_refused():
    for name in ("clip", "rnn.Clip", "rnn.clip.it", ""):
        with pytest.raises(ValueError, match=r"<slug>\.<name>"):
            core.exercise(name, asked="a", hint="b")
    with pytest.raises(ValueError, match="asked and hint"):
        core.exercise("demo.x", asked=" ", hint="b")


def test_every_chapters_checks_load():
    for slug in core.slugs():
        assert check.names(slug), f"check/{slug}.py registers no exercise of {slug}"
        assert all(core._EXERCISES[n].function.__module__.endswith(slug) for n in check.names(slug))
