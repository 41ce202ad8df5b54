"""The benchmarks that cannot run on every machine say so, and can be rehearsed."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(script: str, *options: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(BENCHMARKS / script), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_without_a_gpu_its_benchmark_says_what_is_missing():
    done = run("gpu.py")
    assert done.returncode == 1
    assert "torch sees none" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_gpus_benchmark_can_be_rehearsed():
    done = run("gpu.py", "--rehearse")
    assert done.returncode == 0, done.stderr
    assert "figures mean nothing" in done.stdout
    assert "'transformers'" in done.stdout


def test_a_table_keeps_the_rows_of_other_processors(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    common = importlib.import_module("common")
    readme = tmp_path / "README.md"
    readme.write_text("Before.\n<!-- speed -->\n<!-- /speed -->\nAfter.\n", encoding="utf-8")
    monkeypatch.setattr(common, "README", readme)
    monkeypatch.setattr(sys, "argv", ["speed.py", "--write"])
    for processor, ratio in (("one", "1.0"), ("two", "2.0"), ("one", "3.0")):
        monkeypatch.setattr(common, "processor", lambda processor=processor: processor)
        common.report("speed", ["ratio"], [[ratio]], ["A note."], by_processor=True)
    assert capsys.readouterr().out
    assert readme.read_text(encoding="utf-8").splitlines() == [
        "Before.", "<!-- speed -->",
        "| processor | ratio |", "| --- | --- |", "| one | 3.0 |", "| two | 2.0 |",
        "", "- A note.", "<!-- /speed -->", "After.",
    ]  # fmt: skip
    assert common.of_others("speed", ["processor", "another"], "three") == []


@pytest.mark.parametrize("script", sorted(p.name for p in BENCHMARKS.glob("*.py")))
def test_every_table_has_its_place(script):
    source = (BENCHMARKS / script).read_text(encoding="utf-8")
    readme = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    for line in source.splitlines():
        if "report(" in line and '"' in line and "def " not in line:
            name = line.split('"')[1]
            assert f"<!-- {name} -->" in readme, f"{script} writes {name}; README.md has no place"
