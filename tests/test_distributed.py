"""Many processes give the single process's training; a dead one ends it; shards are a Stream."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from llmbook import checkpoint, distributed, models
from llmbook.data import IGNORE, Stories, Stream
from llmbook.evaluate import perplexity
from llmbook.shards import Shards, write_shards
from llmbook.train import fit

V = 11
STREAM = Stream(torch.randint(V, (300,), generator=torch.Generator().manual_seed(0)), 6)
STORIES = Stories([[1 + i * j % (V - 1) for j in range(i % 6)] for i in range(21)], end=0)


def build(**changes):
    torch.manual_seed(0)
    config = {"context": 6, "hidden_size": 8, "num_heads": 2, "num_layers": 2}
    return models.build("gpt", {"vocab_size": V} | config | changes)


def run(model=None, data=STORIES, **arguments):
    model = model or build()
    usual = {"steps": 6, "batch_size": 5, "progress": False, "lr": 0.02}
    return model, fit(model, data, **usual | arguments)


# Shares of a batch


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_the_parts_of_a_batch_are_the_batch(parts):
    batch = STORIES.batch(0, 5, 0)
    pieces = [distributed.share(batch, number, parts) for number in range(parts)]
    rows = [tuple(t.tolist()) for _, targets in pieces for t in targets if (t != IGNORE).any()]
    assert sorted(rows) == sorted(tuple(t.tolist()) for t in batch[1])
    assert all(len(inputs) for inputs, _ in pieces)  # none is empty: every process takes part


@pytest.mark.parametrize("data", [STORIES, STREAM])
@pytest.mark.parametrize("accumulate", [2, 3, 9])
def test_accumulation_is_the_larger_batch(data, accumulate):
    """Stories too, whose rows score different numbers of tokens: no mean of means."""
    one, whole = run(data=data, optimizer="sgd")
    two, parts = run(data=data, optimizer="sgd", accumulate=accumulate)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    torch.testing.assert_close(two.state_dict(), one.state_dict(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_computes_nearly_the_same_and_resumes_exactly(precision, tmp_path):
    _, exact = run()
    one, rounded = run(precision=precision)
    assert rounded.loss != exact.loss
    # Eight significant bits in bf16: logits of a few units are off by some hundredths.
    assert rounded.loss == pytest.approx(exact.loss, rel=0.05)

    class Stop(Exception):  # noqa: N818
        pass

    def stop(done, history):
        if done == 4:
            raise Stop

    arguments = {"precision": precision, "checkpoint": tmp_path / "m", "checkpoint_every": 2}
    with pytest.raises(Stop):
        run(**arguments, on_step=stop)
    two, _ = run(**arguments, resume=True)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_loss_scaling_skips_updates_that_overflow_and_goes_on():
    """The scale begins at 65,536: far too much here, so the first updates are left out."""
    model = build()
    before = [p.detach().clone() for p in model.parameters()]
    with torch.no_grad():
        model.head.weight.mul_(1000)
    start = [p.detach().clone() for p in model.parameters()]
    _, history = run(model, precision="fp16", steps=1)
    assert not np.isfinite(history.grad_norm[0])
    assert all(torch.equal(a, b) for a, b in zip(start, model.parameters(), strict=True))
    _, history = run(model, precision="fp16", steps=40)
    assert np.isfinite(history.grad_norm[-1])
    assert not all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"accumulate": 0}, "accumulate is 0"),
        ({"precision": "fp8"}, "'fp8'; expected one of float32, bf16, fp16"),
        ({"shard": True}, "Start it with torchrun"),
        ({"shard": True, "precision": "fp16"}, "give bf16"),
    ],
)
def test_arguments_that_cannot_work_are_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        run(**arguments)


def test_a_run_of_another_precision_is_not_resumed(tmp_path):
    run(checkpoint=tmp_path / "m")
    with pytest.raises(checkpoint.CheckpointError, match="precision was None and is 'bf16'"):
        run(checkpoint=tmp_path / "m", resume=True, precision="bf16")


# Shards


def shards(tmp_path, ids, size, **arguments):
    write_shards(iter(ids.tolist()), tmp_path / "shards", shard_tokens=size, **arguments)
    return Shards(tmp_path / "shards", 6)


@pytest.mark.parametrize("size", [1, 7, 100, 300, 1000])
def test_shards_are_the_stream_of_the_same_ids(size, tmp_path):
    cut = shards(tmp_path, STREAM.ids, size)
    assert cut.num_tokens == STREAM.num_tokens
    for step, batch_size, seed in ((0, 1, 0), (3, 8, 1), (10**6, 40, 7)):
        for a, b in zip(
            cut.batch(step, batch_size, seed), STREAM.batch(step, batch_size, seed), strict=True
        ):
            assert torch.equal(a, b)
            assert a.dtype == b.dtype
    for stride in (None, 2):
        for a, b in zip(cut.plan(4, stride), STREAM.plan(4, stride), strict=True):
            assert all(
                torch.equal(*pair) for pair in zip(cut.gather(a), STREAM.gather(b), strict=True)
            )
    model = build()
    assert perplexity(model, cut).nats == perplexity(model, STREAM).nats


def test_training_on_shards_is_training_on_the_stream(tmp_path):
    one, first = run(data=STREAM)
    two, second = run(data=shards(tmp_path, STREAM.ids, 90))
    assert first.loss == second.loss
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_the_fingerprint_is_of_the_ids_not_of_the_files(tmp_path):
    ids = torch.arange(9000) % V
    prints = [shards(tmp_path / str(size), ids, size).fingerprint() for size in (500, 9000)]
    other = ids.clone()
    other[4500] += 1
    prints.append(shards(tmp_path / "other", other, 500).fingerprint())
    prints.append(shards(tmp_path / "short", ids[:-1], 500).fingerprint())
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_shards_are_mapped_not_read(tmp_path):
    """A file of 4 GB, nearly all of it a hole: reading it would take that much memory."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "0.bin"
    with path.open("wb") as file:
        file.truncate(4 * 10**9)
    data = Shards([path], 64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    inputs, _ = data.batch(0, 32, 0)
    data.fingerprint()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10**5  # kB
    assert inputs.shape == (32, 64)
    assert data.num_tokens == 2 * 10**9 - 1


def test_files_that_are_no_shards_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        Shards(tmp_path / "nothing", 6)
    with pytest.raises(ValueError, match="holds no file that ends in"):
        Shards(tmp_path, 6)
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(ValueError, match="expected one row of whole numbers"):
        Shards(tmp_path, 6)
    np.save(tmp_path / "a.npy", np.zeros(3, dtype=np.uint16))
    with pytest.raises(ValueError, match="needs at least 7"):
        Shards(tmp_path, 6)
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"no whole \.npy"):
        Shards(tmp_path, 6)
    (tmp_path / "a.npy").rename(tmp_path / "a.bin")
    with pytest.raises(ValueError, match="cut short"):
        Shards(tmp_path, 6)


def test_ids_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match="uint16 holds 0 to 65535"):
        write_shards([1, 70_000], tmp_path)
    assert not list(tmp_path.iterdir())
    write_shards([1, 70_000, 3], tmp_path, dtype="uint32", shard_tokens=2)
    assert Shards(tmp_path, 1).ids[torch.tensor([1, 2])].tolist() == [70_000, 3]
    with pytest.raises(FileExistsError, match="holds shards already"):
        write_shards([1], tmp_path)


# Two processes


# Each process writes a file of its own: on a shared pipe their lines can run into one another.
SCRIPT = """
import json, sys
from pathlib import Path
import torch
sys.path.insert(0, {tests!r})
from test_distributed import STORIES, STREAM, build, run
from llmbook import distributed

torch.set_num_threads(1)
arguments = json.loads(sys.argv[1])
data = STREAM if arguments.pop("stream", False) else STORIES
with distributed.processes() as world:
    model, history = run(data=data, valid_data=STORIES, eval_every=2, **arguments)
    told = [world.rank, history.loss, history.valid_loss, history.grad_norm]
    told.append([p.sum().item() for p in model.parameters()])
    Path(__file__).with_name(f"told{{world.rank}}.json").write_text(json.dumps(told))
"""


def torchrun(*command, **kwargs):
    path = os.pathsep.join(str(Path(p).resolve()) for p in sys.path if p)
    env = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    base = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [*base, *map(str, command)], env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs,
    )  # fmt: skip


def two_processes(tmp_path, **arguments):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)))
    process = torchrun(script, json.dumps(arguments))
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    told = [json.loads((tmp_path / f"told{rank}.json").read_text()) for rank in (0, 1)]
    assert [rank for rank, *_ in told] == [0, 1]
    assert told[0][1:] == told[1][1:]  # both know the same losses and end with the same weights
    return told[0][1:]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"batch_size": 1, "optimizer": "sgd"},  # less than a row for each process
        {"accumulate": 2, "stream": True},
        {"shard": True},
        {"shard": True, "optimizer": "muon"},
        {"shard": True, "accumulate": 2, "stream": True},
    ],
    ids=str,
)
def test_two_processes_train_as_one(arguments, tmp_path):
    loss, valid, norm, sums = two_processes(tmp_path, **arguments)
    arguments = {k: v for k, v in arguments.items() if k != "shard"}
    data = STREAM if arguments.pop("stream", False) else STORIES
    model, history = run(data=data, valid_data=STORIES, eval_every=2, **arguments)
    assert loss == pytest.approx(history.loss, rel=1e-5)
    assert valid == pytest.approx(history.valid_loss, rel=1e-5)
    assert norm == pytest.approx(history.grad_norm, rel=1e-4)
    assert sums == pytest.approx([p.sum().item() for p in model.parameters()], rel=1e-3, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("shard", [False, True])
def test_two_processes_go_on_from_where_one_stopped(shard, tmp_path):
    """The checkpoint is the same plain file, whoever wrote it."""

    class Stop(Exception):  # noqa: N818
        pass

    def stop(done, history):
        if done == 3:
            raise Stop

    whole, history = run(valid_data=STORIES, eval_every=2)
    path = tmp_path / "m"
    with pytest.raises(Stop):
        run(valid_data=STORIES, eval_every=2, checkpoint=path, checkpoint_every=1, on_step=stop)
    loss, valid, *_ = two_processes(tmp_path, checkpoint=str(path), resume=True, shard=shard)
    assert loss == pytest.approx(history.loss, rel=1e-5)
    assert valid == pytest.approx(history.valid_loss, rel=1e-5)
    torch.testing.assert_close(
        checkpoint.load_model(path).state_dict(), whole.state_dict(), rtol=1e-3, atol=1e-4
    )


TEXT = "the cat sat on the mat, and the dog sat on the log.\n" * 40
SMALL = ["--context", "8", "--layers", "1", "--heads", "2", "--hidden", "8", "--batch", "4"]


@pytest.mark.slow
def test_the_shell_command_trains_on_two_processes(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    process = torchrun("-m", "llmbook", "train", "text.txt", *SMALL, "--steps", "5", cwd=tmp_path)
    out, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert out.count("validation loss") == 1  # process 0 alone speaks
    alone = tmp_path / "alone"
    alone.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "llmbook", "train", "../text.txt", *SMALL, "--steps", "5"],
        cwd=alone, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(Path(checkpoint.__file__).parents[1])},
    )  # fmt: skip
    said = [re.search(r"validation loss ([\d.]+)", text)[1] for text in (out, done.stdout)]
    assert said[0] == said[1]


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_run_and_leaves_the_checkpoint_whole(killed, tmp_path):
    """SIGKILL to one of the two, as the system does when memory runs out."""
    (tmp_path / "text.txt").write_text(TEXT)
    code = (
        "import os, runpy, sys, llmbook.__main__ as m, llmbook.shell.train as t\n"
        "t.CHECKPOINT_EVERY = 5\n"
        "open(f\"pid{os.environ['RANK']}\", 'w').write(str(os.getpid()))\n"
        "sys.exit(m.main(['train', 'text.txt', '--steps', '1000000', *sys.argv[1:]]))\n"
    )
    (tmp_path / "script.py").write_text(code)
    process = torchrun("script.py", *SMALL, cwd=tmp_path)
    path = tmp_path / "model.safetensors"
    waited = time.monotonic() + 300
    while not path.exists() and process.poll() is None and time.monotonic() < waited:
        time.sleep(0.2)  # until there is a checkpoint to lose
    os.kill(int((tmp_path / f"pid{killed}").read_text()), signal.SIGKILL)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "Signal 9 (SIGKILL)" in errors  # torchrun says which one and of what
    history = checkpoint.load(path).history
    assert len(history["loss"]) % 5 == 0
    assert [p.name for p in tmp_path.glob("*.tmp")] == []
