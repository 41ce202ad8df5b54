"""Quizzes are valid, stand by themselves and read as text too."""

import builtins
import copy
import json

import pytest

from cells import run_cells
from llmbook import quiz as module
from llmbook.quiz import as_html, as_text, faults, load, quiz

GOOD = [
    {
        "type": "multiple_choice",
        "question": "Is `a < b` & is it $5?",
        "code": "if a < b: pass",
        "answers": [
            {"answer": "yes", "correct": True, "feedback": "it is `x[0]`"},
            {"answer": "no", "correct": False, "feedback": "it is not"},
        ],
    },
    {
        "type": "many_choice",
        "question": "Which?",
        "answers": [
            {"answer": "a", "correct": True, "feedback": "1"},
            {"answer": "b", "correct": True, "feedback": "2"},
            {"answer": "c", "correct": False, "feedback": "3"},
        ],
    },
    {
        "type": "numeric",
        "question": "3 × 4?",
        "answers": [
            {"value": 12, "correct": True, "feedback": "yes"},
            {"type": "default", "feedback": "multiply"},
        ],
    },
]


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_folder", lambda: tmp_path)
    monkeypatch.delenv("LLMBOOK_LANGUAGE", raising=False)
    (tmp_path / "demo.json").write_text(json.dumps(GOOD), "utf-8")
    return tmp_path


@pytest.mark.parametrize("slug", module.names())
def test_every_quiz_of_the_book_is_valid(slug):
    assert load(slug)


def test_a_good_quiz_has_no_fault():
    assert faults(GOOD) == []


def _two_right(quiz):
    quiz[0]["answers"][1]["correct"] = True


def _none_right(quiz):
    for answer in quiz[1]["answers"]:
        answer["correct"] = False


def _no_feedback(quiz):
    quiz[0]["answers"][1]["feedback"] = " "


def _bad_type(quiz):
    quiz[0]["type"] = "essay"


def _no_question(quiz):
    del quiz[0]["question"]


def _correct_as_text(quiz):
    quiz[0]["answers"][0]["correct"] = "true"


def _same_answers(quiz):
    quiz[0]["answers"][1]["answer"] = "yes"


def _one_answer(quiz):
    del quiz[0]["answers"][1]


def _no_default(quiz):
    del quiz[2]["answers"][1]


def _no_value(quiz):
    del quiz[2]["answers"][0]["value"]


def _answers_missing(quiz):
    del quiz[0]["answers"]


def _mathematics(quiz):
    quiz[0]["question"] = "What is $x^2$?"


def _html(quiz):
    quiz[0]["answers"][0]["feedback"] = "it <b>is</b>"


def _latex(quiz):
    quiz[0]["answers"][0]["answer"] = "\\alpha"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_mathematics, "'$x^2$'"),
        (_html, "'<b>'"),
        (_latex, "alpha"),
        (_two_right, "exactly one correct answer, this has 2"),
        (_none_right, "at least one correct"),
        (_no_feedback, "'no' has no feedback"),
        (_bad_type, "'essay'"),
        (_no_question, "no question text"),
        (_correct_as_text, "true or false"),
        (_same_answers, "different"),
        (_one_answer, "at least two"),
        (_no_default, "type: default"),
        (_no_value, "value or range"),
        (_answers_missing, "list of objects"),
    ],
)
def test_each_fault_is_found_and_named(spoil, message):
    broken = copy.deepcopy(GOOD)
    spoil(broken)
    assert any(message in fault for fault in faults(broken)), faults(broken)


@pytest.mark.parametrize("data", [None, {}, [], "x", [3]])
def test_other_json_is_refused(data):
    assert faults(data)


def test_broken_files_are_named(folder):
    (folder / "demo.json").write_text("[{", "utf-8")
    with pytest.raises(ValueError, match=r"quizzes/demo\.json is not valid JSON"):
        load("demo")
    (folder / "demo.json").write_text("[]", "utf-8")
    with pytest.raises(ValueError, match="at least one question"):
        load("demo")


def test_an_unknown_quiz_lists_the_known(folder):
    with pytest.raises(ValueError, match="'demi'; there are: demo"):
        load("demi")


def test_the_editions_language_is_preferred(folder, monkeypatch):
    chinese = copy.deepcopy(GOOD)
    chinese[0]["question"] = "对吗？"
    (folder / "demo.zh.json").write_text(json.dumps(chinese), "utf-8")
    assert load("demo") == GOOD
    assert load("demo", "zh") == chinese
    monkeypatch.setenv("LLMBOOK_LANGUAGE", "zh")
    assert load("demo") == chinese
    monkeypatch.setenv("LLMBOOK_LANGUAGE", "fr")
    assert load("demo") == GOOD
    assert module.names() == ["demo"]


def test_the_page_asks_no_server_and_is_the_same_each_time():
    pytest.importorskip("jupyterquiz")
    page = as_html("demo", GOOD)
    assert page == as_html("demo", GOOD)
    for part in ("cdn", "mathjax@", "<script src", "@import", "url("):
        assert part not in page.lower(), part
    assert page.count("<div") - page[page.index("<style") :].count("<div") == 1
    assert page.count("<script") == page.count("</script>") == 1
    assert page.index("</div>") < page.index("<style")  # the element does not swallow the page


def test_texts_are_escaped_for_the_page():
    out = module._marked_up(GOOD[0])
    assert out["question"] == "Is <code>a &lt; b</code> &amp; is it &#36;5?"
    assert out["code"] == "if a &lt; b: pass"
    assert out["answers"][0]["feedback"] == "it is <code>x&#91;0]</code>"


def test_the_text_form_lists_all_and_gives_nothing_away(folder, capsys):
    quiz("demo")
    out = capsys.readouterr().out
    assert out.strip() == as_text(GOOD).strip()
    assert "b) no" in out
    assert "it is not" not in out


def test_without_jupyterquiz_it_falls_back_to_text(folder, monkeypatch, capsys):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("jupyterquiz"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    quiz("demo")
    out = capsys.readouterr().out
    assert "**1.** Is `a < b`" in out
    assert "pip install jupyterquiz" in out


def test_in_a_notebook_it_is_one_html_output(tmp_path):
    pytest.importorskip("jupyterquiz")
    (tmp_path / "demo.json").write_text(json.dumps(GOOD), "utf-8")
    source = (
        "import pathlib, llmbook.quiz as q\nq._folder = lambda: pathlib.Path('.')\nq.quiz('demo')"
    )
    [output] = run_cells(source, cwd=tmp_path).cells[0].outputs
    assert output.data["text/html"] == as_html("demo", GOOD)
    assert output.data["text/plain"] == as_text(GOOD)
