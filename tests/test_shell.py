"""The shell commands: one line trains, and every mistake is one sentence and status 2."""

import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from llmbook import __main__ as shell
from llmbook import checkpoint, models
from llmbook.shell.train import DEFAULTS, build
from llmbook.text import BPETokenizer, Vocab

TEXT = "the cat sat on the mat, and the dog sat on the log.\n" * 12
QUICK = ["--steps", "4", "--context", "8", "--layers", "1", "--heads", "2", "--hidden", "8"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


@pytest.fixture
def model(capsys):
    assert shell.main(["train", "text.txt", *QUICK]) == 0
    capsys.readouterr()
    return "model.safetensors"


def files():
    """Every file below the current folder, with what it holds."""
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def refused(capsys, *argv):
    """Run a command that must fail as it should, and give its message."""
    before = files()
    try:
        status = shell.main(argv)
    except SystemExit as leaving:  # argparse leaves by itself
        status = leaving.code
    message = capsys.readouterr().err
    assert status == 2
    assert "Traceback" not in message
    assert files() == before  # nothing lost, nothing half-written
    return message


# What should work


def test_one_line_trains_and_the_others_use_the_result(capsys):
    assert shell.main(["train", "text.txt", *QUICK]) == 0
    said = capsys.readouterr().out
    loss = float(re.search(r"validation loss ([\d.]+)", said)[1])
    assert shell.main(["evaluate", "model.safetensors", "text.txt"]) == 0
    said = capsys.readouterr().out
    nats = float(re.search(r"loss +([\d.]+) nats a character", said)[1])
    assert nats == pytest.approx(loss, abs=0.3)  # a few steps: train and validation hardly differ
    assert float(re.search(r"perplexity +([\d.]+)", said)[1]) == pytest.approx(
        2.718281828**nats, rel=1e-3
    )
    assert shell.main(["generate", "model.safetensors", "--prompt", "the", "--length", "20"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("the")
    assert set(said) <= set(TEXT)


def test_generation_is_repeatable_longer_than_the_context_and_needs_no_prompt(model, capsys):
    texts = []
    for _ in range(2):
        assert shell.main(["generate", model, "--length", "30", "--seed", "5"]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert len(texts[0]) > 8  # the context (an untrained special that was drawn is not printed)


def test_any_script_can_be_learnt(capsys):
    Path("zh.txt").write_text("天地玄黄,宇宙洪荒。日月盈昃,辰宿列张。\n" * 10, encoding="utf-8")
    assert shell.main(["train", "zh.txt", *QUICK]) == 0
    assert shell.main(["generate", "model.safetensors", "--prompt", "天地", "--length", "5"]) == 0
    assert "天地" in capsys.readouterr().out


def test_the_books_own_models_are_known_by_name(capsys):
    from llmbook import zoo

    for name in zoo.names():
        writes = getattr(zoo.load(name)[0], "causal", True)
        assert shell.main(["generate", name, "--length", "5"]) == (0 if writes else 2)
        assert writes or "fills in hidden words" in capsys.readouterr().err


def test_a_stopped_run_goes_on_to_the_same_weights(model, capsys, monkeypatch):
    whole = checkpoint.load_model(model)
    original, calls = models.GPT.logits, []

    def interrupted(self, *args):
        calls.append(self.training)
        if sum(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return original(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(models.GPT, "logits", interrupted)
        assert shell.main(["train", "text.txt", *QUICK, "--out", "stopped"]) == 130
    assert "--resume goes on" in capsys.readouterr().err
    assert len(checkpoint.load("stopped").history["loss"]) == 2
    # The run's own settings are in its file: they need not be given again.
    assert shell.main(["train", "text.txt", "--resume", "--out", "stopped"]) == 0
    resumed = checkpoint.load_model("stopped")
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key])


def test_force_replaces_a_file(model):
    before = Path(model).read_bytes()
    assert shell.main(["train", "text.txt", *QUICK, "--seed", "1", "--force"]) == 0
    assert Path(model).read_bytes() != before
    assert set(files()) == {Path(model), Path("text.txt")}


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit) as leaving:
        shell.main(["--help"])
    assert leaving.value.code == 0
    said = capsys.readouterr().out
    assert all(command in said for command in ("train", "generate", "evaluate"))


def test_the_defaults_make_a_gpt_of_the_documented_shape():
    made = build(65, DEFAULTS)
    assert (made.config()["num_layers"], made.config()["num_heads"]) == (4, 4)
    assert (made.config()["hidden_size"], made.context) == (128, 64)


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
def test_every_optimizer_can_be_asked_for_and_resumed(optimizer, capsys):
    assert shell.main(["train", "text.txt", *QUICK, "--optimizer", optimizer]) == 0
    assert checkpoint.load("model.safetensors").extra["shell"]["optimizer"] == optimizer
    assert shell.main(["train", "text.txt", "--resume"]) == 0  # all of it was done


@pytest.mark.parametrize("kind", ["number", "file"])
def test_a_tokenizer_of_byte_pairs_trains_evaluates_and_writes(kind, capsys):
    made = BPETokenizer.train(TEXT, 270)
    made.to_tokenizers("tokenizer.json")
    choice = "270" if kind == "number" else "tokenizer.json"
    assert shell.main(["train", "text.txt", *QUICK, "--tokenizer", choice]) == 0
    said = capsys.readouterr().out
    loss, bits = map(float, re.search(r"loss ([\d.]+) nats a token \(([\d.]+) bits", said).groups())
    assert 0 < bits < loss / math.log(2)  # a token is more than one byte
    vocab = Vocab.from_dict(checkpoint.load("model.safetensors").vocabulary)
    assert vocab.kind == "bpe"
    assert len(vocab) <= 270
    assert kind == "number" or vocab.merges == made.merges
    assert shell.main(["evaluate", "model.safetensors", "text.txt"]) == 0
    assert shell.main(["generate", "model.safetensors", "--prompt", "thé Ω", "--length", "5"]) == 0


# What should be refused


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"x", "single character"),
        (b"caf\xe9 au lait", "0xe9"),
        (bytes(range(128, 256)), "0x80"),
        (b"\xff\xfeh\x00i\x00", "UTF-16"),
        (b"much too short", "has 14 characters.*context of 64 needs at least 65 .*"),
        (b"ab", "has 2 characters"),
    ],
)
def test_a_text_that_cannot_be_learnt_is_named(content, says, capsys):
    Path("bad.txt").write_bytes(content)
    assert re.search(says, refused(capsys, "train", "bad.txt"))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["train", "nothing.txt"], "no file nothing.txt"),
        (["train", "."], "folder"),
        (["train", "text.txt", "--out", "missing/model"], "folder .*missing does not exist"),
        (["train", "text.txt", "--out", "."], "is a folder"),
        (["train", "text.txt", "--out", "text.txt", "--force"], "is the text itself"),
        (["train", "text.txt", "--resume"], "no model.safetensors to go on with"),
        (["train", "text.txt", "--resume", "--force"], "not allowed with"),
        (["train", "text.txt", "--steps", "0"], "positive whole number value: '0'"),
        (["train", "text.txt", "--heads", "3"], "2 x --heads"),
        (["train", "text.txt", "--lr", "fast"], "invalid float value"),
        (
            ["train", "text.txt", "--optimizer", "adam"],
            "optimizer is 'adam'; expected one of adamw",
        ),
        (["train", "text.txt", "--tokenizer", "words"], "'words'.*char, a number of tokens"),
        (["train", "text.txt", "--tokenizer", "20"], "vocab_size is 20; the 256 bytes"),
        (["train", "text.txt", "--tokenizer", "text.txt"], "text.txt"),
        (["generate", "nothing"], "no checkpoint nothing"),
        (["generate", "text.txt"], "damaged or is no safetensors file"),
        (["generate", "."], "folder"),
        (["sing"], "invalid choice: 'sing'"),
        ([], "COMMAND"),
    ],
)
def test_a_mistake_is_one_sentence(argv, says, capsys):
    message = refused(capsys, *argv)
    assert re.search(says, message)
    assert message.count("\n") == 1 or message.startswith("usage")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["generate", "MODEL", "--prompt", "the Ω"], "'Ω'"),
        (["generate", "MODEL", "--prompt", ""], "is empty"),
        (["generate", "MODEL", "--temperature", "-1"], "temperature"),
        (["generate", "MODEL", "--top-p", "2"], "top_p"),
        (["evaluate", "MODEL", "nothing.txt"], "no file nothing.txt"),
        (["evaluate", "MODEL", "other.txt"], "other.txt: .*'Z'.*--allow-unknown"),
        (["evaluate", "MODEL", "text.txt", "--context", "9"], "inputs of 9 tokens.*context is 8"),
        (["evaluate", "MODEL", "text.txt", "--stride", "9"], "stride is 9"),
        (["train", "text.txt"], "exists. Give --resume .*, --force"),
        (["train", "text.txt", "--resume", "--lr", "0.1"], "lr was 0.01 and is 0.1"),
        (["train", "other.txt", "--resume"], "vocab_size was|train_data was"),
    ],
)
def test_a_mistake_beside_a_model_leaves_the_model(model, argv, says, capsys):
    Path("other.txt").write_text("Zebras " * 99, encoding="utf-8")
    argv = [model if word == "MODEL" else word for word in argv]
    assert re.search(says, refused(capsys, *argv))


def test_unknown_characters_are_scored_when_asked(model, capsys):
    Path("other.txt").write_text("the Zebra sat. " * 9, encoding="utf-8")
    assert shell.main(["evaluate", model, "other.txt", "--allow-unknown"]) == 0


def test_damaged_and_foreign_models_are_named(model, capsys):
    whole = Path(model).read_bytes()
    Path(model).write_bytes(whole[: len(whole) // 2])
    for argv in (["generate", model], ["train", "text.txt", "--resume"]):
        assert "is damaged" in refused(capsys, *argv)
    checkpoint.save("bare", models.RNNLM(5, hidden_size=4))
    assert "holds no vocabulary" in refused(capsys, "generate", "bare")


@pytest.mark.skipif(os.name != "posix", reason="folders have no such permissions here")
def test_a_folder_that_may_not_be_written_is_named(capsys, monkeypatch):
    """Root may write everywhere, so the system's refusal is played."""

    def no(*args):
        raise PermissionError(13, "Permission denied", args[0])

    monkeypatch.setattr(checkpoint, "open", no, raising=False)
    assert "Permission denied" in refused(capsys, "train", "text.txt", *QUICK)


def test_training_that_diverges_says_so(capsys):
    message = refused(capsys, "train", "text.txt", *QUICK, "--steps", "40", "--lr", "1e30")
    assert "diverged" in message
    assert "smaller lr" in message


def test_a_fault_of_ours_is_not_dressed_up_as_the_readers(model, monkeypatch):
    def fault(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(models.GPT, "logits", fault)
    with pytest.raises(ZeroDivisionError):
        shell.main(["generate", model])


def test_the_real_command_ends_with_its_status():
    """The same through a shell's eyes: status 2, one line on stderr, nothing on stdout."""
    package = str(Path(shell.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "llmbook", "train", "nothing.txt"],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": package}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("llmbook: there is no file nothing.txt")
    assert done.stderr.count("\n") == 1
