"""More questions about Python, questions that its documentation does not answer, and two halves.

    >>> half("development")[0]
    Asked(text='Comparing two words without regard to case, even for German ß', fragments=(…))

What: the questions of `questions` and as many again and more, each with fragments that stand in
the passages of ``pydocs`` that answer it (in the very sentence that does), and ``UNANSWERABLE``,
to which no passage of ``pydocs`` is an answer. Written by hand (by one hand) after reading a
sample of the passages, before any search was run on them, and committed then. Licence CC BY 4.0.

Halves: a hash of the question's text decides whether it belongs to the development half, on which
everything is chosen, or to the half that is held out.

Known limits: a question accepts one or two passages where others may answer it too, so every
score is somewhat too low; the questions were made from passages and not from needs, so they ask
about what is written. Fragments that a version of Python does not hold are left out there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from llmbook.corpora.questions import QUESTIONS

HALVES = ("development", "held out")
LICENCE = "CC-BY-4.0"


class Asked(NamedTuple):
    """A question, and words of each passage that answers it (none: nothing answers it)."""

    text: str
    fragments: tuple[str, ...]


def half_of(text: str) -> str:
    """Which half a question belongs to: the first digit of the SHA-256 of its text decides."""
    return HALVES[int(hashlib.sha256(text.encode("utf-8")).hexdigest()[0], 16) % 2]


def half(name: str, asked: Iterable[Asked] | None = None) -> list[Asked]:
    """The questions of a half, in their order: the answerable ones, or those of ``asked``.

    Raises ValueError unless the name is one of ``HALVES``.
    """
    if name not in HALVES:
        raise ValueError(f"a half is one of {' or '.join(map(repr, HALVES))}, got {name!r}")
    return [q for q in (ALL if asked is None else asked) if half_of(q.text) == name]


def answerable(
    passages: Sequence[str], asked: Iterable[Asked] | None = None
) -> list[tuple[Asked, set[int]]]:
    """The questions that these passages answer, each with the places of its passages.

    Args:
        passages: the texts that are searched.
        asked: the questions; all answerable ones when left out.
    """
    found = [
        (q, {i for i, text in enumerate(passages) if any(f in text for f in q.fragments)})
        for q in (ALL if asked is None else asked)
    ]
    return [(question, places) for question, places in found if places]


_MORE = (
    ("Can I switch assert checks off for a production run?",
     "The current code generator emits no code for an assert statement when optimization"),
    ("Is += merely a shorthand?",
     'can be rewritten as "x = x + 1" to achieve a similar, but not exactly equal effect'),
    ("Where are the type hints of a module's variables kept?",
     "the annotations are evaluated and stored in a special class or module attribute"),
    ("Is a function still a coroutine if it never awaits anything?",
     'even if they do not contain "await" or "async" keywords'),
    ("the hook that is run on every attribute lookup, without exception",
     "Called unconditionally to implement attribute accesses for instances of the class"),
    ("What is a descriptor?",
     "In general, a descriptor is an object attribute with"),
    ("In which order are an object and its class searched for an attribute?",
     'For instance, "a.x" has a lookup chain starting with',
     "A class instance has a namespace implemented as a dictionary which is the first place"),
    ("last resort when an object lacks an attribute",
     'method, that method is called as a fallback'),
    ("What do I get when I multiply a list by a negative number?",
     "a negative repetition factor yields an empty sequence"),
    ("operator for exclusive or", 'operator yields the bitwise XOR (exclusive OR) of its'),
    ("How many objects are written as three dots?",
     "There is exactly one ellipsis object"),
    ("falling back to a default when a string is empty, in one expression",
     "is a string that should be replaced by a default value if it is empty"),
    ("May I leave a comma after the last argument of a call?",
     "An optional trailing comma may be present after the positional and keyword arguments"),
    ("Are variables written in a class body common to all its objects?",
     "Variables defined in the class definition are class attributes; they are shared"),
    ("How should I test whether something is None?",
     'comparisons for singletons should always be done with "is" or "is not"'),
    ("Are two objects of my own class equal if they hold the same data?",
     'The default behavior for equality comparison ("==" and "!=") is based on the identity',
     "The behavior of the default equality comparison, that instances with different identities"),
    ("What goes wrong when I put objects in order whose class says nothing about order?",
     "A default order comparison"),
    ("Why can I not sort a list of sets in a sensible way?",
     "sets are not appropriate arguments for functions which depend on total ordering"),
    ("How does in work on my object when it can only be looped over?",
     'is "True" if some value "z", for which the expression'),
    ("several statements on one line separated by semicolons",
     "A suite can be one or more semicolon-separated simple statements"),
    ("Which if does an else belong to when they are nested?",
     "is solved in Python by requiring nested"),
    ("Can I change the loop variable inside the loop to skip items?",
     "This overwrites all previous assignments to those variables including those"),
    ("Does the loop variable still exist after the loop?",
     "Names in the target list are not deleted when the loop is finished"),
    ("getting at the exception that is being handled right now",
     'can be accessed from within the body of the "except" clause by calling'),
    ("mixing ordinary handlers with handlers for groups of exceptions",
     'It is not possible to mix "except" and "except*" in the same "try"'),
    ("What does a context manager learn about an error in its block?",
     'its type, value, and traceback are passed as arguments to "__exit__()"'),
    ("How can a with block swallow an error?",
     "wishes to suppress the exception (i.e., prevent it from being propagated), it should return"),
    ("What are with blocks good for?",
     "Typical uses of context managers include saving and restoring various kinds of global state"),
    ("spreading several context managers over many lines",
     "You can also write multi-item context managers in multiple lines"),
    ("Are the names bound by a pattern still there after the match statement?",
     "Name bindings made during a successful pattern match outlive the executed block"),
    ("alternatives in a pattern with the vertical bar",
     'will try to match "P1", if it fails it will try to match "P2"'),
    ("May the same name occur twice in one pattern?",
     "In a given pattern, a given name can only be bound once"),
    ("Are round brackets around a pattern a sequence?",
     "enclosed in parentheses without a trailing comma"),
    ("the subject is shorter than the list in the case",
     "If the length of the subject sequence is less than the number of non-star subpatterns"),
    ("Is the code inside a def run when the def is reached?",
     "The function definition does not execute the function body"),
    ("Do type hints change what a function does?",
     "The presence of annotations does not change the semantics of a function"),
    ("Which method really makes the new object, before it is initialised?",
     "Called to create a new instance of class cls"),
    ("an object that comes back to life while being finalised",
     "This is called object resurrection"),
    ("Is it safe to wait for a lock when an object is being cleaned up?",
     "it may deadlock as the resource may already be taken by the code that gets interrupted"),
    ("Which method stands behind the less-than sign?",
     'The correspondence between operator symbols and method names is as follows: "x<y" calls'),
    ("Does != follow automatically from ==?",
     'by default it delegates to "__eq__()" and inverts the result unless it is'),
    ("Why does the hash of the same text differ each time I start Python?",
     'values of str and bytes objects are "salted" with an unpredictable random value'),
    ("What decides whether my own object counts as true in an if?",
     'Called to implement truth value testing and the built-in operation'),
    ("What does the debugger do after my program has crashed?",
     "pdb will automatically enter post-mortem debugging"),
    ("run a string of code step by step in the debugger",
     "The debugger prompt appears before any code is executed"),
    ("stop the debugger from reacting to Ctrl-C",
     "If you want Pdb not to touch the SIGINT handler"),
    ("repeating the previous debugger command by pressing return",
     "Entering a blank line repeats the last command entered"),
    ("putting two debugger commands on one line",
     "Multiple commands may be entered on a single line, separated by"),
    ("a stop that only happens when something is true",
     "it is an expression which must evaluate to true before the breakpoint is honored",
     "an expression which must evaluate to true before the breakpoint is honored. If condition"),
    ("going back to an earlier line while debugging",
     "This lets you jump back and execute code again"),
    ("skipping right inside a loop from the debugger's prompt",
     'it is not possible to jump into the middle of a "for" loop'),
    ("Which arrow marks where the error was first raised?",
     "the line where the exception was originally raised or propagated is indicated by"),
    ("short names of my own for debugger commands",
     "Aliases may be nested and can contain anything that can be legally typed at the pdb prompt"),
    ("What if I write the same key twice between the curly brackets?",
     "the final dictionary's value for that key will be the last one given"),
    ("building a dictionary with a for inside the brackets",
     "A dict comprehension, in contrast to list and set comprehensions, needs two expressions"),
    ("What are exceptions for?",
     "Exceptions are a means of breaking out of the normal flow of control"),
    ("Can a handler repair the error and go on where it happened?",
     "it cannot repair the cause of the error and retry the failing operation"),
    ("May my program rely on the wording of error messages?",
     "Exception messages are not part of the Python API"),
    ("Which pieces of a program are executed as a unit?",
     "A block is a piece of Python program text that is executed as a unit"),
    ("error when a local variable is read before it has a value",
     "refers to a local variable that has not yet been bound to a value"),
    ("What is the name of the script that was started?",
     "The main module for a script is always called"),
    ("How far does a variable reach?",
     "A scope defines the visibility of a name within a block"),
    ("writing a literal brace in a template string",
     "If you need to include a brace character in the literal text, it can be escaped by doubling"),
    ("padding with a character other than a blank",
     "it can be preceded by a fill character that can be any character and defaults to a space"),
    ("getting rid of the minus in minus zero when printing",
     "coerces negative zero floating-point values to positive zero"),
    ("turning old percent templates into the new style",
     'In most of the cases the syntax is similar to the old'),
    ("names that look different but are the same variable because of Unicode",
     "All identifiers are converted into the normal form NFKC while parsing"),
    ("Is match a reserved word?",
     'can syntactically act as keywords in contexts related to the pattern matching statement'),
    ("writing the square root of minus one",
     "An imaginary literal yields a complex number with a real part of 0.0"),
    ("real and imaginary part of a number",
     "The real and imaginary parts of a complex number"),
    ("star import inside a function",
     "is only allowed at the module level"),
    ("Which names does a star import bring in?",
     "The public names defined by a module are determined by checking"),
    ("Can nonlocal create a new variable?",
     "must refer to pre-existing bindings in an enclosing scope"),
    ("What should an addition method return when it cannot handle the other value?",
     'does not support the operation with the supplied arguments, it should return'),
    ("the other operand gets a try when the left one cannot add",
     "with reflected (swapped) operands"),
    ("letting my number be used as a place in a list",
     "whenever Python needs to losslessly convert the numeric object to an integer object"),
    ("Can something unchangeable hold something that changes?",
     "is still considered immutable, because the collection of objects it",
     "If the object contains references to other objects, these other objects may be mutable"),
    ("Which objects are called containers?",
     "Some objects contain references to other objects; these are called containers"),
    ("Are equal small numbers stored as one object?",
     "may or may not refer to the same object with the value"),
    ("the result of dividing by zero through a negative power of nothing",
     'to a negative power results in a'),
    ("What may be raised?",
     'It must be either a subclass or an instance of "BaseException"'),
    ("an error happens while another error is being dealt with",
     'The previous exception is then attached as the new exception\'s'),
    ("Is the clean-up done if the function leaves from the middle of a try?",
     "clause is executed before really leaving the function"),
    ("supply a value for keys that a dictionary subclass lacks",
     "for dict subclasses when key is not in the dictionary"),
    ("going through a container from the end",
     "built-in to implement reverse iteration"),
    ("making an object of mine say explicitly that it cannot be looped over",
     "indicates that the corresponding operation is not available"),
    ("being told when somebody derives a class from mine",
     "This method is called whenever the containing class is subclassed"),
    ("the method that tells a descriptor what it is called",
     "Automatically called at the time the owning class owner is created"),
    ("two base classes whose metaclasses do not fit together",
     "If none of the candidate metaclasses meets that criterion"),
    ("meaning of list[int]",
     "might be used to signify a"),
    ("allow my class to be matched by position",
     "To be able to use that kind of pattern, the class needs to define a __match_args__"),
    ("I put a special method on one object and Python ignores it",
     "implicit invocations of special methods are only guaranteed to work correctly if defined on"),
    ("put a title in the middle of a line of a given width",
     "Return centered in a string of length width"),
    ("Does this file name end in .txt or .md?",
     "suffix can also be a tuple of suffixes to look for"),
    ("has a text only plain English characters",
     "if the string is empty or all characters in the string are ASCII"),
    ("check that there are no capital letters",
     "if all cased characters in the string are lowercase"),
    ("can every character be shown on the screen",
     "if all characters in the string are printable or the string is empty"),
    ("is it nothing but blanks",
     "if there are only whitespace characters in the string"),
    ("Does lstrip take a whole word off the front?",
     "The chars argument is not a prefix; rather, all combinations of its values are stripped"),
    ("cutting a known ending off a word",
     "If the string ends with the suffix string and that suffix is not empty, return"),
    ("cut a sentence into words but only a few times",
     "(thus, the list will have at most"),
    ("two commas in a row when splitting",
     "consecutive delimiters are not grouped together and are deemed to delimit empty strings"),
    ("a table for replacing single characters by others",
     "it must be a dictionary mapping Unicode ordinals (integers) or characters"),
    ("Is there a type for a single letter?",
     "A character is not a separate data type but a string of exactly one character",
     "Python doesn't have a char type"),
    ("non-English letters in byte strings",
     "bytes with a numeric value of 128 or greater must be expressed with escapes"),
    ("How large can a whole number get?",
     "These represent numbers in an unlimited range, subject to available (virtual) memory only"),
    ("Can I calculate with True?",
     "Boolean values behave like the values 0 and 1"),
    ("which elements does a[i:j] contain",
     'selects all items with index k such that i'),
    ("byte sequence that can be altered",
     "A bytearray object is a mutable array"),
    ("remove repeated elements from a collection",
     "Common uses for sets are fast membership testing, removing duplicates from a sequence"),
    ("a set inside another set",
     "it can be used again as an element of another set, or as a dictionary key"),
    ("What happens to self when I call a method?",
     'inserting the class instance ("__self__") in front of the argument list'),
    ("turning off the little markers under the faulty part of a line in error reports",
     "To avoid storing the extra information and/or deactivate printing the extra traceback"),
    ("a method that does not get the object passed",
     "Static method objects provide a way of defeating the transformation of function objects"),
    ("fill a dictionary with the same starting value for many keys",
     "All of the values refer to just a single instance"),
    ("taking entries out of a dictionary one after the other until none is left",
     "is useful to destructively iterate over a dictionary"),
    ("Are two dictionaries with the entries in another order equal?",
     "Dictionaries compare equal if and only if they have the same"),
    ("deleting entries while looping over a dictionary",
     "Iterating views while adding or deleting entries in the dictionary may raise"),
    ("does the list of keys notice later changes of the dictionary",
     "They provide a dynamic view on the dictionary's entries"),
    ("turning a list around without a copy",
     "method modifies the sequence in place for economy of space when reversing a large sequence"),
    ("sorting by one column and then by another",
     "this is helpful for sorting in multiple passes"),
    ("When should I use a tuple and when a list?",
     "Tuples are immutable sequences, typically used to store collections of heterogeneous data",
     "Lists are mutable sequences, typically used to store collections of homogeneous items"),
    ("formula for the elements of a range",
     'are determined by the formula'),
    ("What makes a function a generator?",
     "Using yield in a function definition is sufficient to cause that definition to create"),
)  # fmt: skip

_UNANSWERABLE = (
    # about Python, but about its library, its tools or packages, of which these pages say nothing
    "How do I install a package with pip?",
    "reading a CSV file row by row",
    "How can I parse JSON that came from a web server?",
    "How do I make a virtual environment?",
    "What is the global interpreter lock?",
    "sending an e-mail with an attachment",
    "matching a telephone number with a regular expression",
    "Today's date in the form day, month, year",
    "How do I download a web page?",
    "running another program and reading its output",
    "How do I copy a folder with all its files?",
    "starting a thread pool",
    "How can I draw a line chart?",
    "inverting a matrix with numpy",
    "joining two pandas tables on a column",
    "Which is the best editor for Python?",
    "How do I publish my package so that others can install it?",
    "writing unit tests with fixtures",
    "How do I connect to a PostgreSQL database?",
    "reading the options of a command line program",
    "compressing a file to zip",
    "random sample without replacement",
    "How long did my function take? Measuring the run time",
    "making a window with a button",
    "How do I encrypt a password?",
    "scraping a table from a site that needs a login",
    "Who invented Python, and in which year?",
    "How do I make Python faster with a just-in-time compiler?",
    "logging to a file with the time of each message",
    "training a neural network on a graphics card",
    "resizing a photo",
    "How do I run my script every night at three?",
    # about something else
    "How long must an egg boil to be soft?",
    "What is the capital of Mongolia?",
    "Which trees keep their leaves in winter?",
    "How do I remove a wine stain from a carpet?",
    "the rules of chess about castling",
    "When did the Second World War end?",
    "How many moons does Jupiter have?",
    "best time of the year to plant tulips",
    "How is cheese made?",
    "Why is the sky blue?",
    "train from Vienna to Prague",
    "What does a violin cost?",
    "How do whales sleep?",
    "exercises against back pain",
    "Who painted the ceiling of the Sistine Chapel?",
    "How do I change a bicycle tyre?",
    "the population of Brazil",
    "What should one feed a hedgehog?",
)  # fmt: skip

#: Every answerable question: first those of `questions`, in their order.
ALL = tuple(
    [Asked(q.text, (q.fragment,)) for q in QUESTIONS]
    + [Asked(text, tuple(fragments)) for text, *fragments in _MORE]
)
#: Questions to which no passage is an answer.
UNANSWERABLE = tuple(Asked(text, ()) for text in _UNANSWERABLE)
