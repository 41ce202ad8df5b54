"""The short way for one more token gives what the long way gives, or steps aside."""

import pytest
import torch
from torch import nn

from llmbook.generate import generate
from llmbook.models.decode import decoder
from parity import close, randn
from test_models import MAKERS, ids, make

GPTS = [name for name in MAKERS if name.startswith("gpt")]


def shaken(name):
    """A model whose zeros (biases, zero-initialised branches) are zeros no more."""
    model = make(name)
    with torch.no_grad():
        for seed, p in enumerate(model.parameters()):
            p.add_(randn(*p.shape, dtype=p.dtype, seed=seed, scale=0.2))
    return model


@pytest.mark.parametrize("name", GPTS)
@pytest.mark.parametrize("rows", [1, 3])
def test_one_token_at_a_time_gives_the_models_logits(name, rows):
    model = shaken(name)
    text = ids(rows, 20)
    whole, _ = model.logits(text)
    step = decoder(model)
    assert step != model.logits  # otherwise nothing is compared
    logits, state = step(text[:, :4], None)
    for t in range(4, 20):
        logits, state = step(text[:, t : t + 1], state)
        close(logits[:, 0], whole[:, t])


def test_a_state_can_be_continued_twice():
    model = shaken("gpt")
    step = decoder(model)
    _, state = step(ids(1, 5), None)
    first, second = (step(torch.tensor([[token]]), state)[0] for token in (1, 2))
    close(step(torch.tensor([[1]]), state)[0], first)
    assert not torch.allclose(first, second)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def test_a_module_that_is_not_the_books_own_is_obeyed():
    model = shaken("gpt")
    up = model.blocks[0].feed_forward.up
    model.blocks[0].feed_forward.up = Doubled(up.in_features, up.out_features).double()
    assert decoder(model) == model.logits
    with_cache = generate(model, [1, 2, 3], 12, temperature=0)
    assert with_cache == generate(model, [1, 2, 3], 12, temperature=0, use_cache=False)


def test_a_hook_sees_every_token():
    model = shaken("gpt")
    seen = []
    handle = model.blocks[1].register_forward_hook(lambda m, x, y: seen.append(x[0].shape[1]))
    generate(model, [1, 2, 3], 5, temperature=0)
    assert seen == [3, 1, 1, 1, 1]
    handle.remove()
    assert decoder(model) != model.logits


def test_recorded_attention_and_training_take_the_long_way():
    model = shaken("gpt-learned")
    assert decoder(model.train()) == model.logits
    model.eval().blocks[0].attention.record_weights = True
    assert decoder(model) == model.logits
