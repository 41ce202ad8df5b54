"""The concept quiz that closes a chapter: ``quiz("rnn")``.

The questions are data, ``llmbook/quizzes/<slug>.json``, plain text with `code` between
back-ticks, so that a translated edition brings its own file (``LLMBOOK_LANGUAGE=zh`` prefers
``<slug>.zh.json``) and the call stays the same. A file is a list of questions:

    [{"type": "multiple_choice",              // one right answer; "many_choice": one or more
      "question": "What does `h` hold after step t?",
      "code": "h = rnn_step(x, h)",           // optional
      "answers": [{"answer": "…", "correct": true,  "feedback": "why this is right"},
                  {"answer": "…", "correct": false, "feedback": "why this is wrong"}]},
     {"type": "numeric", "question": "…",
      "answers": [{"value": 12, "correct": true, "feedback": "…"},
                  {"type": "default", "feedback": "said to every other number"}]}]

jupyterquiz draws them, all of it inside the page. Its script can fetch MathJax from a server
when it finds a page's own MathJax half loaded; here it never sees one, so nothing is requested.
Write mathematics in Unicode. Where jupyterquiz is missing, the questions are listed as text.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
from importlib import resources
from typing import Any

_CHOICES = ("multiple_choice", "many_choice")
_TEXTS = ("answer", "feedback")
# What jupyterquiz would have to typeset, and what the text form would show raw.
_MARKUP = re.compile(
    r"\$[^$`]+\$|</?(?:b|i|em|strong|code|sub|sup|br|p|span|a)\b[^>]*>|\\[a-z]{2,}"
)
_CDN = re.compile(r"https?://[^'\"\s]*(?:jsdelivr|cdnjs|unpkg|mathjax)[^'\"\s]*", re.IGNORECASE)
# One look for all kinds of question; white text on each of these has a contrast above 4.5.
_COLORS = {
    "--jq-multiple-choice-bg": "#1f4e79",
    "--jq-many-choice-bg": "#4a3b76",
    "--jq-numeric-bg": "#1f4e79",
    "--jq-incorrect-color": "#b3261e",
    "--jq-correct-color": "#1b6e3c",
}
_STYLE = """
#{id} .Quiz {{ font-size: 1rem; line-height: 1.4; }}
#{id} .Quiz .QuizCode {{ font-size: 0.9rem; margin: 0.5rem 0 0; }}
#{id} .QuizCode pre {{ background: rgba(0, 0, 0, 0.3); color: inherit; border: 0; margin: 0; }}
#{id} .Answer {{ grid-template-columns: 1fr; }}
#{id} .MCButton {{ justify-content: flex-start; text-align: left; font-size: 1rem; }}
#{id} .MCButton input {{ position: absolute; opacity: 0; }}
#{id} .MCButton:focus-within {{ outline: 3px solid #56b4e9; outline-offset: 2px; }}
#{id} .InpLabel {{ font-size: 1rem; }}
#{id} .Feedback {{ font-size: 1rem; text-align: left; border-radius: 6px; }}
#{id} .Feedback.correct, #{id} .Feedback.incorrect {{ color: #ffffff; padding: 0.5rem 0.8rem; }}
#{id} .Feedback.correct {{ background: var(--jq-correct-color); }}
#{id} .Feedback.incorrect {{ background: var(--jq-incorrect-color); }}
"""


def _folder() -> Any:
    """Where the questions lie, in the repository as in an installed package."""
    return resources.files("llmbook").joinpath("quizzes")


def names() -> list[str]:
    """The slugs that have a quiz, sorted."""
    files = _folder().iterdir()
    return sorted({f.name.split(".")[0] for f in files if f.name.endswith(".json")})


def load(slug: str, language: str | None = None) -> list[dict[str, Any]]:
    """The validated questions of a chapter, in the edition's language where there is a file.

    Raises ValueError with the known names, or with every fault that the file has.
    """
    language = language or os.environ.get("LLMBOOK_LANGUAGE", "")
    for name in ([f"{slug}.{language}.json"] if language else []) + [f"{slug}.json"]:
        file = _folder().joinpath(name)
        if file.is_file():
            try:
                questions = json.loads(file.read_text(encoding="utf-8"))
            except json.JSONDecodeError as error:
                raise ValueError(f"quizzes/{name} is not valid JSON: {error}") from None
            if found := faults(questions):
                raise ValueError(f"quizzes/{name}:\n- " + "\n- ".join(found))
            return questions
    raise ValueError(f"there is no quiz {slug!r}; there are: {', '.join(names()) or 'none yet'}")


def faults(questions: Any) -> list[str]:
    """Everything that is wrong with a list of questions, one sentence each."""
    if not isinstance(questions, list) or not questions:
        return ["a quiz is a list of at least one question"]
    found = []
    for number, question in enumerate(questions, start=1):
        found += [f"question {number}: {fault}" for fault in _question_faults(question)]
    return found


def _question_faults(question: Any) -> list[str]:
    if not isinstance(question, dict):
        return [f"is a {type(question).__name__}, expected an object with type and answers"]
    kind, answers = question.get("type"), question.get("answers")
    if kind not in (*_CHOICES, "numeric"):
        return [f"type {kind!r}; known are {', '.join(_CHOICES)} and numeric"]
    found = [] if str(question.get("question", "")).strip() else ["has no question text"]
    if not isinstance(answers, list) or not all(isinstance(a, dict) for a in answers):
        return [*found, "answers must be a list of objects"]
    for answer in answers:
        if not str(answer.get("feedback", "")).strip():
            found.append(f"answer {answer.get('answer', answer.get('value'))!r} has no feedback")
    for text in [question.get("question"), *(a.get(k) for a in answers for k in _TEXTS)]:
        if markup := _MARKUP.search(re.sub(r"`[^`]+`", "", str(text or ""))):
            found.append(f"plain text and Unicode only, not {markup[0]!r}")
    check = _choice_faults if kind in _CHOICES else _numeric_faults
    return found + check(kind, answers)


def _choice_faults(kind: str, answers: list[dict]) -> list[str]:
    found = [] if len(answers) >= 2 else ["needs at least two answers"]
    if any(not isinstance(a.get("correct"), bool) for a in answers):
        found.append("every answer needs correct: true or false")
    texts = [str(a.get("answer", "")) + str(a.get("code", "")) for a in answers]
    if not all(text.strip() for text in texts) or len(set(texts)) < len(texts):
        found.append("answers must be different and not empty")
    right = sum(a.get("correct") is True for a in answers)
    if kind == "multiple_choice" and right != 1:
        found.append(f"multiple_choice has exactly one correct answer, this has {right}")
    if kind == "many_choice" and not right:
        found.append("many_choice needs at least one correct answer")
    return found


def _numeric_faults(kind: str, answers: list[dict]) -> list[str]:
    right = [a for a in answers if a.get("correct") is True and ("value" in a or "range" in a)]
    found = [] if right else ["numeric needs a correct value or range"]
    if not any(a.get("type") == "default" for a in answers):
        found.append("numeric needs feedback for every other number (type: default)")
    return found


def quiz(slug: str, language: str | None = None) -> None:
    """Show a chapter's questions with a verdict and an explanation for each answer."""
    questions = load(slug, language)
    plain = as_text(questions)
    from IPython import get_ipython
    from IPython.display import display

    try:
        page = as_html(slug, questions)
    except ImportError:
        plain += "\n\n*With `pip install jupyterquiz` this quiz answers back.*"
        page = None
    if get_ipython() is None:
        print(plain)
    elif page is None:
        display({"text/markdown": plain, "text/plain": plain}, raw=True)
    else:
        display({"text/html": page, "text/plain": plain}, raw=True)


def as_text(questions: list[dict[str, Any]]) -> str:
    """The questions as Markdown, the answers' verdicts left out."""
    parts = []
    for number, question in enumerate(questions, start=1):
        lines = [f"**{number}.** {question['question']}"]
        if "code" in question:
            lines.append(f"\n```python\n{question['code']}\n```\n")
        if question["type"] in _CHOICES:
            for letter, answer in zip("abcdefghij", question["answers"], strict=False):
                lines.append(f"- {letter}) {answer.get('answer') or answer.get('code')}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def as_html(slug: str, questions: list[dict[str, Any]]) -> str:
    """The quiz as one piece of HTML that needs nothing from outside; needs jupyterquiz.

    The element's id comes from the content, so the same quiz gives the same output.
    """
    from jupyterquiz.dynamic.loader import load_questions_script
    from jupyterquiz.dynamic.renderer import build_script, build_styles

    content = json.dumps(questions, sort_keys=True, ensure_ascii=True)
    element = f"quiz{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    prefix, static, url = load_questions_script([_marked_up(q) for q in questions], element)
    script = _CDN.sub("", build_script(prefix, static, url, element, True)).replace("</", "<\\/")
    style = build_styles(element, _default_colors() | _COLORS)
    attributes = {
        "data-shufflequestions": "False",
        "data-shuffleanswers": "True",
        "data-preserveresponses": "false",
        "data-numquestions": len(questions),
        "data-maxwidth": 720,
        "style": "border-radius: 8px",
    }
    opened = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    # The function hides two things from the script: the page's MathJax, which it would otherwise
    # call or fetch, and the console, which it fills with its notes.
    quiet = "{log: function () {}, error: console.error.bind(console)}"
    return (
        f'<div id="{element}" class="llmbook-quiz" data-quiz="{html.escape(slug)}" {opened}>'
        f"</div>\n{style}\n<style>{_STYLE.format(id=element)}</style>\n"
        f"<script>(function (MathJax, console) {{\n{script}\n}})(undefined, {quiet});</script>"
    )


def _default_colors() -> dict[str, str]:
    """The variables that jupyterquiz's stylesheet reads and the book does not set otherwise."""
    return {
        "--jq-mc-button-bg": "#fafafa",
        "--jq-mc-button-border": "#c0c0c0",
        "--jq-mc-button-inset-shadow": "#555555",
        "--jq-numeric-input-bg": "#3d3d3d",
        "--jq-numeric-input-label": "inherit",
        "--jq-numeric-input-shadow": "#999999",
        "--jq-text-color": "#fafafa",
        "--jq-link-color": "#9abafa",
    }


def _marked_up(item: dict[str, Any]) -> dict[str, Any]:
    """A question or answer with its texts as HTML; $ and [ are hidden from jupyterquiz."""
    out = dict(item)
    for key in ("question", "answer", "feedback"):
        if key in out:
            text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(str(out[key]), quote=False))
            out[key] = text.replace("$", "&#36;").replace("[", "&#91;")
    if "code" in out:
        out["code"] = html.escape(out["code"], quote=False)
    if "answers" in out:
        out["answers"] = [_marked_up(answer) for answer in out["answers"]]
    return out
