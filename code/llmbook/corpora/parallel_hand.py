"""A hundred English sentences with Chinese translations, written by hand for the book.

    >>> pairs = hand_written()
    >>> pairs[0].english, pairs[0].chinese, pairs[0].kind

What: everyday sentences around the words of `llmbook.corpora.parallel`. ``inside``: the grammar
could have made them. ``form``: the nouns, verbs and adjectives are the grammar's, the sentence is
not (who, what and where; "Anna's", "was", "and", "please"; to be as 是 or 在). ``words``: at least
one content word is unknown to the grammar.

How made: written by one author, English first, before any model was trained on the grammar (the
history of the repository shows it), and not changed since. Size: 100 (25, 43, 32). Licence:
CC BY 4.0. Limits: one author, one reference each, short sentences; a person would accept other
translations of most of them, so a score below 100 is not the share of errors.
"""

import re
from dataclasses import dataclass

KINDS = ("inside", "form", "words")

_INSIDE = """
Tom plays football in the park every day. | 汤姆每天在公园里踢足球。
My teacher bought a new umbrella yesterday. | 我的老师昨天买了一把新伞。
Did she drink a cup of tea at home? | 她在家喝了一杯茶吗？
They are swimming now. | 他们现在正在游泳。
The hat is very expensive. | 帽子非常贵。
There are two horses in the park. | 公园里有两匹马。
Anna does not know the answer. | 安娜不知道答案。
Do you know my doctor? | 你认识我的医生吗？
Peter fishes at the bank every week. | 彼得每周在河岸钓鱼。
Mary saved money at the bank yesterday. | 玛丽昨天在银行存了钱。
She wears a ring. | 她戴一枚戒指。
He will wear the black coat tomorrow. | 他明天会穿黑大衣。
We play chess with our friend at home every week. | 我们每周跟我们的朋友在家下棋。
The car that Tom bought is cheap. | 汤姆买的车很便宜。
I did not eat the egg. | 我没吃鸡蛋。
Will they visit you next week? | 他们下周会拜访你吗？
Two bats are sleeping. | 两只蝙蝠正在睡觉。
The boy swung an old bat. | 男孩挥了一根旧球棒。
Is the student busy? | 学生忙吗？
Last week, she read three letters. | 上周她看了三封信。
The child who likes dogs is happy. | 喜欢狗的孩子很高兴。
That dog does not like the old cat. | 那只狗不喜欢老猫。
My friend plays the violin. | 我的朋友拉小提琴。
We will not work at the bank tomorrow. | 我们明天不会在银行工作。
Tonight, you will sing five songs. | 今晚你会唱五首歌。
"""

_FORM = """
She doesn't like coffee, but she likes tea. | 她不喜欢咖啡，但是她喜欢茶。
Tom and Anna are dancing. | 汤姆和安娜正在跳舞。
Yesterday my teacher did not work. | 昨天我的老师没工作。
In the park there is a small black dog. | 公园里有一只小黑狗。
Who is singing in the garden? | 谁正在花园里唱歌？
What did you buy yesterday? | 你昨天买了什么？
Where does your friend work? | 你的朋友在哪里工作？
I want to drink water. | 我想喝水。
He likes to read in the library. | 他喜欢在图书馆看书。
She is a doctor. | 她是医生。
My friend is a teacher. | 我的朋友是老师。
This is my umbrella. | 这是我的伞。
That red coat is mine. | 那件红大衣是我的。
The dress that she is wearing is new. | 她穿的裙子是新的。
Tom plays football and Anna plays the piano. | 汤姆踢足球，安娜弹钢琴。
Let us play tennis tomorrow. | 我们明天打网球吧。
Please read this book. | 请看这本书。
Don't wear that hat! | 别戴那顶帽子！
Is there any milk at home? | 家里有牛奶吗？
How many cats are there in the garden? | 花园里有几只猫？
I saw him and her at school. | 我在学校看见了他和她。
Tom, who is a student, works at the bank. | 汤姆是学生，他在银行工作。
The teacher's car is old. | 老师的车很旧。
Anna's friend wears a watch. | 安娜的朋友戴手表。
He was busy yesterday. | 他昨天很忙。
They were not happy last night. | 他们昨晚不高兴。
Was she tired last night? | 她昨晚累吗？
We were swimming. | 我们那时正在游泳。
She will be busy tomorrow. | 她明天会很忙。
I have read this book. | 我看过这本书。
Have you seen my watch? | 你看见我的手表了吗？
The bird is beautiful. | 鸟很漂亮。
Tom's dog is big and black. | 汤姆的狗又大又黑。
Two of my friends work at school. | 我的两个朋友在学校工作。
The students in the library are busy. | 图书馆里的学生很忙。
The dog in the garden is sleeping. | 花园里的狗正在睡觉。
She plays with the dog. | 她跟狗玩。
They played in the park. | 他们在公园里玩了。
The children are playing. | 孩子们正在玩。
I am at home. | 我在家。
Tom is not at school now. | 汤姆现在不在学校。
Is your teacher at home? | 你的老师在家吗？
The letter is on the street. | 信在街上。
"""

_WORDS = """
My brother plays basketball at school. | 我的哥哥在学校打篮球。
My mother bought a blue dress. | 我妈妈买了一条蓝裙子。
The tall man is reading a newspaper. | 那个高个子男人正在看报纸。
I have three cats. | 我有三只猫。
He gave her a ring. | 他给了她一枚戒指。
She can swim. | 她会游泳。
It rained yesterday. | 昨天下雨了。
The river bank is very beautiful. | 河岸很漂亮。
I like Chinese food. | 我喜欢中国菜。
We often drink green tea. | 我们常常喝绿茶。
She put the book on the table. | 她把书放在桌子上。
He opened the window. | 他打开了窗户。
The bank is closed today. | 银行今天关门。
My sister is playing the drums. | 我的姐姐正在打鼓。
They are playing cards. | 他们正在打牌。
She wears glasses. | 她戴眼镜。
He wore a mask. | 他戴了口罩。
My mother is cooking in the kitchen. | 我妈妈正在厨房里做饭。
Tom went to school by bicycle. | 汤姆骑自行车去了学校。
The cat caught a mouse. | 猫抓住了一只老鼠。
I will call you tomorrow. | 我明天会给你打电话。
Mary is reading a story to her children. | 玛丽正在给她的孩子们读故事。
He knows how to drive. | 他会开车。
We live in Beijing. | 我们住在北京。
The students are learning English. | 学生们正在学英语。
Four birds are sitting in the tree. | 四只鸟停在树上。
Her old house is very big. | 她的旧房子非常大。
He is an old friend. | 他是一个老朋友。
Peter ate two bowls of noodles. | 彼得吃了两碗面条。
Do you speak Chinese? | 你会说中文吗？
The baseball player broke his bat. | 棒球手打断了他的球棒。
Bats sleep during the day. | 蝙蝠白天睡觉。
"""


@dataclass(frozen=True)
class Written:
    """A sentence and its translation, as people write them; ``kind`` is one of KINDS."""

    english: str
    chinese: str
    kind: str

    @property
    def words(self) -> list[str]:
        """The English as the grammar spells it: lower case, marks apart, n't as not."""
        return english_words(self.english)


def english_words(text: str) -> list[str]:
    """A text as the grammar's words: lower case, punctuation apart, ``n't`` as ``not``.

    >>> english_words("She doesn't swim.")
    ['she', 'does', 'not', 'swim', '.']
    """
    text = text.lower().replace("’", "'").replace("won't", "will not").replace("can't", "can not")
    return re.findall(r"'?\w+|[^\w\s]", text.replace("n't", " not"))


def hand_written() -> list[Written]:
    """The hundred pairs, those inside the grammar first."""
    found = []
    for kind, text in zip(KINDS, (_INSIDE, _FORM, _WORDS), strict=True):
        for line in text.strip().splitlines():
            english, chinese = line.split(" | ")
            found.append(Written(english, chinese, kind))
    return found
