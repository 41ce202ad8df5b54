"""The parallel set: two ways to say one meaning, a reader that agrees, and no leak."""

import itertools

import pytest

from llmbook.corpora import parallel
from llmbook.corpora.parallel import combinations, is_held_out, make, pairs, splits, structures
from llmbook.corpora.parallel_hand import KINDS, english_words, hand_written
from llmbook.corpora.parallel_meaning import Clause, Phrase
from llmbook.corpora.parallel_parser import gist, read, words
from llmbook.corpora.parallel_words import (
    ADJECTIVES,
    MEASURES,
    NOUNS,
    PRONOUNS,
    VERBS,
    expand,
    glosses,
    spelled,
)

SOME = pairs(seed=3, n=2_000)

# Typed anew, from a dictionary's point of view: what each measure word counts, what each verb
# that English spells alike takes. The tables of the generator are not read here.
COUNTS = {
    "个": "男孩 女孩 老师 医生 学生 朋友 孩子 女人 苹果 鸡蛋 答案",
    "只": "狗 猫 兔子 鸟 蝙蝠", "匹": "马",
    "本": "书", "封": "信", "份": "报纸", "张": "地图 照片",
    "部": "电影", "首": "歌", "辆": "车 自行车",
    "把": "伞 椅子 吉他 小提琴", "根": "球棒", "件": "衬衫 大衣", "条": "裙子", "顶": "帽子",
    "块": "手表", "枚": "戒指", "架": "钢琴", "杯": "茶 咖啡 牛奶 水", "碗": "米饭 汤",
}  # fmt: skip
TAKES = {
    "踢": "足球", "打": "篮球 网球", "下": "棋", "弹": "钢琴 吉他", "拉": "小提琴",
    "穿": "衬衫 大衣 裙子", "戴": "帽子 手表 戒指", "知道": "答案",
}  # fmt: skip


def test_the_same_seed_gives_the_same_pairs_and_a_longer_draw_begins_alike():
    assert pairs(5, 20) == pairs(5, 40)[:20]
    assert pairs(5, 20) != pairs(6, 20)


def test_the_reader_finds_the_meaning_again():
    """The second rule: from the Chinese alone, by a parser that never sees the English."""
    for pair in SOME:
        assert read(pair.chinese) == gist(pair.meaning), pair.text
        assert words("".join(pair.chinese)) == pair.chinese


def test_the_reader_refuses_what_is_not_well_formed():
    right = "汤姆昨天在公园里买了一本书。"
    assert read(words(right)) is not None
    for wrong in (
        "汤姆昨天在公园里买了一只书。",  # another noun's measure word
        "汤姆昨天在公园里买了一书。",  # none
        "汤姆买了一本书昨天在公园里。",  # English order
        "汤姆昨天在公园里没买了一本书。",  # not done, and done
        "汤姆明天在公园里买了一本书。",  # tomorrow, and done
        "汤姆踢钢琴。",
        "汤姆昨天在公园里买了一本书",  # no end
        "",
    ):
        assert read(words(wrong)) is None, wrong


@pytest.mark.parametrize("zh", MEASURES)
def test_measure_words_count_what_a_dictionary_says(zh):
    assert {n.zh for n in NOUNS.values() if n.measure == zh} == set(COUNTS[zh].split())


def test_verbs_that_english_spells_alike_take_what_a_dictionary_says():
    found: dict[str, set[str]] = {}
    for name in ("play", "wear", "know"):
        for noun in NOUNS.values():
            if noun.kind in VERBS[name].objects:
                found.setdefault(VERBS[name].chinese(noun.kind), set()).add(noun.zh)
    people = found.pop("认识")
    assert found == {zh: set(nouns.split()) for zh, nouns in TAKES.items()}
    assert people == {n.zh for n in NOUNS.values() if n.kind == "person"}


def test_english_agrees():
    for pair in SOME:
        m, e = pair.meaning, pair.english
        for word, after in itertools.pairwise(e):
            if word in ("a", "an"):
                assert (word == "an") == (after[0] in "aeiou"), pair.text
        if m.form == "action" and m.aspect == "h" and not (m.negative or m.question):
            s = m.subject
            third = PRONOUNS[s.head][4] if s.head in PRONOUNS else not s.plural
            assert VERBS[m.verb].forms[int(third)] in e, pair.text


def test_sentences_say_what_the_languages_say():
    tom, book = Phrase("tom"), Phrase("book", "two", True, "red")
    said = Clause("action", "buy", tom, book, "p", time="yesterday", place="in the park",
                  company=Phrase("she"))  # fmt: skip
    pair = make(said)
    assert pair.text == ("tom bought two red books with her in the park yesterday .",
                         "汤姆昨天跟她在公园里买了两本红书。")  # fmt: skip
    links = {(pair.english[i], pair.chinese[j]) for i, j in pair.alignment}
    assert {("bought", "买"), ("bought", "了"), ("two", "两"), ("park", "公园")} <= links
    assert not any(zh == "本" for _, zh in links)  # the measure word says nothing English says
    who = Phrase("boy", "the", relative=Clause("action", "play", None, Phrase("piano", "the")))
    asked = make(Clause("quality", "happy", who, question=True))
    assert asked.text == ("is the boy who plays the piano happy ?", "弹钢琴的男孩高兴吗？")


def test_one_spelling_has_several_translations_by_what_stands_around():
    banks = {tuple(p.chinese) for p in SOME if "bank" in p.english}
    assert any("银行" in zh for zh in banks)
    assert any("河岸" in zh for zh in banks)
    assert spelled("bat:animal") == "animal"  # the part after a colon is the spelling
    assert {spelled(a) for a in ADJECTIVES if a.startswith("old")} == {"old"}


def test_alignment_lies_in_the_sentences_and_covers_content():
    for pair in SOME:
        for i, j in pair.alignment:
            assert 0 <= i < len(pair.english)
            assert 0 <= j < len(pair.chinese)
        linked = {j for _, j in pair.alignment}
        free = {zh for j, zh in enumerate(pair.chinese) if j not in linked}
        assert free <= MEASURES - {"杯", "碗"} | {"很"} | {"在"}, (pair.text, free)


def test_splits_do_not_leak():
    parts = splits(train=3_000, valid=100, test=100, seed=1)
    assert [len(v) for v in parts.values()] == [3_000, 100, 100, 100, 100]
    english = {name: {tuple(p.english) for p in part} for name, part in parts.items()}
    for a, b in itertools.combinations(english, 2):
        assert not english[a] & english[b]
    by_hand = {tuple(each.words) for each in hand_written()}
    assert not by_hand & set().union(*english.values())
    for name, part in parts.items():
        for pair in part:
            new = any(map(is_held_out, combinations(pair.meaning)))
            assert new == (name == "compositions")
            assert bool(structures(pair.meaning)) == (name == "structures")


def test_the_pieces_of_what_is_held_out_stand_in_training():
    """Else nobody could translate the combination."""
    parts = splits(train=8_000, valid=1, test=200)
    known = [{w for p in parts["train"] for w in side(p)} for side in
             (lambda p: p.english, lambda p: p.chinese)]  # fmt: skip
    for name in ("sentences", "compositions", "structures"):
        for pair in parts[name]:
            assert set(pair.english) <= known[0]
            assert set(pair.chinese) <= known[1]


def test_held_out_combinations_are_seen_by_the_reader_of_relative_clauses_too():
    inside = Clause("action", "buy", Phrase("tom"))
    that = Phrase("umbrella", "the", relative=inside)
    assert ("done", "buy", "umbrella") in combinations(Clause("quality", "cheap", that))


def test_every_chinese_word_has_a_gloss_and_every_kind_a_noun():
    table, kinds = glosses(), {n.kind for n in NOUNS.values()}
    assert {zh for p in SOME for zh in p.chinese} <= set(table)
    for verb in VERBS.values():
        assert set(verb.objects) | set(verb.subjects) <= kinds
    assert expand("LIVING") == ("person", "animal", "horse", "flyer")


def test_a_hundred_pairs_were_written_by_hand():
    written = hand_written()
    assert len(written) == len({w.english for w in written}) == 100
    assert {w.kind for w in written} == set(KINDS)
    known = {w for p in pairs(1, 6_000) for w in p.english}
    for each in written:
        if each.kind == "inside":
            assert read(words(each.chinese)) is not None, each
            assert set(each.words) <= known
    assert english_words("He won’t swim!") == ["he", "will", "not", "swim", "!"]


def test_the_data_card_is_there():
    for part in ("What:", "How made:", "Licence: CC BY 4.0", "Limits:"):
        assert part in parallel.__doc__
