"""A checkpoint comes back bit by bit, is written whole or not at all, and says what is wrong."""

import builtins
import contextlib
import errno
import json
import os
import pickle
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from llmbook import checkpoint, files, models
from llmbook.checkpoint import CheckpointError
from llmbook.data import Stream
from llmbook.masking import Masked
from llmbook.pairs import Pairs
from llmbook.train import fit

CONFIGS = {
    "ngram": {"vocab_size": 11, "order": 3},
    "mlp": {"vocab_size": 11, "embedding_size": 4, "hidden_size": 8, "window": 3},
    "rnn": {"vocab_size": 11, "hidden_size": 8, "num_layers": 2},
    "lstm": {"vocab_size": 11, "hidden_size": 8},
    "gru": {"vocab_size": 11, "hidden_size": 8, "embedding_size": 4},
    "gpt": {"vocab_size": 11, "context": 6, "hidden_size": 8, "num_heads": 2, "num_layers": 2},
    "bert": {"vocab_size": 11, "context": 7, "hidden_size": 8, "num_heads": 2, "num_layers": 2},
    "seq2seq-gru": {"vocab_size": 11, "hidden_size": 8, "num_heads": 2, "num_layers": 1},
    "seq2seq-transformer": {"vocab_size": 11, "hidden_size": 8, "num_heads": 2, "num_layers": 1},
    "seq2seq-copying": {"vocab_size": 11, "hidden_size": 8, "num_layers": 1, "extra": 2},
}
TEXT = Stream(torch.randint(11, (200,), generator=torch.Generator().manual_seed(0)), 6)
PAIRS = Pairs([[5, 6, 7], [3]], [[8, 9], [4, 10]], end=1)
IDS = TEXT.batch(0, 2, 0)[0]


def small(seed=0):
    torch.manual_seed(seed)
    return models.build("gpt", CONFIGS["gpt"])


@pytest.mark.parametrize("name", CONFIGS)
def test_every_model_comes_back(name, tmp_path):
    assert set(CONFIGS) == set(models.NAMES)  # a new model must be added here
    torch.manual_seed(0)
    model = models.build(name, CONFIGS[name])
    if name.startswith("seq2seq"):
        data, ids = PAIRS, PAIRS.batch(0, 2, 0)[0]
    else:
        data, ids = TEXT if model.causal else Masked(TEXT, 3, 11), IDS
    fit(model, data, steps=3, progress=False)
    extra = {"vocabulary": {"kind": "char", "tokens": ["a", "\n", "é", "中", '"']}}
    checkpoint.save(tmp_path / "m", model, extra=extra)
    again = checkpoint.load_model(tmp_path / "m")
    assert type(again) is type(model)
    assert again.config() == model.config()
    assert not again.training
    with torch.no_grad():
        assert torch.equal(again.logits(ids)[0], model.eval().logits(ids)[0])
    assert checkpoint.load(tmp_path / "m").vocabulary == extra["vocabulary"]


@pytest.mark.parametrize("tie", [True, False])
def test_tied_weights_are_stored_once_and_stay_tied(tie, tmp_path):
    model = models.build("gpt", CONFIGS["gpt"] | {"tie": tie})
    checkpoint.save(tmp_path / "m", model)
    with safe_open(tmp_path / "m", framework="pt") as file:
        assert ("model.head.weight" in file.keys()) is not tie  # noqa: SIM118
    again = checkpoint.load_model(tmp_path / "m")
    assert (again.head.weight is again.embedding.weight) is tie
    assert again.num_params() == model.num_params()


def test_half_precision_halves_the_file_and_comes_back_as_float32(tmp_path):
    model = models.build("gpt", CONFIGS["gpt"] | {"hidden_size": 64})
    checkpoint.save(tmp_path / "whole", model)
    checkpoint.save(tmp_path / "half", model, dtype=torch.float16)
    again = checkpoint.load_model(tmp_path / "half")
    assert again.embedding.weight.dtype == torch.float32
    # 11 significant bits: rounding changes a number by at most 2^-11 of itself
    torch.testing.assert_close(again.state_dict(), model.state_dict(), rtol=2**-11, atol=1e-7)
    assert os.path.getsize(tmp_path / "half") < 0.6 * os.path.getsize(tmp_path / "whole")


def test_the_same_state_gives_the_same_bytes(tmp_path):
    for name in "ab":
        checkpoint.save(tmp_path / name, small(), extra={"x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_class_of_the_readers_own_is_kept_as_tensors(tmp_path):
    model = nn.Linear(2, 3)
    checkpoint.save(tmp_path / "m", model)
    point = checkpoint.load(tmp_path / "m")
    assert torch.equal(point.tensors["weight"], model.weight)
    with pytest.raises(CheckpointError, match="Build the model yourself"):
        checkpoint.load_model(tmp_path / "m")


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "m")
    checkpoint.save(tmp_path / "link", small())
    assert (tmp_path / "link").is_symlink()
    assert checkpoint.load_model(tmp_path / "deep" / "m")


# Files that are not what they should be


def damaged(tmp_path):
    checkpoint.save(tmp_path / "m", small())
    return bytearray((tmp_path / "m").read_bytes())


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 500, -1])
def test_a_truncated_file_is_damaged(kept, tmp_path):
    (tmp_path / "m").write_bytes(damaged(tmp_path)[:kept])
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(tmp_path / "m")


def test_any_flipped_bit_is_noticed(tmp_path):
    whole = damaged(tmp_path)
    header = int.from_bytes(whole[:8], "little")
    padding = whole[: 8 + header].rstrip(b" ")  # safetensors fills its header up with spaces
    places = [*range(8), *range(8, len(padding), 7), *range(8 + header, len(whole), 97)]
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        (tmp_path / "m").write_bytes(flipped)
        with pytest.raises(CheckpointError):
            checkpoint.load_model(tmp_path / "m")


def test_a_pickle_is_refused_unopened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "opened"),))

    (tmp_path / "a").write_bytes(pickle.dumps(Bomb()))
    torch.save({"w": torch.ones(2)}, tmp_path / "b")
    for name in "ab":
        with pytest.raises(CheckpointError, match="pickle"):
            checkpoint.load(tmp_path / name)
    assert not (tmp_path / "opened").exists()


def test_foreign_and_missing_files_are_named(tmp_path):
    save_file({"w": torch.ones(2)}, tmp_path / "other", {"format": "pt"})
    save_file({"w": torch.ones(2)}, tmp_path / "bare")
    (tmp_path / "text").write_text("once upon a time there was a model\n" * 9)
    for name, says in (("other", "another program"), ("bare", "another program"), ("text", "dam")):
        with pytest.raises(CheckpointError, match=says):
            checkpoint.load(tmp_path / name)
    with pytest.raises(CheckpointError, match="folder"):
        checkpoint.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        checkpoint.load(tmp_path / "nothing")


def rewritten(path, **changes):
    """The same checkpoint with some of its JSON changed and its digest made to fit again."""
    meta, stored = checkpoint._read(path)
    meta |= changes
    meta["sha256"] = checkpoint._digest(meta, stored)
    save_file(stored, path, {checkpoint.KEY: json.dumps(meta)})


def test_another_version_or_shape_says_so(tmp_path):
    path = tmp_path / "m"
    for changes, says in (
        ({"format": 99}, "format 99"),
        ({"model": "mamba"}, "'mamba'"),
        ({"config": {"vocab_size": 11, "colour": "red"}}, "colour"),
        ({"config": CONFIGS["gpt"] | {"hidden_size": 16}}, "do not fit"),
    ):
        checkpoint.save(path, small())
        rewritten(path, **changes)
        with pytest.raises(CheckpointError, match=says):
            checkpoint.load_model(path)


# Writing


@pytest.mark.parametrize(
    ("name", "says"), [("missing/m", "does not exist"), (".", "folder"), ("file/m", "not exist")]
)
def test_a_place_that_cannot_be_written_is_named_before_training(name, says, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointError, match=says):
        fit(small(), TEXT, steps=10**9, checkpoint=tmp_path / name, progress=False)


class Faults:
    """Counts what saving asks of the system, and lets the call of one number fail: before it
    has done its work, or after (a write fails half-way instead)."""

    def __init__(self, monkeypatch, fail_at, error, after):
        self.calls, self.fail_at, self.error, self.after = 0, fail_at, error, after
        for name in ("fsync", "replace", "open", "close"):
            monkeypatch.setattr(files.os, name, self.faulty(getattr(os, name)))
        monkeypatch.setattr(files, "open", self.open, raising=False)

    def faulty(self, function):
        def call(*args):
            self.calls += 1
            if self.calls - 1 != self.fail_at:
                return function(*args)
            if args and isinstance(args[0], bytes):
                function(args[0][: len(args[0]) // 2])
            elif self.after:
                function(*args)
            raise self.error

        return call

    @contextlib.contextmanager
    def open(self, path, mode):
        with self.faulty(builtins.open)(path, mode) as file:
            yield SimpleNamespace(
                write=self.faulty(file.write), flush=self.faulty(file.flush), fileno=file.fileno
            )


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()], ids=["full", "interrupt"])
def test_no_failure_while_saving_loses_the_earlier_file(error, after, tmp_path, monkeypatch):
    path = tmp_path / "m"
    checkpoint.save(path, small(seed=1))
    old = path.read_bytes()
    checkpoint.save(path, small(seed=2))
    new = path.read_bytes()
    reached = set()
    for fail_at in range(100):
        path.write_bytes(old)
        with monkeypatch.context() as patch:
            faults = Faults(patch, fail_at, error, after)
            try:
                checkpoint.save(path, small(seed=2))
            except CheckpointError as raised:
                assert error is FULL
                assert "No space left" in str(raised)  # noqa: PT017
                assert "untouched" in str(raised)  # noqa: PT017
            except KeyboardInterrupt:
                assert error is not FULL
        if faults.calls <= fail_at:
            break  # every operation has failed once
        assert os.listdir(tmp_path) == ["m"]
        assert path.read_bytes() in (old, new)
        reached.add(path.read_bytes() == new)
    assert fail_at >= 4  # open, write, fsync, replace at least were reached
    assert reached == {True, False}


def in_child(code, *args, **kwargs):
    """Another Python that has imported what the code needs."""
    head = "import os, sys, torch\nfrom llmbook import checkpoint, models\n"
    head += f"model = models.build('gpt', {CONFIGS['gpt']})\n"
    path = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, "-c", head + code, *map(str, args)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, **kwargs,
    )  # fmt: skip


def test_a_file_that_may_not_grow_leaves_the_earlier_one(tmp_path):
    """The system itself refuses the write: no file of the child may pass one kilobyte."""
    resource = pytest.importorskip("resource")  # Windows has no such limit
    path = tmp_path / "m"
    checkpoint.save(path, small())
    old = path.read_bytes()
    child = in_child(
        "checkpoint.save(sys.argv[1], model)",
        path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    _, errors = child.communicate()
    assert child.returncode == 1
    assert "CheckpointError: could not write" in errors
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["m"]


def test_a_process_killed_while_saving_leaves_a_whole_file(tmp_path):
    path = tmp_path / "m"
    child = in_child(
        "while True:\n    checkpoint.save(sys.argv[1], model)\n    print('saved', flush=True)", path
    )
    for _ in range(5):
        assert child.stdout.readline() == "saved\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert checkpoint.load_model(path)
