#!/bin/sh
# Finds a Python that fits and makes the environment with it: sh book/tools/environment.sh
# PYTHON=/path/to/python chooses one. What is missing is said in a sentence.

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

help="Install one (Debian, Ubuntu: sudo apt install python3 python3-venv; macOS: \
brew install python@3.13) or name one: make ... PYTHON=/path/to/python"

if [ -n "$PYTHON" ]; then
    if ! command -v "$PYTHON" >/dev/null 2>&1; then
        echo "PYTHON=$PYTHON is no program here. $help" >&2
        exit 2
    fi
    # environment.py itself says when the version does not fit.
    exec "$PYTHON" book/tools/environment.py "$@"
fi

for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
    if fits "$candidate"; then
        exec "$candidate" book/tools/environment.py "$@"
    fi
done

found=$(python3 -V 2>&1 || python -V 2>&1) || found="none"
echo "The book needs Python 3.11, 3.12, 3.13 or 3.14; found here: $found. $help" >&2
exit 2
