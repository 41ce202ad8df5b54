"""Checks of the exercises: what was asked, what came, one hint.

    >>> from llmbook import check
    >>> check("rnn.clip", my_clip)
    ✘ rnn.clip
      asked: …

The package itself can be called, so that a chapter needs one import; the checks of a chapter
live in ``llmbook/check/<slug>.py`` and are loaded when one of them is first asked for.
"""

import sys
from types import ModuleType

from llmbook.check.core import Verdict, names, recording, verdict

__all__ = ["Verdict", "names", "recording", "verdict"]


class _CallableModule(ModuleType):
    """A module that is called like its main function."""

    def __call__(self, name: str, candidate: object) -> Verdict:
        """Print the verdict on ``candidate`` for the exercise ``name`` and return it.

        The returned object is true when the check passed. Nothing is raised, whatever the
        candidate does (only Ctrl-C gets through).
        """
        result = verdict(name, candidate)
        print(result.text)
        return result


sys.modules[__name__].__class__ = _CallableModule
