"""The loop does what its arguments say, and a stopped run goes on to the same last bit."""

import copy
import json
import math
import signal
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from llmbook import checkpoint, models, train
from llmbook.checkpoint import CheckpointError
from llmbook.data import Stories, Stream
from llmbook.evaluate import perplexity
from llmbook.train import History, TrainingDiverged, fit

V = 11
SOURCE = torch.Generator().manual_seed(0)
STREAM = Stream(torch.randint(V, (300,), generator=SOURCE), 6)
STORIES = Stories([[1 + i * j % (V - 1) for j in range(i % 6)] for i in range(21)], end=0)
CONFIGS = {
    "mlp": {"embedding_size": 4, "hidden_size": 8, "window": 3},
    "rnn": {"hidden_size": 8, "dropout": 0.3},
    "lstm": {"hidden_size": 8, "num_layers": 2, "dropout": 0.3},
    "gru": {"hidden_size": 8},
    "gpt": {"context": 6, "hidden_size": 8, "num_heads": 2, "num_layers": 2, "dropout": 0.3},
}


def build(name="gpt", **changes):
    torch.manual_seed(0)
    return models.build(name, {"vocab_size": V} | CONFIGS[name] | changes)


def run(model, data=STORIES, **arguments):
    usual = {"steps": 9, "batch_size": 4, "progress": False, "warmup": 0.3}
    return fit(model, data, **usual | arguments)


def same(one, two):
    """Equal to the last bit, every tensor of two models."""
    a, b = one.state_dict(), two.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


# Stopping and going on


class Stop(Exception):  # noqa: N818
    pass


def stop_at(step, error):
    def watch(done, history):
        if done == step:
            raise error

    return watch


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("stops", [[1], [4], [8], [1, 2, 3, 4, 5, 6, 7, 8], [3, 6]])
def test_a_stopped_run_ends_with_the_bits_of_one_that_was_not(name, stops, tmp_path):
    arguments = {"valid_data": STREAM, "eval_every": 2, "lr": 0.03}
    whole = build(name)
    expected = run(whole, **arguments)
    arguments |= {"checkpoint": tmp_path / "run", "resume": True}
    for stop in stops:
        torch.manual_seed(stop)  # what was drawn before must not matter
        stopped = models.build(name, {"vocab_size": V} | CONFIGS[name])
        if stop == stops[0]:
            stopped = build(name)
        with pytest.raises(KeyboardInterrupt):
            run(stopped, **arguments, on_step=stop_at(stop, KeyboardInterrupt))
        assert not same(stopped, whole)
    resumed = models.build(name, {"vocab_size": V} | CONFIGS[name])
    history = run(resumed, **arguments)
    assert same(resumed, whole)
    history.cpu_seconds = expected.cpu_seconds  # the one thing that no two runs share
    assert history.to_json() == expected.to_json()


@pytest.mark.parametrize(
    "optimizer", ["adamw", "sgd", lambda m: torch.optim.RMSprop(m.parameters())]
)
@pytest.mark.parametrize("data", [STORIES, STREAM])
def test_a_run_goes_on_from_the_last_regular_checkpoint(optimizer, data, tmp_path):
    """A crash saves nothing: what was written every three updates is what is left."""
    whole = build()
    run(whole, data, optimizer=optimizer)
    arguments = {"optimizer": optimizer, "checkpoint": tmp_path / "run", "checkpoint_every": 3}
    with pytest.raises(Stop):
        run(build(), data, **arguments, on_step=stop_at(8, Stop))
    resumed, done = build(), []
    history = run(
        resumed, data, **arguments, resume=True, on_step=lambda n, history: done.append(n)
    )
    assert done == [7, 8, 9]
    assert len(history.loss) == 9
    assert same(resumed, whole)


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    model = build()
    first = run(model, checkpoint=tmp_path / "run")
    again = build()
    second = run(again, checkpoint=tmp_path / "run", resume=True)
    assert second == first
    assert same(again, model)


def test_resuming_without_a_checkpoint_begins(tmp_path):
    one, two = build(), build()
    run(one)
    run(two, checkpoint=tmp_path / "run", resume=True)
    assert same(one, two)


def test_extra_and_weights_are_in_the_checkpoint(tmp_path):
    model = build()
    history = run(model, checkpoint=tmp_path / "run", extra={"vocabulary": {"kind": "char"}})
    point = checkpoint.load(tmp_path / "run")
    assert point.vocabulary == {"kind": "char"}
    assert History.from_json(point.history) == history
    assert same(checkpoint.load_model(tmp_path / "run"), model)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lr": 0.01}, "lr was 0.003 and is 0.01"),
        ({"steps": 10}, "steps was 9 and is 10"),
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"batch_size": 5}, "batch_size was 4 and is 5"),
        ({"clip": None}, "clip was 1.0 and is None"),
        ({"schedule": "linear"}, "schedule was 'cosine' and is 'linear'"),
        ({"warmup": 0.1}, "warmup was 0.3 and is 0.1"),
        ({"weight_decay": 0.0}, "weight_decay was 0.1 and is 0.0"),
        ({"optimizer": "sgd"}, "optimizer was 'AdamW' and is 'SGD'"),
        ({"data": STREAM}, "train_data was"),
        ({"model": build(num_layers=3)}, "model's num_layers was 2 and is 3"),
        ({"model": build("lstm")}, "model was 'GPT' and is 'LSTMLM'"),
    ],
)
def test_a_run_that_differs_is_not_resumed_and_nothing_is_lost(changes, says, tmp_path):
    path = tmp_path / "run"
    run(build(), checkpoint=path)
    before = path.read_bytes()
    changes = {"model": build(), "data": STORIES} | changes
    with pytest.raises(CheckpointError, match=says):
        run(**changes, checkpoint=path, resume=True)
    assert path.read_bytes() == before


def test_a_checkpoint_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "run"
    run(build(), checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"exists. Give resume=True"):
        run(build(), checkpoint=path, seed=1)
    assert path.read_bytes() == before
    run(build(), checkpoint=path, seed=1, overwrite=True)
    assert path.read_bytes() != before


def test_a_model_without_its_training_is_not_resumed(tmp_path):
    checkpoint.save(tmp_path / "run", build())
    with pytest.raises(CheckpointError, match="no state of its training"):
        run(build(), checkpoint=tmp_path / "run", resume=True)


def test_other_threads_are_warned_of(tmp_path, monkeypatch):
    run(build(), checkpoint=tmp_path / "run")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 61)
    with pytest.warns(UserWarning, match="61 threads"):
        run(build(), checkpoint=tmp_path / "run", resume=True)


@pytest.mark.parametrize("where", ["logits", "step"])
def test_ctrl_c_waits_for_the_update_to_be_whole(where, tmp_path, monkeypatch):
    """The signal comes in the middle of an update; what is saved is whole and can go on."""
    whole = build()
    run(whole)
    calls = []

    def interrupt(original):
        def call(*args, **kwargs):
            calls.append(1)
            if len(calls) == 5:
                signal.raise_signal(signal.SIGINT)
            return original(*args, **kwargs)

        return call

    stopped = build()
    with monkeypatch.context() as patch:
        if where == "logits":
            patch.setattr(stopped, "logits", interrupt(stopped.logits))
        else:
            patch.setattr(torch.optim.AdamW, "step", interrupt(torch.optim.AdamW.step))
        with pytest.raises(KeyboardInterrupt):
            run(stopped, checkpoint=tmp_path / "run")
    assert len(checkpoint.load(tmp_path / "run").history["loss"]) == 5
    resumed = build()
    run(resumed, checkpoint=tmp_path / "run", resume=True)
    assert same(resumed, whole)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait_and_saves_no_half_update(tmp_path, monkeypatch):
    model = build()
    logits = model.logits

    def impatient(*args):
        if len(history_of.loss) == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return logits(*args)

    history_of = History()
    monkeypatch.setattr(model, "logits", impatient)
    with pytest.raises(KeyboardInterrupt):
        run(
            model, checkpoint=tmp_path / "run", checkpoint_every=1,
            on_step=lambda n, history: history_of.loss.append(n),
        )  # fmt: skip
    assert len(checkpoint.load(tmp_path / "run").history["loss"]) == 2


def test_an_ignored_ctrl_c_stays_ignored():
    """As in a process that a shell has put into the background."""
    earlier = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        history = run(build(), on_step=lambda n, h: signal.raise_signal(signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, earlier)
    assert len(history.loss) == 9


def test_an_interruption_with_no_checkpoint_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(build(), on_step=stop_at(2, KeyboardInterrupt))
    assert list(tmp_path.iterdir()) == []


# What the loop does


@pytest.mark.parametrize("name", CONFIGS)
def test_the_loop_against_one_written_out_here(name):
    """Plain torch: AdamW with no decay but on matrices, clipping, cosine, the mean loss."""
    ours = build(name, **({} if name == "mlp" else {"dropout": 0.0}))
    theirs = copy.deepcopy(ours)
    history = run(ours, lr=0.01, warmup=0.0, clip=0.5)
    tables = {id(m.weight) for m in theirs.modules() if isinstance(m, nn.Embedding)}
    decayed = [p for p in theirs.parameters() if p.ndim > 1 and id(p) not in tables]
    rest = [p for p in theirs.parameters() if p.ndim < 2 or id(p) in tables]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99))
    for step in range(9):
        inputs, targets = STORIES.batch(step, 4, 0)
        loss = F.cross_entropy(theirs.logits(inputs)[0].mT, targets, ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        rate = 0.01 * 0.5 * (1 + math.cos(math.pi * step / 9))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        assert history.loss[step] == pytest.approx(loss.item(), rel=1e-4)
        assert history.grad_norm[step] == pytest.approx(norm.item(), rel=1e-3)
        assert history.lr[step] == pytest.approx(rate)
    # Adam divides by gradients that are near zero at first, so last bits can grow: 1e-4
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-3, atol=1e-4)


def test_fit_depends_on_its_arguments_alone_and_leaves_no_trace():
    results = []
    for noise in (1, 2):
        model = build()
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        run(model)
        assert torch.equal(before, torch.get_rng_state())
        assert not model.training
        results.append(model)
    other = build()
    run(other, seed=1)
    assert same(*results)
    assert not same(results[0], other)


def test_validation_changes_no_weight():
    one, two = build(), build()
    run(one)
    run(two, valid_data=STORIES, eval_every=1, eval_batches=2)
    assert same(one, two)


def test_validation_is_looked_at_before_between_and_after():
    model = build()
    first = perplexity(model, STORIES).nats
    history = run(model, valid_data=STORIES, eval_every=4)
    assert history.valid_step == [0, 4, 8, 9]
    assert history.valid_loss[0] == pytest.approx(first)
    assert history.valid_loss[-1] == pytest.approx(perplexity(model, STORIES).nats)
    assert run(build(), valid_data=STORIES).valid_step == [9]


def test_a_network_learns_a_text_by_heart():
    model = build(dropout=0.0, hidden_size=32)
    data = Stories([[1, 2, 3, 4, 5]], end=0)
    history = run(model, data, steps=150, lr=0.01)
    assert history.loss[0] > math.log(V) - 0.5  # nothing known yet
    assert history.loss[-1] < 0.05  # one text without a choice: its entropy is zero
    assert history.step == list(range(150))
    assert history.cpu_seconds == sorted(history.cpu_seconds)


def test_frozen_weights_stay():
    model = build()
    before = copy.deepcopy(model.embedding.weight)
    model.embedding.weight.requires_grad_(False)
    run(model)
    assert torch.equal(model.embedding.weight, before)


def test_history_survives_json():
    history = History(step=[0], loss=[math.nan], grad_norm=[math.inf], lr=[0.1])
    text = json.dumps(history.to_json(), allow_nan=False)
    assert History.from_json(json.loads(text)).lr == [0.1]
    assert math.isnan(History.from_json(json.loads(text)).loss[0])


def test_progress_is_shown_unless_switched_off(capsys, monkeypatch):
    run(build(), progress=False)
    assert capsys.readouterr() == ("", "")
    run(build(), progress=True)
    shown = capsys.readouterr().err
    assert ("9/9" in shown) is not train.progress_bar(1, 0, True).disable


# Counting


def test_a_model_that_counts_reads_the_data_once(tmp_path):
    counted, by_hand = (models.NGram(V, order=2) for _ in range(2))
    history = fit(
        counted, STORIES, batch_size=4, valid_data=STORIES, progress=False,
        checkpoint=tmp_path / "m", extra={"x": 1},
    )  # fmt: skip
    for inputs, targets in STORIES.epoch(len(STORIES)):
        by_hand.count(inputs, targets)
    ids = STORIES.batch(0, 4, 0)[0]
    assert torch.equal(counted.logits(ids)[0], by_hand.logits(ids)[0])
    assert history.step == list(range(6))
    assert history.valid_loss == [perplexity(by_hand, STORIES).nats]
    again = checkpoint.load_model(tmp_path / "m")
    assert torch.equal(again.logits(ids)[0], by_hand.logits(ids)[0])
    with pytest.raises(CheckpointError, match="exists"):
        fit(counted, STORIES, progress=False, checkpoint=tmp_path / "m")


# When it goes wrong


class Explodes(models.RNNLM):
    """Its loss, or only its gradient, is not finite from the fourth call on."""

    calls, value = 0, math.nan

    def logits(self, ids, state=None):
        logits, state = super().logits(ids, state)
        self.calls += 1
        if self.calls >= 4:
            if self.value == "gradient":
                logits.register_hook(lambda grad: grad * math.inf)
            else:
                logits = logits + self.value
        return logits, state


@pytest.mark.parametrize("value", [math.nan, -math.inf, "gradient"])
def test_a_loss_that_is_not_finite_stops_training_and_gives_good_weights_back(value):
    model = Explodes(V, hidden_size=8)
    model.value, seen = value, []
    with pytest.raises(TrainingDiverged, match=r"step 3.*learning rate.*good loss.*smaller lr"):
        run(model, on_step=lambda n, h: seen.append(copy.deepcopy(model.state_dict())))
    assert len(seen) == 3
    # the third update led to the bad loss: what is back are the weights after the second
    assert all(torch.equal(model.state_dict()[k], seen[1][k]) for k in seen[1])
    assert not model.training


class Bursts(torch.optim.SGD):
    """Its third update leaves no finite weight, though loss and gradient were fine."""

    calls = 0

    def step(self):
        self.calls += 1
        super().step()
        for p in self.param_groups[0]["params"]:
            p.data.mul_(math.inf if self.calls == 3 else 1)


@pytest.mark.parametrize("steps", [3, 9])
def test_weights_that_are_not_finite_are_never_saved(steps, tmp_path):
    """Also after the last update, whose loss nobody computes."""
    model = build()
    with pytest.raises(TrainingDiverged, match="step 2: a weight"):
        run(model, steps=steps, optimizer=lambda m: Bursts(m.parameters(), lr=0.1),
            checkpoint=tmp_path / "run", checkpoint_every=1)  # fmt: skip
    assert all(p.isfinite().all() for p in model.parameters())
    assert len(checkpoint.load(tmp_path / "run").history["loss"]) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steps": None}, "exactly one of them"),
        ({"cpu_seconds": 3.0}, "exactly one of them"),
        ({"steps": None, "cpu_seconds": 0}, "cpu_seconds is 0"),
        ({"schedule": "square"}, "schedule is 'square'; expected one of cosine"),
        ({"optimizer": "adagrad"}, "optimizer is 'adagrad'; expected one of adamw"),
        ({"warmup": 1.5}, "warmup is 1.5"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"data": Stream(range(10), 7)}, "inputs of 7 tokens; the model's context is 6"),
        ({"valid_data": Stream(range(10), 7)}, "inputs of 7 tokens; the model's context is 6"),
        ({"data": Stream([V] * 10, 5)}, f"token id {V} is outside the vocabulary of {V}"),
        ({"model": build().requires_grad_(False)}, "no parameter of this GPT requires a gradient"),
    ],
)
def test_arguments_that_cannot_work_are_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        run(**{"model": build()} | arguments)


# A budget of time


@pytest.fixture
def timed(monkeypatch):
    """A model on whose clock an update costs ``cost.seconds``."""
    clock, cost = SimpleNamespace(now=0.0), SimpleNamespace(seconds=0.5)
    monkeypatch.setattr(train.time, "process_time", lambda: clock.now)

    class Timed(models.RNNLM):
        def logits(self, ids, state=None):
            clock.now += cost.seconds
            return super().logits(ids, state)

    torch.manual_seed(0)
    return Timed(V, hidden_size=8), cost


def test_a_budget_of_cpu_time_is_spent_to_the_last_update(timed):
    model, _ = timed
    history = run(model, steps=None, cpu_seconds=30.2)
    assert len(history.loss) == 61  # the update during which the budget runs out is the last
    assert history.cpu_seconds[-1] == 30.5
    assert history.lr[0] < history.lr[5] < max(history.lr)  # the schedule's warm-up, by the clock
    assert history.lr[-1] < 0.01 * max(history.lr)  # and its end


def test_a_machine_that_slows_down_makes_fewer_updates_not_more_time(timed):
    model, cost = timed

    def slow(done, history):
        cost.seconds = 0.5 if done < 30 else 1.5

    history = run(model, steps=None, cpu_seconds=30, on_step=slow)
    assert history.cpu_seconds[-1] == 30
    assert len(history.loss) == 30 + 10
    middle = history.lr[30]
    assert history.lr[15] > middle > 0.3 * history.lr[15]  # half the time has gone: so has half
    assert history.lr[-1] < 0.02 * max(history.lr)  # the wave, however many updates remain


def test_a_budget_of_cpu_time_holds_over_a_stop(timed, tmp_path):
    model, _ = timed
    before = copy.deepcopy(model)
    whole = run(model, steps=None, cpu_seconds=30)
    arguments = {"steps": None, "cpu_seconds": 30, "checkpoint": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        run(before, **arguments, on_step=stop_at(7, KeyboardInterrupt))
    resumed = run(before, **arguments, resume=True)
    assert resumed.to_json() == whole.to_json()
    assert same(before, model)
    with pytest.raises(CheckpointError, match=r"cpu_seconds was 30 and is 40"):
        run(before, **arguments | {"cpu_seconds": 40}, resume=True)


def test_the_progress_bar_tells_how_much_of_the_time_has_gone(timed, capsys):
    model, _ = timed
    run(model, steps=None, cpu_seconds=2, progress=True)
    shown = capsys.readouterr().err
    assert ("2 of 2 CPU s" in shown) is not train.progress_bar(1, 0, True).disable
