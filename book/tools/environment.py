"""Makes the book's environment in .venv: python3 book/tools/environment.py

This file is written so that even a very old Python can read it and say what is missing.
"""

import sys

OLDEST, NEWEST = (3, 11), (3, 14)

if not OLDEST <= sys.version_info[:2] <= NEWEST:
    sys.exit(
        "The book needs Python 3.11, 3.12, 3.13 or 3.14, and this is Python "
        + ".".join(map(str, sys.version_info[:3]))
        + ". Install one of these and call it: python3.13 book/tools/environment.py "
        + "(with make: PYTHON=python3.13)."
    )

if __name__ == "__main__":
    from make_environment import main

    sys.exit(main())
