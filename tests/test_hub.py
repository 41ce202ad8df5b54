"""The hub gives what from_pretrained takes: the published model on request, else the book's own."""

import copy
import json
import threading

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from llmbook import checkpoint, hub, hub_files, zoo
from llmbook.generate import generate
from llmbook.models import GPT, GPTConfig
from llmbook.models.convert import is_transposed, our_name
from llmbook.text import BPETokenizer
from llmbook.zoo import cards
from parity import both_precisions, close

TEXT = "the cat and the hat and the rat sat on the mat, and that was that. " * 20
UNUSUAL = ["", " ", "the rat", "naïve 深度 🙂\n\n\ttabs  ", "it's 1234 <|endoftext|> the end"]


def small(dtype=torch.float32, vocab=300, **changes):
    """A tiny GPT-2 of the book's, all weights of std 0.2, norms and biases included."""
    torch.manual_seed(0)
    shape = {"context": 32, "hidden_size": 24, "num_heads": 4, "num_layers": 3}
    model = GPT(GPTConfig.gpt2(vocab, **shape | changes)).to(dtype).eval()
    for p in model.parameters():
        nn.init.normal_(p, std=0.2)
    return model


def card_of(name, config):
    return {
        "name": name, "about": "a test", "model": "gpt", "config": config, "seed": 3,
        "training": {"steps": 5}, "cpu_seconds": 1.5, "parameters": 12_345, "stored_as": "float16",
        "data": {"source": "nowhere", "licence": "CC0"}, "validation": {"nats": 1.25},
        "versions": {"torch": "2"}, "licence": "Apache-2.0", "command": "make it",
        "log": {"valid_step": [0, 5], "valid_loss": [3.5, 1.25]},
    }  # fmt: skip


@pytest.fixture
def own(monkeypatch, tmp_path):
    """A zoo with one small GPT-2 and one other model, and an empty cache."""
    folder, cache = tmp_path / "zoo", tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setattr(zoo, "FOLDER", folder)
    monkeypatch.setenv("LLMBOOK_CACHE", str(cache))
    monkeypatch.delenv("LLMBOOK_ONLINE", raising=False)
    vocab = BPETokenizer.train(TEXT, 280)
    for name, changes in (("english-gpt2", {}), ("turning", {"positions": "rotary"})):
        model = small(vocab=len(vocab), **changes)
        extra = {"vocabulary": vocab.to_dict()}
        checkpoint.save(folder / f"{name}.safetensors", model, extra=extra, dtype=torch.float16)
        text = json.dumps(card_of(name, {"positions": "learned", **changes}))
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return cache


# ---- from one library to the other ----


@both_precisions
@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("activation", ["gelu", "gelu_exact"])
def test_there_and_back_the_weights_are_the_same(dtype, tie, activation):
    ours = small(dtype, tie=tie, activation=activation, dropout=0.1)
    theirs = ours.to_transformers(end_id=7)
    assert (theirs.config.eos_token_id, theirs.config.bos_token_id) == (7, 7)
    assert theirs.num_parameters() == ours.num_params()
    again = GPT.from_transformers(theirs)
    assert again.settings == ours.settings
    for name, p in ours.state_dict().items():
        assert torch.equal(again.state_dict()[name], p), name
    with torch.no_grad():  # copied, not shared
        theirs.transformer.wte.weight.zero_()
    assert ours.embedding.weight.abs().max() > 0


@both_precisions
@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("activation", ["gelu", "gelu_exact"])
def test_logits_and_gradients_are_equal(dtype, tie, activation):
    ours = small(dtype, tie=tie, activation=activation)
    theirs = ours.to_transformers()
    ids = torch.randint(300, (2, 32), generator=torch.Generator().manual_seed(1))
    mine, reference = ours(ids)[0], theirs(ids).logits
    close(mine, reference)
    for logits in (mine, reference):
        F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
    gradients = {name: p.grad for name, p in ours.named_parameters()}
    seen = set()
    for name, p in theirs.named_parameters():
        seen.add(our_name(name))
        g = gradients[our_name(name)]
        scale = max(1.0, p.grad.abs().max().item())  # rounding goes with a sum's terms
        close((g.t() if is_transposed(name) else g) / scale, p.grad / scale)
    assert seen == set(gradients)


def test_the_mode_is_kept():
    assert small().train().to_transformers().training
    assert not small().to_transformers().training


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"positions": "rotary"}, "positions = 'rotary'"),
        ({"positions": "sinusoidal"}, "positions = 'sinusoidal'"),
        ({"norm": "rms"}, "norm = 'rms'"),
        ({"bias": False}, "bias = False"),
        ({"qk_norm": True}, "qk_norm = True"),
        ({"activation": "squared_relu"}, "activation = 'squared_relu'"),
    ],
)
def test_what_gpt2_has_not_is_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        small(**changes).to_transformers()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_inner", 50), ("layer_norm_epsilon", 1e-6), ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True), ("activation_function", "relu"),
        ("attn_pdrop", 0.3), ("add_cross_attention", True),
    ],
)  # fmt: skip
def test_what_our_gpt_has_not_is_refused(name, value):
    from transformers import GPT2Config, GPT2LMHeadModel

    shape = {"vocab_size": 20, "n_positions": 8, "n_embd": 8, "n_layer": 1, "n_head": 2}
    theirs = GPT2LMHeadModel(GPT2Config(**shape, **{name: value}))
    with pytest.raises(ValueError, match=f"{name} = {value!r}"):
        GPT.from_transformers(theirs)


# ---- the folder ----


def test_the_folder_is_read_by_transformers_as_any_other(own):
    from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel, GPT2Tokenizer

    place = hub.locate("gpt2", quiet=True)
    ours, vocab = zoo.load("english-gpt2")
    for kind in (GPT2Tokenizer, AutoTokenizer):
        tokenizer = kind.from_pretrained(place)
        assert len(tokenizer) == len(vocab)
        assert tokenizer.eos_token_id == tokenizer.bos_token_id == vocab.end_id
        assert tokenizer.model_max_length == 32
        for text in UNUSUAL:
            ids = tokenizer(text)["input_ids"]
            assert ids == vocab.encode(text, allowed_special="all")
            assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == vocab.decode(ids)
    for kind in (GPT2LMHeadModel, AutoModelForCausalLM):
        theirs = kind.from_pretrained(place, use_safetensors=True).eval()
        ids = torch.tensor([vocab.encode("the rat sat on the mat")])
        torch.testing.assert_close(theirs(ids).logits, ours(ids)[0], rtol=1e-5, atol=1e-5)
    assert theirs.config.llmbook_name == "english-gpt2"
    got = theirs.generate(ids, max_new_tokens=9, do_sample=False, pad_token_id=0)[0].tolist()
    wrote = got[ids.shape[1] :]
    wrote = wrote[: wrote.index(vocab.end_id)] if vocab.end_id in wrote else wrote
    assert wrote == generate(ours, ids[0], 9, temperature=0, stop=vocab.end_id)


def test_the_tokenizer_can_be_read_from_vocabulary_and_merges_alone(own):
    from transformers import GPT2Tokenizer

    folder = hub_files.export("english-gpt2")
    _, vocab = zoo.load("english-gpt2")
    copied = own / "old"
    copied.mkdir()
    for name in ("vocab.json", "merges.txt"):
        (copied / name).write_bytes((own / folder / name).read_bytes())
    tokenizer = GPT2Tokenizer.from_pretrained(str(copied))
    for text in UNUSUAL:
        assert tokenizer(text)["input_ids"] == vocab.encode(text, allowed_special="all")


def test_the_tied_head_is_stored_once_and_nothing_is_a_pickle(own):
    folder = own / hub_files.export("english-gpt2")
    stored = load_file(folder / "model.safetensors")
    ours, _ = zoo.load("english-gpt2")
    assert sum(t.numel() for t in stored.values()) == ours.num_params()
    assert not any("lm_head" in name for name in stored)
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".safetensors", ".txt", ".md"}
    assert "none of the models that others published" in (folder / "README.md").read_text("utf-8")


def test_a_folder_is_reused_and_mended(own):
    folder = own / hub_files.export("english-gpt2")
    before = (folder / "config.json").stat().st_mtime_ns
    assert hub_files.export("english-gpt2") == str(folder)
    assert (folder / "config.json").stat().st_mtime_ns == before
    for damage in (
        lambda: (folder / "model.safetensors").write_bytes(b"short"),
        lambda: (folder / "merges.txt").unlink(),
        lambda: (folder / "pytorch_model.bin").write_bytes(b"\x80\x04planted"),
        lambda: (folder / hub_files.MANIFEST).write_text("[1]"),
    ):
        damage()
        assert not hub_files.is_whole(folder)
        assert hub_files.export("english-gpt2") == str(folder)
        assert hub_files.is_whole(folder)
    assert [path.name for path in own.iterdir()] == [folder.name]  # nothing else is left


def test_an_interruption_leaves_nothing(own, monkeypatch):
    real = hub_files.write_model

    def stop(*args):
        real(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(hub_files, "write_model", stop)
    with pytest.raises(KeyboardInterrupt):
        hub_files.export("english-gpt2")
    assert list(own.iterdir()) == []


def test_another_run_may_be_quicker(own, monkeypatch):
    """Its folder stands there when ours is ready; it is whole, so it stays."""
    real, first = hub_files.write, []

    def slow(name, folder):
        real(name, folder)
        if not first:
            first.append(1)
            first.append(hub_files.export(name))

    monkeypatch.setattr(hub_files, "write", slow)
    assert hub_files.export("english-gpt2") == first[1]
    assert len(list(own.iterdir())) == 1


def test_a_changed_model_gets_another_folder(own):
    before = hub_files.export("english-gpt2")
    file = zoo.FOLDER / "english-gpt2.json"
    file.write_text(file.read_text("utf-8").replace('"seed": 3', '"seed": 4'), encoding="utf-8")
    assert hub_files.export("english-gpt2") != before


def test_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.delenv("LLMBOOK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert hub_files.cache() == tmp_path / "cache" / "llmbook"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # cannot be a folder
    monkeypatch.setattr(hub_files.tempfile, "gettempdir", lambda: str(tmp_path))
    place = hub_files.cache()
    assert place.parent == tmp_path
    assert place.is_dir()
    if hasattr(hub_files.os, "getuid"):
        monkeypatch.setattr(hub_files.os, "getuid", lambda: -1)
        with pytest.raises(OSError, match="belongs to another user"):
            hub_files.cache()


# ---- which one, and why ----


def test_without_being_asked_the_hub_is_left_alone(own, monkeypatch, capsys):
    monkeypatch.setattr(hub, "_ask_hub", lambda name: pytest.fail("the network was tried"))
    for value in ("", "0", "yes", "true"):
        monkeypatch.setenv("LLMBOOK_ONLINE", value)
        place = hub.locate("gpt2")
        assert (place.name, place.stand_in) == ("english-gpt2", True)
        assert place != "gpt2"
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("english-gpt2: ")
        assert "LLMBOOK_ONLINE" in lines[0]
        assert str(own) not in lines[0] + repr(place)


def test_on_request_it_is_the_published_name(own, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(hub, "_ask_hub", asked.append)
    monkeypatch.setenv("LLMBOOK_ONLINE", "1")
    place = hub.locate("gpt2")
    assert (place, place.name, place.stand_in, asked) == ("gpt2", "gpt2", False, ["gpt2"])
    assert capsys.readouterr().out.startswith("gpt2: the published model")
    assert not own.exists()


def test_a_hub_that_fails_or_hangs_gives_the_offline_answer(own, monkeypatch, capsys):
    monkeypatch.setenv("LLMBOOK_ONLINE", "1")
    never = threading.Event()

    def fail(name):
        raise OSError("no route\nand more")

    for ask, told in ((fail, "no route"), (lambda name: never.wait(60), "within 0.05 seconds")):
        monkeypatch.setattr(hub, "_ask_hub", ask)
        place = hub.locate("gpt2", seconds=0.05)
        assert (place.name, place.stand_in) == ("english-gpt2", True)
        out = capsys.readouterr().out
        assert told in out
        assert out.count("\n") == 1
    never.set()


def test_the_real_question_is_answered_offline_too(own, monkeypatch):
    """HF_HUB_OFFLINE is set in the tests: transformers itself says that there is nothing."""
    monkeypatch.setenv("LLMBOOK_ONLINE", "1")
    assert hub.locate("gpt2", quiet=True).name in ("english-gpt2", "gpt2")  # gpt2 where cached


def test_names_of_the_zoo_and_what_is_unknown(own):
    assert hub.names() == ["english-gpt2", "gpt2"]
    place = hub.locate("english-gpt2", quiet=True)
    assert (place.name, place.stand_in) == ("english-gpt2", False)
    assert place == hub.locate("gpt2", quiet=True)
    for unknown in ("gpt5", "turning", "", "../nowhere"):
        with pytest.raises(ValueError, match="There are english-gpt2, gpt2"):
            hub.locate(unknown)
    with pytest.raises(ValueError, match=r"python -m llmbook\.zoo missing"):
        hub_files.export("missing")
    with pytest.raises(ValueError, match="positions = 'rotary'"):
        hub_files.export("turning")


def test_a_place_can_be_copied(own):
    place = hub.locate("gpt2", quiet=True)
    for twin in (copy.copy(place), copy.deepcopy(place)):  # transformers copies configurations
        assert (twin, twin.name, twin.why) == (place, place.name, place.why)


def test_a_folder_of_pickles_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        hub.locate(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="no weights"):
        hub.locate(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ValueError, match=r"a pickle alone \(pytorch_model\.bin\)"):
        hub.locate(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert hub.locate(tmp_path, quiet=True) == str(tmp_path)


# ---- the card ----


@pytest.mark.parametrize("name", zoo.names())
def test_every_model_has_a_card_to_read(name):
    card, text = zoo.card(name), zoo.card_text(name)
    assert text.startswith(f"# {name}\n")
    for part in ("## Model", "## Data", "## Training", "## Results", "## Log", "## Licence"):
        assert part in text
    for value in (f"{card['parameters']:,}", card["command"], card["data"]["licence"]):
        assert value in text
    assert f"| seed | {card['seed']} |" in text
    assert f"{card['log']['valid_loss'][-1]:.4f}" in text
    for key in card["config"]:
        assert f"| {key.replace('_', ' ')} | " in text


def test_a_card_without_a_log_and_with_odd_values():
    card = card_of("x", {"tie": True, "init_std": None, "sizes": [1, 2]})
    text = cards.text({**card, "log": {}})
    assert "## Log" not in text
    assert "| tie | yes |" in text
    assert "| init std | – |" in text
    assert "| sizes | 1, 2 |" in text
