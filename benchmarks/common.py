"""Measuring side by side: what all benchmarks share. Run them from the repository's root.

Every figure is a ratio to a peer timed in the same run: the two take turns, and what counts is
the median of the ratios of neighbouring turns, so that a change in the machine's load meets
both. Time is the process's CPU time (user and system, all threads) and wall time; on a machine
that does other work the first is the steadier one.
"""

import argparse
import gc
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "code"))

README = Path(__file__).with_name("README.md")
ROUNDS = 7
ONLY_ROWS = "LLMBOOK_BENCHMARK_ROWS"  # set for a second process of a benchmark


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """(CPU seconds, wall seconds) of one call, without collections of garbage, as in timeit."""
    gc.collect()
    gc.disable()
    try:
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        return time.process_time() - cpu, time.perf_counter() - wall
    finally:
        gc.enable()


def compare(ours: Callable[[], object], peer: Callable[[], object], rounds: int = ROUNDS) -> dict:
    """Medians of both's times and of the peer-to-ours ratios of neighbouring turns."""
    ours(), peer()  # first calls make buffers and choose kernels
    turns = []
    for turn in range(rounds):
        order = (ours, peer) if turn % 2 == 0 else (peer, ours)
        times = {work: timed(work) for work in order}
        turns.append((*times[ours], *times[peer]))
    columns = list(zip(*turns, strict=True))
    names = ("ours_cpu", "ours_wall", "peer_cpu", "peer_wall")
    result = dict(zip(names, map(statistics.median, columns), strict=True))
    for clock, (mine, theirs) in {"cpu": (0, 2), "wall": (1, 3)}.items():
        result[f"ratio_{clock}"] = statistics.median(t[theirs] / t[mine] for t in turns)
    return result


AVX2_NOTE = (
    "AVX2 on a processor with AVX-512: the same processor, torch, oneDNN and MKL held to AVX2 "
    "(ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA, MKL_ENABLE_INSTRUCTIONS), as on one that has no "
    "more."
)


def on_both_instruction_sets(measure: Callable[[], list[list[str]]]) -> list[list[str]]:
    """``measure()`` here, and where there is AVX-512 once more without it, in a second process.

    Which instructions torch and oneDNN may use is settled when they are loaded, so the second
    process runs the calling script again and prints its rows instead of a table.
    """
    import torch

    if ONLY_ROWS in os.environ:
        print(json.dumps(measure()))
        raise SystemExit
    rows = measure()
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        held = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
        held |= {"MKL_ENABLE_INSTRUCTIONS": "AVX2", ONLY_ROWS: "1"}
        command = [sys.executable, sys.argv[0]]
        done = subprocess.run(command, env=os.environ | held, stdout=subprocess.PIPE, check=True)
        rows += json.loads(done.stdout)
    return rows


def processor() -> str:
    """Name, family and model of the processor, where Linux tells: what speed depends on most."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    told = dict(re.findall(r"^(cpu family|model|model name)\s*: (.*)$", text, re.MULTILINE))
    number = "/".join(filter(None, (told.get("cpu family"), told.get("model"))))
    return " ".join(filter(None, (told.get("model name"), number))) or platform.machine()


def report(
    name: str,
    header: list[str],
    rows: list[list[str]],
    notes: list[str],
    by_processor: bool = False,
) -> None:
    """Print the table and the settings; with ``--write`` put them into the README as well.

    ``by_processor``: a first column names the processor, and what the README holds of other
    processors stays there.
    """
    parser = argparse.ArgumentParser(description=f"Benchmark {name}")
    parser.add_argument("--write", action="store_true", help="update the table in README.md")
    arguments = parser.parse_args()
    if by_processor:
        header, mine = ["processor", *header], processor()
        rows = [[mine, *row] for row in rows] + of_others(name, header, mine)
    lines = [" | ".join(row) for row in [header, ["---"] * len(header), *rows]]
    text = "\n".join([f"| {line} |" for line in lines] + [""] + [f"- {note}" for note in notes])
    print(text)
    if arguments.write:
        write_section(name, text)


def of_others(name: str, header: list[str], mine: str) -> list[list[str]]:
    """The rows that the README holds of other processors, if its table has this header."""
    text = README.read_text(encoding="utf-8")
    section = text.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    first, _, *rows = [line[2:-2].split(" | ") for line in lines] or [[], []]
    return [row for row in rows if row[0] != mine] if first == header else []


def write_section(name: str, text: str) -> None:
    """Replace what stands between the README's marks of this benchmark, in one step."""
    old = README.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(old):
        raise SystemExit(f"{README} has no section <!-- {name} --> … <!-- /{name} -->; add one")
    new = pattern.sub(lambda mark: f"{mark[1]}{text}\n{mark[2]}", old)
    temporary = README.with_suffix(".md.new")
    temporary.write_text(new, encoding="utf-8")
    os.replace(temporary, README)
