"""``python -m llmbook.frameworks [--write]``: ask TensorFlow and JAX, compare with what is kept."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from llmbook.frameworks import KEPT, MODULES, ROUNDING, ask, faults, read


def made(answers: dict) -> dict:
    """The answers with the date, the platform and the versions that gave them."""
    import numpy as np
    import safetensors

    versions = {"numpy": np.__version__, "safetensors": safetensors.__version__}
    for each in answers.values():
        versions |= each.pop("versions")
    return {
        "made": {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "platform": f"{platform.system()} {platform.machine()}, CPU",
            "python": platform.python_version(),
            "versions": versions,
        },
        "frameworks": answers,
    }


def main(argv: list[str] | None = None) -> int:
    """The command line; 1 where the answers differ from the kept ones, 2 where one is missing."""
    parser = argparse.ArgumentParser(prog="python -m llmbook.frameworks", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep these answers")
    options = parser.parse_args(argv)
    try:
        new = made({name: ask(name) for name in MODULES})
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    print("asked", ", ".join(f"{k} {v}" for k, v in new["made"]["versions"].items()))
    for name, answers in new["frameworks"].items():
        for dtype in ROUNDING:
            parts = (f"{k} {d:.1e}" for k, d in answers[dtype]["differences"].items())
            print(f"{name}, {dtype}, largest difference from torch: {', '.join(parts)}")
    if options.write:
        found = faults(new["frameworks"], new["frameworks"])  # only against torch
        if not found:
            KEPT.write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8", newline="\n")
            print(f"kept in {KEPT.name}")
    else:
        found = faults(new["frameworks"], read()["frameworks"])
    print("\n".join(found) or "All answers are as they should be.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
