"""A hundred reviews written by hand for this book, to test what was learned from generated ones.

    >>> ROWS["negation"]["positive"][2]
    'Never had a single problem with it.'

Data card
    What: 100 short reviews in English of shops, films, books, hotels, meals and things, each with
    the label its writer meant (50 positive, 50 negative) and the phenomenon that carries it. Within
    each phenomenon half are positive: whoever knows the phenomenon alone knows nothing.
    How made: written by one person for this book, in everyday words, before any model of the
    chapter was trained, and never changed since. No review was copied from anywhere.
    Size: 100 texts. An accuracy on all of them has an interval of about ten points to either side,
    one on a single phenomenon of about twenty-five.
    Licence: CC BY 4.0.
    Known limits: one writer, who also wrote the generator of `llmbook.corpora.reviews`; nothing
    neutral or mixed; more traps than real reviews hold, so no score on it is the score that one
    would have on a shop's site. The labels have one judge.

Phenomena
    plain: opinion words mean what they say. negation: a word of negation turns the meaning.
    contrast: two opinions, of which one decides. intensity: how strong the words are decides, or
    carries it. irony: the words say the opposite of what is meant, in either direction.
    implied: no opinion word at all, a fact tells it.
"""

ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "plain": {
        "positive": (
            "Lovely little café, friendly staff and the best carrot cake in town.",
            "My daughter adores this backpack. Pretty colour, sturdy zips, room for everything.",
            "Fast delivery, well packed, works perfectly. Thank you!",
            "A gripping, beautifully written novel. I stayed up until three to finish it.",
            "Excellent hotel: quiet rooms, comfortable beds, a generous breakfast.",
            "Really happy with these boots, they are warm and comfortable from day one.",
            "The plumber was punctual, polite and fair. I would recommend him to anyone.",
            "Superb acting and a clever script. We laughed all evening.",
        ),
        "negative": (
            "Horrible service. The waiter was rude and the soup was cold.",
            "Cheap plastic, ugly colour, smells awful. I sent it back.",
            "Boring from start to finish. A waste of two hours.",
            "The app crashes constantly and the ads are annoying.",
            "Dirty bathroom, noisy street, grumpy receptionist. Terrible stay.",
            "I regret buying this blender. It is weak, loud and leaks.",
            "Disappointing book. The characters are flat and the ending is ridiculous.",
            "Worst haircut of my life, and overpriced too.",
        ),
    },
    "negation": {
        "positive": (
            "Not bad at all for the price. I had feared much worse.",
            "I have no complaints whatsoever after six months of daily use.",
            "Never had a single problem with it.",
            "You won't regret this purchase.",
            "I couldn't find anything wrong with our stay, and believe me, my mother tried.",
            "The seats aren't uncomfortable even after a long drive, and nothing rattles.",
            "There was not a dull moment in the whole film.",
            "Can't fault the service, and the food never disappoints.",
            "It doesn't leak, it doesn't smell, it doesn't scratch. That is all I ask of a bottle.",
        ),
        "negative": (
            "This is not the quality I was promised.",
            "I can't recommend this place to anyone.",
            "The jacket isn't waterproof and it isn't warm either.",
            "Nothing about the hotel was as nice as the photographs.",
            "I didn't enjoy a single chapter.",
            "The staff were neither friendly nor helpful.",
            "Hardly worth the money.",
            "It never worked properly, and nobody answers my emails.",
            "Not exactly the relaxing weekend we were hoping for.",
        ),
    },
    "contrast": {
        "positive": (
            "The box was crushed when it came, but the lamp inside is gorgeous and I love it.",
            "It took me an hour to set up. Still, I would buy it again tomorrow.",
            "Although the menu is short, everything on it is delicious.",
            "Small portions and a long wait, but honestly the best ramen I have ever had.",
            "I expected to hate it because of the awful cover, and ended up loving every page.",
            "Yes, it is expensive. It is also the only vacuum that copes with our two dogs.",
            "Despite the rain, the delays and the terrible coffee on the train, our guide made it "
            "a wonderful day.",
            "The beginning is slow, even boring, yet the second half more than makes up for it.",
            "My husband thinks it is ugly. I think it is perfect, and it is my desk.",
        ),
        "negative": (
            "Beautiful design, but it broke within a week.",
            "The view is stunning. Too bad about the food, the noise and the bill.",
            "I really wanted to like this game, and the graphics are great, but it is simply no "
            "fun.",
            "While the first season was brilliant, this one is a tired copy.",
            "Lovely people work there; even so, we will not be going back after two hours without "
            "a meal.",
            "Everyone told me how amazing this mattress is. My back disagrees.",
            "Good camera, good screen, good sound, and a battery that ruins all of it.",
            "Despite all the glowing reviews, I found it dull.",
            "The room was clean and bright; however, we could not sleep for the smell of paint.",
        ),
    },
    "intensity": {
        "positive": (
            "A bit pricey, a tiny bit noisy, and absolutely, hands down the best thing in my "
            "kitchen.",
            "Slightly heavier than I would like. Sound: breathtaking.",
            "Okay, the manual is somewhat confusing. Everything else is ridiculously good.",
            "SO good!!! I ordered three more.",
            "Insanely comfortable, I practically live in these.",
            "The strap is a little stiff at first. After that I was completely, utterly happy "
            "with it.",
            "It is quite nice, better than most I have tried.",
        ),
        "negative": (
            "Fairly pretty, extremely useless.",
            "The soup was okay. The rest was an absolute disaster.",
            "Somewhat decent acting in an unbearably stupid film.",
            "A nice idea, I suppose, and a catastrophically bad product.",
            "WAY too sweet, way too small, way too expensive.",
            "It is mildly useful at best and I expected far more for this price.",
            "Reasonably clean, but the most uncomfortable bed I have slept in for years.",
        ),
    },
    "irony": {
        "positive": (
            "Warning: you will hate yourself for not buying this sooner.",
            "My only complaint is that there are just six episodes.",
            "Terrible for my diet. I have been back four times this week.",
            "This book ruined my weekend, I could not put it down and burned the dinner twice.",
            "I am furious that nobody told me about this place until now.",
            "Awful news for my old headphones, they are going straight into the drawer.",
            "It is a crime how good these dumplings are.",
            "I was sick of my neighbours' robot mower. Now I have one too and I am the annoying "
            "one, grinning.",
        ),
        "negative": (
            "Great, another charger that dies after a week. Just what I needed.",
            "If you enjoy waiting on hold for ninety minutes, this is the bank for you.",
            "Five stars for the packaging. The vase inside was in eleven pieces.",
            "What a treat: cold fries, warm beer and a waiter who sighs.",
            "The perfect gift for someone you do not like.",
            "I love how the app logs me out every single time. So secure.",
            "Congratulations to the designers, it took real talent to make a pen that cannot "
            "write.",
            "Best sleeping pill I have ever watched.",
        ),
    },
    "implied": {
        "positive": (
            "Bought one for myself in May and have since given four as presents.",
            "Two years, three moves, one fall down the stairs: still runs like on the first day.",
            "The plates came back empty at every course.",
            "My son put his phone away and read until midnight.",
            "We have already booked the same room for next summer.",
            "They refunded me within the hour and sent a replacement the next morning.",
            "Half the audience was in tears and nobody left before the credits had ended.",
            "I have stopped looking for another dentist.",
            "It has rained for a week and my feet are dry.",
        ),
        "negative": (
            "After two washes it fits my cat.",
            "I ordered on the first of March. It is now June.",
            "The handle came off in my hand on the third day.",
            "We left before dessert.",
            "I read forty pages and gave it to the charity shop.",
            "The battery shows full, then the screen goes black ten minutes later.",
            "My doctor asked where I had bought the pillow, and wrote it down so that he could "
            "warn others.",
            "The tent kept the water in, and us in the water.",
            "Back to pen and paper for me.",
        ),
    },
}
