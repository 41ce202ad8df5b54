"""The plan of the comparison on Tales, a small run of it, and the log that the book reads."""

import json
import sys

import pytest

from llmbook.zoo import comparison
from llmbook.zoo.comparison import ALSO, BUDGET, MODELS, SEEDS, Job, best, grid, jobs


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The same plan on a few stories, with a second of training and a log of its own."""
    monkeypatch.setattr(comparison, "STORIES", {"train": 60, "valid": 10, "test": 10})
    monkeypatch.setattr(comparison, "BUDGET", 0.2)
    monkeypatch.setattr(comparison, "TRIAL", 0.1)
    monkeypatch.setattr(comparison, "LOG", tmp_path / "log.json")


def winner(model, number):
    """A log in which setting ``number`` of the model's grid has the lowest loss."""
    return {job.key: {"nats": float(i != number)} for i, job in enumerate(grid(model))}


def test_grids_come_first_then_their_winners_on_every_language():
    models = (*MODELS, *ALSO)
    log = {}
    assert jobs(log) == [job for model in models for job in grid(model)]
    for number, model in enumerate(models):
        assert best(model, log) is None
        log |= winner(model, number)
    final = jobs(log)
    assert all(job.final for job in final)
    assert (
        len({job.key for job in final}) == len(final) == len(SEEDS) * (3 * len(MODELS) + len(ALSO))
    )
    for number, model in enumerate(models):
        assert {j.setting for j in final if j.model == model} == {grid(model)[number].setting}
        assert {j.seed for j in final if j.model == model} == set(SEEDS)
    log[final[0].key] = {}
    assert jobs(log) == final[1:]


def test_every_network_has_the_same_grid():
    settings = {tuple(job.setting for job in grid(m)) for m in (*MODELS, *ALSO) if m != "ngram"}
    assert len(settings) == 1


@pytest.mark.parametrize("model", ["ngram", "rnn", "gpt"])
def test_a_run_says_all_that_the_tables_need(small, model):
    job = Job(model, "crowd", 3, True, grid(model)[0].setting)
    done = comparison.run(job)
    json.dumps(done)
    assert done["excess"] == pytest.approx(done["nats"] - done["floor"])
    assert {"recall", "tracking", "counting"} <= done["by_tag"].keys()
    if model != "ngram":
        assert 0.2 <= done["cpu_seconds"] < 5
        assert sum(done["curve"]["loss"]) > 0


def test_the_command_fills_the_log_and_lists_what_is_missing(small, monkeypatch, capsys):
    for name, value in (("MODELS", ("ngram",)), ("ALSO", ()), ("ORDERS", [{"order": 2}])):
        monkeypatch.setattr(comparison, name, value)
    monkeypatch.setattr(sys, "argv", ["comparison", "--list"])
    comparison.main()
    assert capsys.readouterr().out == "grid/tales/ngram/100/order=2\n"
    monkeypatch.setattr(comparison, "run", fake)
    monkeypatch.setattr(sys, "argv", ["comparison", "--processes", "1"])
    comparison.main()
    log = comparison.read()
    assert len(log) == 1 + 3 * len(SEEDS)
    assert jobs(log) == []


def fake(job):
    """At the top of this module, so that another process finds it."""
    return {"nats": 1.0, "excess": 0.5, "steps": 1, "seed": job.seed, "by_tag": {}}


def test_the_log_holds_the_whole_plan():
    """The book's figures are those of this plan: nothing of it is left to run."""
    log = comparison.read()
    assert jobs(log) == []
    runs = [r for key, r in log.items() if key.startswith("final/") and r["model"] != "ngram"]
    assert len(runs) == len(SEEDS) * (3 * 3 + 2)
    for run in runs:  # a run ends with the update in which its time runs out
        assert BUDGET <= run["cpu_seconds"] < BUDGET + 2
