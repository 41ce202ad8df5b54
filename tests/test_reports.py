"""Generated reports: facts that a second rule reads back, nothing held out in training, a judge."""

import pytest

from llmbook.corpora import reports, reports_rule, reports_words
from llmbook.corpora.reports_rule import SLOTS, VERDICTS, is_true, judge, read

PARTS = reports.splits(seed=3)


def facts_of(report):
    return {slot: {getattr(report.facts, slot)} for slot in SLOTS}


def test_the_second_rule_reads_the_facts_of_every_report_and_of_every_summary():
    more = {"new": reports.sample(99, 3000, new=True), "all": reports.sample(98, 999, True, True)}
    for name, rows in (PARTS | more).items():
        unlike = [r for r in rows if not read(r.text) == read(r.summary) == facts_of(r)]
        assert not unlike, (name, unlike[:3])


def test_the_rule_reads_the_text_and_not_a_habit_of_the_generator():
    text = "Tom had won before. From Lima came 5 lamps, and Anna carried them on Friday."
    assert read(text) == {
        "who": {"Anna"}, "number": {"5"}, "thing": {"lamps"}, "place": {"Lima"}, "day": {"Friday"},
    }  # fmt: skip
    assert read("") == {slot: set() for slot in SLOTS}
    assert read("Last year Tom won 5 chairs in Lima.") == {slot: set() for slot in SLOTS}


def test_no_event_comes_in_two_splits():
    events = {name: {r.facts for r in rows} for name, rows in PARTS.items()}
    for name in events:
        for other in set(events) - {name}:
            assert events[name].isdisjoint(events[other])
    assert {name: len(rows) for name, rows in PARTS.items()} == {
        "train": 4000, "valid": 300, "test": 500, "strangers": 500,
        "phrasings": 500,
    }  # fmt: skip


def test_held_out_phrasings_are_held_out():
    assert len(reports.HELD_OUT) == 3 + 2 + 2 + 2
    for name, rows in PARTS.items():
        new = [any(map(reports.is_held_out, r.frames)) for r in rows]
        assert all(new) if name == "phrasings" else not any(new)
    used = {f for r in PARTS["phrasings"] for f in r.frames if reports.is_held_out(f)}
    assert used == reports.HELD_OUT
    texts = [s for r in PARTS["train"] for s in r.text.split(". ")]
    assert not any("had won after" in text for text in texts)


def test_strangers_have_nothing_in_common_with_training():
    """Neither in the facts nor in what distracts from them."""
    words = {
        name: {w.strip(".,") for r in rows for w in r.text.split()} for name, rows in PARTS.items()
    }
    known = {*reports_words.NAMES, *reports_words.PLACES, *map(str, reports_words.NUMBERS)}
    strange = {*reports_words.STRANGE_NAMES, *reports_words.STRANGE_PLACES}
    strange |= set(map(str, reports_words.STRANGE_NUMBERS))
    assert not known & strange
    assert not words["strangers"] & known
    assert not words["train"] & strange
    assert len(words["strangers"] & strange) > 60


def test_a_report_says_each_fact_once_and_distracts_from_it():
    for rows in PARTS.values():
        for r in rows:
            assert 4 <= len(r.sentences) <= 7
            assert " ".join(r.sentences) == r.text
            plain = [s for s in r.sentences if not reports_rule._ELSEWHERE.search(s)]
            assert len(plain) < len(r.sentences)
            for slot in SLOTS:
                value = getattr(r.facts, slot)
                assert sum(value in reports_rule._mentions(s)[slot] for s in r.sentences) == 1
            assert max(sum(getattr(r.facts, slot) in s for slot in SLOTS) for s in plain) < 5


def test_kinds_are_equally_frequent_and_a_seed_gives_the_same():
    kinds = [r.facts.kind for r in PARTS["test"]]
    assert {kinds.count(k) for k in reports.SUMMARY} <= {166, 167}
    assert reports.sample(5, 20) == reports.sample(5, 50)[:20] != reports.sample(6, 20)
    assert reports.splits(30, 10, 10, 10, 10) == reports.splits(30, 10, 10, 10, 10)


def test_too_many_events_are_refused(monkeypatch):
    for name in ("STRANGE_NAMES", "STRANGE_PLACES", "STRANGE_NUMBERS", "DAYS"):
        monkeypatch.setattr(reports, name, getattr(reports, name)[:2])
    with pytest.raises(ValueError, match=r"strangers has no \d+ different events"):
        reports.splits(strangers=500)


def test_the_judge_tells_four_verdicts_apart():
    report = PARTS["test"][0]
    assert judge(report.summary, report.text) == dict.fromkeys(SLOTS, "faithful")
    assert judge("", report.text) == dict.fromkeys(SLOTS, "missing")
    text = "Last year Tom won in Oslo. Anna won the 5 kilometre rowing race in Lima on Friday."
    said = judge("Tom won the 9 kilometre race in Lima.", text)
    assert said == {
        "who": "wrong role", "number": "hallucinated", "thing": "missing", "place": "faithful",
        "day": "missing",
    }  # fmt: skip
    assert not is_true(said)
    assert is_true(judge("Anna won.", text))
    assert judge("Lima won in Lima.", text)["who"] == "wrong role"  # a place in a person's seat
    assert judge("fastest won in Lima.", text)["who"] == "hallucinated"
    assert judge("rowing won in Lima.", text)["who"] == "wrong role"
    assert judge("<unk> won in Lima.", text)["who"] == "missing"
    assert judge("Anna and Tom won.", text)["who"] == "wrong role"  # the worst of two
    assert set(said.values()) <= set(VERDICTS)


@pytest.mark.parametrize("slot", SLOTS)
def test_one_wrong_fact_is_found(slot):
    for report, other in zip(PARTS["test"][:60], PARTS["strangers"][:60], strict=True):
        wrong = report.facts._replace(**{slot: getattr(other.facts, slot)})
        summary = reports.SUMMARY[report.facts.kind].format(**wrong._asdict())
        same = wrong == report.facts
        verdicts = judge(summary, report.text)
        assert (verdicts[slot] == "faithful") == same
        assert all(v == "faithful" for s, v in verdicts.items() if s != slot)
