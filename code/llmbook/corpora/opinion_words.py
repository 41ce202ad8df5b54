"""Words that praise and words that blame: the list of a word-counting classifier.

    >>> "lovely" in POSITIVE, "lovely" in NEGATIVE
    (True, False)

Data card
    What: common English opinion words in two lists, and the words that turn, weaken or strengthen
    what follows. Single words in lower case; no word stands in two lists.
    How made: written for this book from general knowledge of the language, in one sitting, by the
    person who wrote `reviews_by_hand` before it. It was not fitted to any text, and no word was
    added or removed after a model had run; but one writer's reviews and one writer's word list
    are nearer to each other than a stranger's would be, which flatters the list.
    Size: a few hundred words. Published lists have thousands, with strengths.
    Licence: CC BY 4.0.
    Known limits: a word has one sign wherever it stands ("a cheap meal", "a cheap trick").
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


POSITIVE = _words(
    """
    good great excellent lovely wonderful nice pleasant impressive superb delightful perfect
    perfectly fantastic brilliant amazing awesome beautiful beautifully best better happy happily
    glad love loved loves loving enjoy enjoyed enjoyable recommend recommended comfortable friendly
    helpful clean fast quick easy easily fun funny clever charming elegant fresh tasty delicious
    reliable sturdy solid smooth quiet bright fair generous polite useful worth pleased satisfied
    favourite gorgeous stunning outstanding terrific marvellous magnificent splendid exciting
    fascinating gripping interesting thrilling touching thank thanks adore adores ideal flawless
    remarkable memorable cosy stylish decent praise treat congratulations success successful
    kind warm graceful inviting convincing witty handy pretty durable precise
    """
)

NEGATIVE = _words(
    """
    bad badly worse worst awful terrible horrible poor poorly disappointing disappointed disappoint
    disappoints dreadful mediocre annoying annoyed useless lousy dismal boring bored dull ugly rude
    dirty noisy loud broken broke breaks crash crashes crashed expensive overpriced hate hated hates
    dislike regret regrets avoid waste wasted weak flimsy fail fails failed failure fault faulty
    problem problems complaint complaints wrong sad angry furious sick ridiculous stupid silly
    tiring uncomfortable unpleasant unfriendly unhelpful unreliable confusing complicated difficult
    frustrating painful disgusting nasty stale bland smelly smell smells leak leaks leaked missing
    damaged defective disaster catastrophe nightmare shame sorry unfortunately crime ruin ruins
    ruined scam rubbish garbage trash junk worthless pointless tasteless bitter messy sloppy
    careless lazy grumpy late delay delays delayed clumsy shabby gloomy tedious refused
    """
)

#: They turn the meaning of an opinion word that comes after them in the same clause.
NEGATIONS = _words("not no never nothing neither nor without hardly cannot nobody none")

WEAK = _words("slightly somewhat fairly mildly little bit rather reasonably")
STRONG = _words(
    "extremely absolutely incredibly utterly completely really very so totally insanely"
)
