"""Questions about Python, each with the passage of ``pydocs`` that answers it.

    >>> QUESTIONS[0]
    Question(text='How can I turn all letters of a string into capitals?', fragment='Return a copy …

The questions were written by hand, in the words of someone who does not know the documentation's
own words, and were fixed before any search was run on them. A passage is named by a fragment that
must stand in it, never by a number: the texts move between Python versions. A question whose
fragment a version does not hold is left out there (``answerable`` says which are left).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Question(NamedTuple):
    """A question, and words that stand in the passage that answers it."""

    text: str
    fragment: str


def answerable(passages: Sequence[str]) -> list[tuple[Question, set[int]]]:
    """The questions that these passages answer, each with the places of its passages.

    Args:
        passages: the texts that are searched.
    """
    found = [(q, {i for i, text in enumerate(passages) if q.fragment in text}) for q in QUESTIONS]
    return [(question, places) for question, places in found if places]


QUESTIONS = tuple(
    Question(text, fragment)
    for text, fragment in (
        (
            "How can I turn all letters of a string into capitals?",
            "with all the cased characters converted to uppercase",
        ),
        (
            "Comparing two words without regard to case, even for German ß",
            "Casefolding is similar to lowercasing but more aggressive",
        ),
        ("Where in a string does another string first occur?", "Return the lowest index in the"),
        (
            "counting how many times a piece of text appears in a string",
            "Return the number of non-overlapping occurrences of",
        ),
        ("Cut a text into its lines", "Return a list of the lines in the string"),
        (
            "Removing spaces from both ends of a string",
            "Return a copy of the string with the leading and trailing characters removed",
        ),
        (
            "gluing a list of strings together with a separator between them",
            "Return a string which is the concatenation of the strings in",
        ),
        (
            "how to pad a number with zeros on the left",
            "left filled with ASCII \"'0'\" digits",
        ),
        (
            "test whether a string begins with certain letters",
            'Return "True" if string starts with the prefix',
        ),
        ("put commas between the thousands of a number", "comma for a thousands separator"),
        (
            "Why is adding many strings in a loop so slow?",
            "Concatenating immutable sequences always results in a new object",
        ),
        (
            "Does sort return the sorted list?",
            "it does not return the sorted sequence",
        ),
        (
            "How do I write a tuple with only one element?",
            "trailing comma is required only to create",
        ),
        (
            "Why is a range so small in memory?",
            "will always take the same (small) amount of memory",
        ),
        (
            "Do dictionaries remember the order in which keys were added?",
            "Dictionary order is guaranteed to be insertion order",
        ),
        (
            "a dictionary lookup that gives a substitute instead of failing when the key is absent",
            'so that this method never raises a "KeyError"',
        ),
        (
            "deleting a key from a dictionary and getting its value",
            "If key is in the dictionary, remove it and return its value",
        ),
        (
            "Which objects can be dictionary keys?",
            "which excludes all mutable objects",
        ),
        (
            "What does a function give back when it has no return statement?",
            "returned by functions that don't explicitly return a value",
        ),
        (
            "What does leaving a loop early do to its else part?",
            'terminates the loop without executing the "else" clause\'s suite',
        ),
        (
            "Where may break be written?",
            '"break" may only occur syntactically nested in a "for" or "while" loop',
        ),
        (
            "the cleanup handler runs even if we return from inside the try block",
            "the \"finally\" clause is also executed 'on the way out.'",
        ),
        (
            "When does the else of a try statement run?",
            'The optional "else" clause is executed if the control flow leaves the "try" suite',
        ),
        (
            "What happens to an error that nobody catches?",
            "When an exception is not handled at all",
        ),
        (
            "keeping the original error when raising another one",
            'The "from" clause is used for exception chaining',
        ),
        (
            "When is an object destroyed and its memory reclaimed?",
            "Objects are never explicitly destroyed",
        ),
        (
            "Is the identity of an object allowed to change?",
            "identity never changes once it has been created",
        ),
        (
            "How are strings put in order?",
            "compare lexicographically using the numerical Unicode code points",
        ),
        (
            "checking if one piece of text is contained in another",
            '"x in y" is "True" if and only if x is a substring of y',
        ),
        (
            "Which values count as false?",
            "the following values are interpreted as false",
        ),
        (
            "Do and and or always return True or False?",
            'the Boolean operations "or" and "and" always return one of their operands',
        ),
        (
            "What does the tilde in front of an integer compute?",
            "yields the bitwise inversion of its integer argument",
        ),
        (
            "raising to a negative exponent with whole numbers",
            "unless the second argument is negative; in that case, all arguments are converted",
        ),
        (
            "What is a shift to the right in arithmetic terms?",
            "A right shift by n bits is defined as floor division by",
        ),
        (
            "Formatting text with the percent sign",
            '"%" operator is also overloaded by string objects',
        ),
        (
            "How do a class that compares equal and hashing go together?",
            'A class that overrides "__eq__()" and does not define "__hash__()"',
        ),
        (
            "making instances callable like functions",
            'Called when the instance is "called" as a function',
        ),
        (
            "saving memory by declaring which attributes instances have",
            "reserves space for the declared variables",
        ),
        (
            "Why can't I give my object a new attribute when the class uses slots?",
            "instances cannot be assigned new variables not listed in the __slots__ definition",
        ),
        (
            "Rewriting private names that begin with two underscores",
            "When an identifier that textually occurs in a class definition begins with two",
        ),
        (
            "customising what printing an object shows to people",
            'differs from "object.__repr__()" in that there is no expectation',
        ),
        (
            "What is the difference between methods and functions stored in a class?",
            "Bound methods have two special read-only attributes",
        ),
        (
            "When are default parameter values computed?",
            "Default parameter values are evaluated from left to right",
        ),
        (
            "making a variable refer to the enclosing function's one",
            "listed identifiers to refer to previously bound variables in the nearest enclosing",
        ),
        (
            "Importing everything a module offers",
            "all public names defined in the module are bound in the local namespace",
        ),
        (
            "Is it possible to check an object's class with my own rules?",
            'override the default behavior of the "isinstance()"',
        ),
        (
            "functions defined with a star accept any number of arguments",
            'If the form ""*identifier"" is present',
        ),
        (
            "pausing and resuming coroutines",
            "Execution of Python coroutines can be suspended and resumed at many points",
        ),
        (
            "matching anything that is left at the end of a match statement",
            "An irrefutable case block is a match-all case block",
        ),
        (
            "adding to a number and storing it again in one statement",
            "An augmented assignment evaluates the target",
        ),
        (
            "continuing the debugged program until something stops it",
            "Continue execution, only stop when a breakpoint is encountered",
        ),
        (
            "leave the debugger",
            "Quit from the debugger",
        ),
        (
            "going up one level in the debugger's stack of frames",
            "levels up in the stack trace",
        ),
        (
            "Do numbers of different types get converted when they are added?",
            "The numeric arguments are first converted to a common type",
        ),
        (
            "dividing and getting the remainder",
            'The "%" (modulo) operator yields the remainder from the division',
        ),
        (
            "the dash that joins set difference and subtraction",
            'The "-" (subtraction) operator yields the difference of its arguments',
        ),
        (
            "Which type holds unchangeable sequences of eight-bit numbers?",
            "A bytes object is an immutable array",
        ),
        (
            "running code that is given as text",
            "can be executed or evaluated by passing it (instead of a source string)",
        ),
        (
            "What does a copied list share with the first one?",
            "items in the sequence s are not copied; they are referenced multiple times",
        ),
        (
            "What makes a container usable in a for loop when it only has numbered items?",
            '"for" loops expect that an "IndexError" will be raised for illegal indexes',
        ),
    )
)
