"""One LSTM in several frameworks: the file, the answers that are kept, ONNX graphs."""

import copy
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from llmbook import frameworks, models, ops
from llmbook.frameworks import __main__ as command
from llmbook.frameworks import exchange, keras_cell, torch_cell

ROOT = Path(__file__).parents[1]
TASK = frameworks.load()
KEPT = frameworks.read()


@pytest.mark.parametrize("dtype", frameworks.ROUNDING)
def test_torch_still_gives_the_answers_in_the_file(dtype):
    found = frameworks.differences(torch_cell.run(TASK, dtype), TASK.answers)
    assert set(found) == {"h", "logits", "loss", "gradients", "sgd", "adamw", "adamw_as_named"}
    assert max(found.values()) < frameworks.ROUNDING[dtype]


def test_the_file_is_what_its_seed_makes(tmp_path):
    torch_cell.write(tmp_path / "again.safetensors")
    again = frameworks.load(tmp_path / "again.safetensors")
    for name, w in TASK.weights.items():
        np.testing.assert_array_equal(again.weights[name], w)
    np.testing.assert_array_equal(again.targets, TASK.targets)
    np.testing.assert_allclose(again.x, TASK.x, rtol=0, atol=1e-15)


def test_gradients_are_finite_differences():
    """torch's answers are right and not only repeated: one entry of each weight, by hand."""
    x, targets = torch.from_numpy(TASK.x), torch.from_numpy(TASK.targets)

    def loss(name, step):
        weights = {k: w.copy() for k, w in TASK.weights.items()}
        weights[name].flat[1] += step
        return torch_cell.loss_of(torch_cell.build(weights), x, targets)[0].item()

    for name in TASK.weights:
        slope = (loss(name, 1e-5) - loss(name, -1e-5)) / 2e-5
        assert math.isclose(slope, TASK.answers[f"gradients.{name}"].flat[1], abs_tol=1e-9)


def test_the_books_step_of_adamw_is_torchs():
    rate, betas, eps, decay = frameworks.ADAMW.values()
    for name, w in TASK.weights.items():
        w, g = torch.from_numpy(w), torch.from_numpy(TASK.answers[f"gradients.{name}"])
        zero = torch.zeros_like(w)
        after, _, _ = ops.adamw_step(w, g, zero, zero, 1, rate, betas, eps, decay)
        np.testing.assert_allclose(after, TASK.answers[f"adamw.{name}"], rtol=0, atol=1e-15)


def test_no_rate_is_rounded_in_single_precision():
    """Keras keeps them in 32 bits; a rate like 0.01 would differ from torch's by 2e-10."""
    rate, betas, eps, decay = frameworks.ADAMW.values()
    for number in (rate, *betas, eps, decay, frameworks.SGD_RATE, math.sqrt(1 - betas[1])):
        assert float(np.float32(number)) == number


def test_the_kept_answers_have_no_fault_and_name_their_versions():
    assert frameworks.faults(KEPT["frameworks"], KEPT["frameworks"]) == []
    assert set(KEPT["frameworks"]) == set(frameworks.MODULES)
    assert {"tensorflow", "keras", "jax", "optax", "numpy"} <= set(KEPT["made"]["versions"])
    assert KEPT["made"]["date"] >= "2026-11-24"


def test_the_pins_are_the_versions_that_answered():
    lines = (ROOT / "book" / "tools" / "frameworks.txt").read_text("utf-8").split("\n")
    pins = dict(line.split("==") for line in lines if "==" in line)
    named = {name.removesuffix("-cpu"): version for name, version in pins.items()}
    assert named == KEPT["made"]["versions"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda a: a["float64"].update(loss=a["float64"]["loss"] + 1e-9), "loss is 1.0e-09"),
        (lambda a: a["float32"]["last h"].__setitem__(0, 1.0), "last h"),
        (lambda a: a["float32"]["last logits"].__setitem__(0, math.nan), "last logits"),
        (lambda a: a["float64"]["differences"].update(sgd=1e-6), "sgd is 1.0e-06"),
        (lambda a: a["float64"]["differences"].update(h=math.nan), "h is nan"),
        (lambda a: a["defaults"].update({"weight decay": 0.5}), "defaults"),
    ],
)
def test_each_departure_is_found(spoil, words):
    now = copy.deepcopy(KEPT["frameworks"])
    spoil(now["JAX"])
    assert any(
        "JAX" in fault and words in fault for fault in frameworks.faults(now, KEPT["frameworks"])
    )
    del now["JAX"]
    assert "JAX: no answer" in frameworks.faults(now, KEPT["frameworks"])


def test_versions_and_epsilons_meaning_may_differ():
    now = copy.deepcopy(KEPT["frameworks"])
    now["TensorFlow"]["float64"]["differences"]["adamw_as_named"] = 1.0
    now["TensorFlow"]["float64"]["loss"] += 1e-15
    assert frameworks.faults(now, KEPT["frameworks"]) == []


def test_differences_sees_what_is_wrong():
    answers = {"h": np.zeros((2, 3)), "sgd.bias": np.ones(4)}
    assert frameworks.differences(answers, answers) == {"h": 0.0, "sgd": 0.0}
    planted = answers | {"h": np.array([[0, 0, 0], [0, 0.5, 0]])}
    assert frameworks.differences(planted, answers)["h"] == 0.5
    assert frameworks.differences(answers | {"h": np.full((2, 3), np.nan)}, answers)["h"] == np.inf
    with pytest.raises(ValueError, match=r"shape \(3, 2\); expected \(2, 3\)"):
        frameworks.differences(answers | {"h": np.zeros((3, 2))}, answers)
    with pytest.raises(ValueError, match=r"'sgd.bias' is missing"):
        frameworks.differences({"h": np.zeros((2, 3))}, answers)


def test_only_the_variable_decides_whether_they_are_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(frameworks, "ask", lambda name: asked.append(name) or {})
    monkeypatch.delenv("LLMBOOK_FRAMEWORKS", raising=False)
    assert frameworks.results() == (KEPT["frameworks"], False)
    assert not asked
    monkeypatch.setenv("LLMBOOK_FRAMEWORKS", "live")
    assert frameworks.results() == ({"TensorFlow": {}, "JAX": {}}, True)
    assert asked == ["TensorFlow", "JAX"]
    monkeypatch.setenv("LLMBOOK_FRAMEWORKS", "yes")
    with pytest.raises(ValueError, match="'yes'; set it to live or kept"):
        frameworks.results()


def test_what_is_not_installed_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setattr(keras_cell, "run", lambda task, dtype: __import__("keras"))
    with pytest.raises(RuntimeError, match=r"'keras' is not installed.*frameworks\.txt"):
        frameworks.ask("TensorFlow")
    with pytest.raises(ValueError, match="'Theano'; choose one of TensorFlow, JAX"):
        frameworks.ask("Theano")
    assert command.main([]) == 2
    assert "frameworks.txt" in capsys.readouterr().err


def test_the_command_compares_and_keeps(monkeypatch, tmp_path, capsys):
    def ask(name):
        return copy.deepcopy(KEPT["frameworks"][name]) | {"versions": {name: "1.0"}}

    monkeypatch.setattr(command, "ask", ask)
    assert command.main([]) == 0
    assert "as they should be" in capsys.readouterr().out
    monkeypatch.setattr(command, "KEPT", tmp_path / "kept.json")
    assert command.main(["--write"]) == 0
    written = json.loads((tmp_path / "kept.json").read_text("utf-8"))
    assert written["frameworks"] == KEPT["frameworks"]
    assert written["made"]["versions"]["JAX"] == "1.0"

    def wrong(name):
        answers = ask(name)
        answers["float64"]["differences"]["h"] = 0.1
        return answers

    monkeypatch.setattr(command, "ask", wrong)
    (tmp_path / "kept.json").unlink()
    assert command.main(["--write"]) == 1  # wrong answers are not kept
    assert not (tmp_path / "kept.json").exists()


def test_the_task_is_read_without_torch():
    code = "import sys; sys.modules['torch'] = None\n"
    code += "from llmbook import frameworks; import llmbook.frameworks.jax_cell as j\n"
    code += "from llmbook.frameworks import keras_cell\nprint(len(frameworks.load().answers))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str(len(TASK.answers)), done.stderr


def test_keras_names_lead_there_and_back():
    arrays = [
        TASK.weights[n].T if turned else TASK.weights[n] for n, turned in keras_cell.ORDER.items()
    ]
    back = keras_cell.named("sgd", arrays)
    assert set(back) == {f"sgd.{name}" for name in TASK.weights}
    for name, w in TASK.weights.items():
        np.testing.assert_array_equal(back[f"sgd.{name}"], w)


@pytest.mark.parametrize("name", frameworks.MODULES)
def test_live_answers_where_a_framework_is_installed(name):
    for package in {"TensorFlow": ("tensorflow", "keras"), "JAX": ("jax", "optax")}[name]:
        pytest.importorskip(package)
    answers = {name: frameworks.ask(name)}
    assert frameworks.faults(answers, {name: KEPT["frameworks"][name]}) == []


@pytest.mark.slow
@pytest.mark.parametrize("config", [models.GPTConfig.gpt2, models.GPTConfig.modern])
def test_a_gpt_as_a_graph_gives_its_logits(config, tmp_path):
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    gpt = models.GPT(config(11, context=12, hidden_size=16, num_heads=2, num_layers=2)).eval()
    for p in gpt.parameters():  # no branch at zero, no two parts alike
        torch.nn.init.normal_(p, std=0.3)
    exchange.to_onnx(gpt, tmp_path / "gpt.onnx")
    for shape in ((1, 1), (2, 5), (3, 12)):
        ids = torch.randint(11, shape)
        came = exchange.run(tmp_path / "gpt.onnx", ids=ids.numpy())["logits"]
        torch.testing.assert_close(
            torch.from_numpy(came), gpt.logits(ids)[0].detach(), rtol=1e-4, atol=1e-4
        )
    assert not gpt.blocks[0].attention.record_weights  # the model itself is as it was
    with pytest.raises(ValueError, match="outside the vocabulary"):
        gpt.logits(torch.tensor([[11]]))


@pytest.mark.slow
def test_a_step_of_the_lstm_as_a_graph(tmp_path):
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    lstm = models.LSTMLM(9, embedding_size=4, hidden_size=6).eval()
    exchange.step_to_onnx(lstm, tmp_path / "lstm.onnx")
    ids, h = torch.randint(9, (3, 7)), np.zeros((3, 6), "float32")
    state, rows = {"h": h, "c": h}, []
    for word in ids.T:
        out = exchange.run(tmp_path / "lstm.onnx", word=word.numpy(), **state)
        rows.append(out["logits"])
        state = {"h": out["new_h"], "c": out["new_c"]}
    expected = lstm.logits(ids)[0].detach().numpy()
    np.testing.assert_allclose(np.stack(rows, axis=1), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="2 layers"):
        exchange.step_to_onnx(models.LSTMLM(9, num_layers=2), tmp_path / "no.onnx")
