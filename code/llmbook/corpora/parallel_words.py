"""The words of `llmbook.corpora.parallel`: English forms, Chinese, pinyin, and what goes with what.

Each table is a text, a word a line, so that it can be read and checked by eye. A sense that
English spells like another one has its own line, under a name with a dot: ``bat.animal``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    """A sense of a noun. ``kind`` says which verbs and adjectives go with it."""

    name: str
    one: str  # English singular
    many: str  # English plural; "-" for what is not counted
    zh: str
    pinyin: str
    measure: str  # Chinese counts no noun without its measure word; "-" for what is not counted
    kind: str


@dataclass(frozen=True)
class Verb:
    """A verb: English forms, what it takes (kinds of objects; none: intransitive), its Chinese.

    Where the Chinese depends on the object, ``zh`` is a list ``kind:word`` by the object's kind.
    """

    name: str
    forms: tuple[str, str, str, str]  # play, plays, played, playing
    subjects: tuple[str, ...]
    objects: tuple[str, ...]
    zh: dict[str, str]
    aspects: str  # h habit, p past, f future, n now

    def chinese(self, kind: str = "") -> str:
        return self.zh.get(kind) or self.zh[""]


_NOUNS = """
boy boys 男孩 nánhái 个 person
girl girls 女孩 nǚhái 个 person
teacher teachers 老师 lǎoshī 个 person
doctor doctors 医生 yīshēng 个 person
student students 学生 xuésheng 个 person
friend friends 朋友 péngyou 个 person
child children 孩子 háizi 个 person
woman women 女人 nǚrén 个 person
dog dogs 狗 gǒu 只 animal
cat cats 猫 māo 只 animal
rabbit rabbits 兔子 tùzi 只 animal
horse horses 马 mǎ 匹 horse
bird birds 鸟 niǎo 只 flyer
bat.animal:bat bats 蝙蝠 biānfú 只 flyer
book books 书 shū 本 text
letter letters 信 xìn 封 text
newspaper newspapers 报纸 bàozhǐ 份 text
map maps 地图 dìtú 张 sheet
photo photos 照片 zhàopiàn 张 sheet
film films 电影 diànyǐng 部 film
song songs 歌 gē 首 song
car cars 车 chē 辆 car
bicycle bicycles 自行车 zìxíngchē 辆 bicycle
umbrella umbrellas 伞 sǎn 把 tool
chair chairs 椅子 yǐzi 把 tool
bat.club:bat bats 球棒 qiúbàng 根 club
shirt shirts 衬衫 chènshān 件 garment
coat coats 大衣 dàyī 件 garment
dress dresses 裙子 qúnzi 条 garment
hat hats 帽子 màozi 顶 ornament
watch.thing:watch watches 手表 shǒubiǎo 块 ornament
ring rings 戒指 jièzhi 枚 ornament
football - 足球 zúqiú - kicked
basketball - 篮球 lánqiú - thrown
tennis - 网球 wǎngqiú - thrown
chess - 棋 qí - board
piano pianos 钢琴 gāngqín 架 keys
guitar guitars 吉他 jítā 把 keys
violin violins 小提琴 xiǎotíqín 把 bow
tea - 茶 chá 杯 drink
coffee - 咖啡 kāfēi 杯 drink
milk - 牛奶 niúnǎi 杯 drink
water - 水 shuǐ 杯 drink
rice - 米饭 mǐfàn 碗 food
soup - 汤 tāng 碗 food
apple apples 苹果 píngguǒ 个 fruit
egg eggs 鸡蛋 jīdàn 个 fruit
money - 钱 qián - money
answer answers 答案 dá'àn 个 fact
"""

# What can be bought, seen and owned:
THINGS = ["text", "sheet", "film", "song", "car", "bicycle", "tool", "club", "garment", "ornament",
          "keys", "bow", "fruit"]  # fmt: skip
LIVING = ["person", "animal", "horse", "flyer"]

_VERBS = """
read reads read reading | person | text sheet | 看 kàn | hpfn
write writes wrote writing | person | text song | 写 xiě | hpfn
draw draws drew drawing | person | person animal horse flyer sheet car tool | 画 huà | hpfn
buy buys bought buying | person | THINGS drink food | 买 mǎi | hpf
sell sells sold selling | person | THINGS drink food | 卖 mài | hpfn
see sees saw seeing | person | LIVING THINGS | 看见 kànjiàn | p
find finds found finding | person animal | THINGS | 找到 zhǎodào | p
like likes liked liking | person animal | LIVING THINGS drink food | 喜欢 xǐhuan | h
want wants wanted wanting | person | THINGS drink food | 要 yào | h
know knows knew knowing | person | person fact | fact:知道 zhīdào person:认识 rènshi | h
help helps helped helping | person | person | 帮助 bāngzhù | hpfn
visit visits visited visiting | person | person | 拜访 bàifǎng | hpf
watch watches watched watching | person | film | 看 kàn | hpfn
sing sings sang singing | person | song | 唱 chàng | hpfn
drive drives drove driving | person | car | 开 kāi | hpfn
ride rides rode riding | person | bicycle horse | 骑 qí | hpfn
swing swings swung swinging | person | club | 挥 huī | hpn
wash washes washed washing | person | garment car fruit animal horse | 洗 xǐ | hpfn
drink drinks drank drinking | person | drink | 喝 hē | hpfn
eat eats ate eating | person | food fruit | 吃 chī | hpfn
wear wears wore wearing | person | garment ornament | garment:穿 chuān ornament:戴 dài | hpf
play plays played playing | person | kicked thrown board keys bow | kicked:踢 tī thrown:打 dǎ \
board:下 xià keys:弹 tán bow:拉 lā | hpfn
save saves saved saving | person | money | 存 cún | hpfn
sleep sleeps slept sleeping | person animal horse flyer | | 睡觉 shuìjiào | hpfn
run runs ran running | person animal horse | | 跑步 pǎobù | hpfn
work works worked working | person | | 工作 gōngzuò | hpfn
study studies studied studying | person | | 学习 xuéxí | hpfn
dance dances danced dancing | person | | 跳舞 tiàowǔ | hpfn
rest rests rested resting | person | | 休息 xiūxi | hpfn
swim swims swam swimming | person animal | | 游泳 yóuyǒng | hpfn
fish fishes fished fishing | person | | 钓鱼 diàoyú | hpfn
fly flies flew flying | flyer | | 飞 fēi | hpn
"""

PRONOUNS = {  # subject: object, possessive, Chinese, pinyin, third person singular
    "i": ("me", "my", "我", "wǒ", False),
    "you": ("you", "your", "你", "nǐ", False),
    "he": ("him", "his", "他", "tā", True),
    "she": ("her", "her", "她", "tā", True),
    "we": ("us", "our", "我们", "wǒmen", False),
    "they": ("them", "their", "他们", "tāmen", False),
}
NAMES = {
    "tom": ("汤姆", "Tāngmǔ"),
    "anna": ("安娜", "Ānnà"),
    "mary": ("玛丽", "Mǎlì"),
    "peter": ("彼得", "Bǐdé"),
}
NUMBERS = {"a": ("一", "yī"), "two": ("两", "liǎng"), "three": ("三", "sān"), "five": ("五", "wǔ")}
POINTERS = {"this": ("这", "zhè"), "that": ("那", "nà")}
VESSELS = {"drink": ("cup", "cups"), "food": ("bowl", "bowls")}  # English needs these, too

ADJECTIVES = {  # kinds of nouns, Chinese, pinyin; 的 belongs to the longer ones
    "big": ("animal horse flyer car sheet tool bicycle fruit", "大", "dà"),
    "small": ("animal horse flyer car sheet tool bicycle fruit", "小", "xiǎo"),
    "red": ("car tool garment ornament bicycle fruit", "红", "hóng"),
    "black": ("animal horse flyer car tool garment ornament bicycle", "黑", "hēi"),
    "new": ("text sheet film song car tool garment ornament bicycle club keys bow", "新", "xīn"),
    "beautiful": ("text sheet film song garment ornament animal horse flyer",
                  "漂亮的", "piàoliangde"),
    "young": ("person", "年轻的", "niánqīngde"),
    # old is 老 of what lives and 旧 of what is made
    "old.living:old": ("person animal horse", "老", "lǎo"),
    "old.thing:old": ("text sheet film song car tool garment ornament bicycle club keys bow",
                      "旧", "jiù"),
}  # fmt: skip
QUALITIES = {  # said of a subject; Chinese has no "is" there
    "tired": ("person animal horse", "累", "lèi"),
    "busy": ("person", "忙", "máng"),
    "happy": ("person", "高兴", "gāoxìng"),
    "expensive": ("THINGS", "贵", "guì"),
    "cheap": ("THINGS", "便宜", "piányi"),
    "big": ("animal horse car sheet tool bicycle", "大", "dà"),
}

TIMES = {  # English, Chinese, pinyin, aspect
    "yesterday": ("昨天", "zuótiān", "p"),
    "last night": ("昨晚", "zuówǎn", "p"),
    "last week": ("上周", "shàngzhōu", "p"),
    "tomorrow": ("明天", "míngtiān", "f"),
    "next week": ("下周", "xiàzhōu", "f"),
    "tonight": ("今晚", "jīnwǎn", "f"),
    "now": ("现在", "xiànzài", "n"),
    "every day": ("每天", "měitiān", "h"),
    "every week": ("每周", "měizhōu", "h"),
}
PLACES = {  # English, Chinese words, pinyin
    "in the park": ("公园 里", "gōngyuán lǐ"),
    "at school": ("学校", "xuéxiào"),
    "at home": ("家", "jiā"),
    "in the kitchen": ("厨房 里", "chúfáng lǐ"),
    "in the garden": ("花园 里", "huāyuán lǐ"),
    "at the library": ("图书馆", "túshūguǎn"),
    "in the shop": ("商店 里", "shāngdiàn lǐ"),
    "on the street": ("街 上", "jiē shàng"),
    "at the bank.money": ("银行", "yínháng"),
    "at the bank.river": ("河岸", "hé'àn"),
}
# Which bank a verb is done at: the only sign is the verb, some words away.
BANKS = {"work": "at the bank.money", "save": "at the bank.money", "fish": "at the bank.river",
         "swim": "at the bank.river", "rest": "at the bank.river"}  # fmt: skip

FUNCTION = {  # Chinese words with a job: pinyin and an English gloss
    "了": ("le", "done"), "会": ("huì", "will"), "在": ("zài", "at"), "正": ("zhèng", "just now"),
    "的": ("de", "that/of"), "吗": ("ma", "question"), "不": ("bù", "not"),
    "没": ("méi", "not done"),
    "很": ("hěn", "quite"), "非常": ("fēicháng", "very"), "有": ("yǒu", "there is"),
    "跟": ("gēn", "with"), "里": ("lǐ", "inside"), "上": ("shàng", "on"),
    "。": (".", "."), "？": ("?", "?"),
    "个": ("ge", "MW"), "只": ("zhī", "MW"), "匹": ("pǐ", "MW"), "本": ("běn", "MW"),
    "封": ("fēng", "MW"), "份": ("fèn", "MW"), "张": ("zhāng", "MW"), "部": ("bù", "MW"),
    "首": ("shǒu", "MW"), "辆": ("liàng", "MW"), "把": ("bǎ", "MW"), "根": ("gēn", "MW"),
    "件": ("jiàn", "MW"), "条": ("tiáo", "MW"), "顶": ("dǐng", "MW"), "块": ("kuài", "MW"),
    "枚": ("méi", "MW"), "架": ("jià", "MW"), "杯": ("bēi", "cup"), "碗": ("wǎn", "bowl"),
}  # fmt: skip


def expand(kinds: str) -> tuple[str, ...]:
    """Kinds of nouns, with THINGS and LIVING written out."""
    groups = {"THINGS": THINGS, "LIVING": LIVING}
    return tuple(k for word in kinds.split() for k in groups.get(word, [word]))


def _nouns() -> dict[str, Noun]:
    found = {}
    for line in _NOUNS.split("\n"):
        if line:
            one, many, zh, pinyin, measure, kind = line.split()
            name, _, spelled = one.partition(":")
            found[name] = Noun(name, spelled or name, many, zh, pinyin, measure, kind)
    return found


def _verbs() -> tuple[dict[str, Verb], dict[str, str]]:
    found, sounds = {}, {}
    for line in _VERBS.strip().replace("\\\n", "").split("\n"):
        forms, subjects, objects, chinese, aspects = (part.strip() for part in line.split("|"))
        words, zh = chinese.split(), {}
        for word, sound in zip(words[::2], words[1::2], strict=True):
            kind, _, plain = word.rpartition(":")
            zh[kind], sounds[plain] = plain, sound
        base, third, past, going = forms.split()
        found[base] = Verb(base, (base, third, past, going), expand(subjects), expand(objects), zh,
                           aspects)  # fmt: skip
    return found, sounds


NOUNS = _nouns()
VERBS, _VERB_SOUNDS = _verbs()
MEASURES = {noun.measure for noun in NOUNS.values()} - {"-"}
SENSES = {
    "踢",
    "打",
    "下",
    "弹",
    "拉",
    "穿",
    "戴",
    "知道",
    "认识",
    "银行",
    "河岸",
    "蝙蝠",
    "球棒",
    "老",
    "旧",
}


def spelled(name: str) -> str:
    """The English spelling of a sense: ``old.thing:old`` and ``old.living:old`` are both old."""
    return name.partition(":")[2] or name.partition(".")[0]


def glosses() -> dict[str, tuple[str, str]]:
    """Chinese word -> (pinyin, English gloss), for every word that the grammar can write."""
    table = dict(FUNCTION)
    table |= {n.zh: (n.pinyin, n.one) for n in NOUNS.values()}
    for verb in VERBS.values():
        table |= {zh: (_VERB_SOUNDS[zh], table[zh][1] if zh in table else verb.name)
                  for zh in verb.zh.values()}  # fmt: skip
    for subject, (_, possessive, zh, sound, _) in PRONOUNS.items():
        table |= {zh: (sound, subject), zh + "的": (sound + "de", possessive)}
    table |= {zh: (sound, name) for name, (zh, sound) in NAMES.items()}
    table |= {zh: (sound, name) for name, (zh, sound) in (NUMBERS | POINTERS).items()}
    for name, (_, zh, sound) in (QUALITIES | ADJECTIVES).items():
        table[zh] = (sound, spelled(name))
    table |= {zh: (sound, name) for name, (zh, sound, _) in TIMES.items()}
    for name, (zh, sound) in PLACES.items():
        for word, said in zip(zh.split(), sound.split(), strict=True):
            table.setdefault(word, (said, name.split()[-1].replace(".", " of ")))
    return table
