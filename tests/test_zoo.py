"""The zoo's models are what their cards say, and a recipe makes its model again."""

import json
from dataclasses import replace

import pytest
import torch

from llmbook import checkpoint, models, zoo
from llmbook.data import Stories, Stream
from llmbook.evaluate import perplexity
from llmbook.zoo import __main__ as command
from llmbook.zoo import recipes

LIMIT = 5_000_000  # bytes: the bound on all of the book's weights together
CPU_SECONDS = 480  # the bound on a recipe: eight minutes of one core
TINY = recipes.Recipe(
    "a test", "tales", "rnn", {"hidden_size": 8}, {"steps": 5, "batch_size": 4, "lr": 1e-2}
)


@pytest.fixture
def tiny(monkeypatch):
    """A recipe that takes a second, over a small draw of Tales."""
    from llmbook.corpora import tales

    splits = tales.splits
    monkeypatch.setattr(tales, "splits", lambda seed: splits(40, 10, 10, seed))
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY)


@pytest.mark.parametrize("name", zoo.names())
def test_a_model_is_what_its_card_and_recipe_say(name):
    model, vocab = zoo.load(name)
    card, recipe = zoo.card(name), recipes.RECIPES[name]
    assert (card["name"], card["command"]) == (name, f"python -m llmbook.zoo {name}")
    for key in ("corpus", "model", "config", "training", "seed"):
        assert card[key] == getattr(recipe, key), f"train {name} again: its recipe has changed"
    assert isinstance(model, models.NAMES[recipe.model])
    assert recipe.config.items() <= model.config().items()
    assert model.num_params() == card["parameters"]
    assert len(vocab) == model.vocab_size
    assert all(p.isfinite().all() for p in model.parameters())
    assert card["cpu_seconds"] < CPU_SECONDS
    assert card["data"]["licence"]
    assert card["licence"]
    assert len({len(card["log"][k]) for k in ("step", "loss", "grad_norm", "lr")}) == 1
    assert zoo.log(name) == card["log"]


@pytest.mark.parametrize("name", zoo.names())
def test_a_model_still_scores_what_its_card_says(name):
    model, vocab = zoo.load(name)
    card, recipe = zoo.card(name), recipes.RECIPES[name]
    if recipe.corpus == "tales":
        from llmbook.corpora import tales

        stories = tales.splits(seed=recipe.seed)["valid"]
        data = Stories([vocab.encode(story, strict=True) for story in stories], vocab.end_id)
        assert card["validation"]["floor"] == pytest.approx(tales.floor(stories).nats)
        band = 1e-3  # the same text and weights: only the order of sums may differ
    elif recipe.corpus == "hidden-tales":  # hidden words: another floor than that of next words
        data, band = recipes.CORPORA[recipe.corpus](recipe).valid, 1e-3
    else:
        from llmbook.corpora import pydocs

        data = Stream(vocab.encode(pydocs.text("valid")), recipe.config["context"])
        band = 0.15  # the text moves a little between Python's versions
    assert perplexity(model, data).nats == pytest.approx(card["validation"]["nats"], abs=band)


def test_the_weights_are_small():
    sizes = [(zoo.FOLDER / f"{name}.safetensors").stat().st_size for name in zoo.names()]
    assert sum(sizes) < LIMIT


def test_every_recipe_can_be_built():
    for recipe in recipes.RECIPES.values():
        assert recipe.corpus in recipes.CORPORA
        assert models.build(recipe.model, {"vocab_size": 90, **recipe.config}).num_params()


def test_a_recipe_makes_the_same_model_twice(tiny, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        card = recipes.make("tiny", tmp_path / folder, progress=False)
    one, two = (tmp_path / f / "tiny.safetensors" for f in "ab")
    assert one.read_bytes() == two.read_bytes()
    assert json.loads((tmp_path / "b" / "tiny.json").read_text(encoding="utf-8")) == card
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "tiny.json", "tiny.safetensors",
    ]  # fmt: skip
    assert card["validation"]["excess"] == pytest.approx(
        card["validation"]["nats"] - card["validation"]["floor"]
    )
    stored = checkpoint.load_model(one)
    assert stored.config()["hidden_size"] == 8
    assert all(torch.equal(p, p.half().float()) for p in stored.parameters())


def test_an_interruption_leaves_the_earlier_model(tiny, tmp_path, monkeypatch):
    recipes.make("tiny", tmp_path, progress=False)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setitem(recipes.RECIPES, "tiny", replace(TINY, seed=1))

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        recipes.make("tiny", tmp_path, progress=False)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_command_lists_trains_and_refuses(tiny, tmp_path, capsys):
    assert command.main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in recipes.RECIPES)
    assert command.main(["tiny", "--into", str(tmp_path)]) == 0
    assert "tiny: " in capsys.readouterr().out
    with pytest.raises(SystemExit) as leaving:
        command.main(["huge"])
    assert leaving.value.code == 2
    assert "no recipe 'huge'" in capsys.readouterr().err
    assert command.main(["tiny", "--into", str(tmp_path / "missing")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_an_unknown_name_is_refused():
    for ask in (zoo.load, zoo.card, zoo.log):
        with pytest.raises(ValueError, match="the zoo has no 'gpt-5'"):
            ask("gpt-5")


def test_a_thinned_log_keeps_the_mean_loss():
    from llmbook.run import History

    history = History()
    for step in range(1000):
        history.add(step, step % 7 + 1, 1.0, 0.1, 0.01)
    log = recipes.thin(history)
    assert len(log["loss"]) == 100
    assert sum(log["loss"]) / 100 == pytest.approx(sum(history.loss) / 1000, rel=1e-3)
    assert log["step"][-1] == 999
