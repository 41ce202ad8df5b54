"""The book's GPT and the GPT-2 of the library transformers, one made from the other.

    theirs = ours.to_transformers()          # a transformers.GPT2LMHeadModel
    ours = GPT.from_transformers(theirs)     # and back: the same numbers under our names

The two differ in names, and in one habit of the first GPT-2: its linear maps were written as
convolutions of width one, so their weights are kept as [inputs, outputs], where torch's
``nn.Linear`` keeps [outputs, inputs]. Whatever one side has and the other has not (rotary
positions, another width, another epsilon …) is refused with its name, never passed over.

The book's chapter: GPT-2 from the library.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from llmbook.models.gpt import GPT, GPTConfig

GPT2_NAMES = {  # transformers' names of GPT-2's parts, and ours; both read from left to right
    "wte": "embedding",
    "wpe": "position",
    "ln_f": "norm",
    "h.": "blocks.",
    "ln_1": "norm_1",
    "ln_2": "norm_2",
    "attn.c_attn": "attention.qkv",
    "attn.c_proj": "attention.out",
    "mlp.c_fc": "feed_forward.up",
    "mlp.c_proj": "feed_forward.out",
}
ACTIVATIONS = {"gelu_new": "gelu", "gelu_pytorch_tanh": "gelu", "gelu": "gelu_exact"}
THEIR_ACTIVATION = {"gelu": "gelu_new", "gelu_exact": "gelu"}  # GPT-2's own, by our names


def our_name(theirs: str) -> str:
    """``transformer.h.0.attn.c_attn.weight`` -> ``blocks.0.attention.qkv.weight``."""
    name = theirs.removeprefix("transformer.").replace("lm_head", "head")
    for old, new in GPT2_NAMES.items():
        name = name.replace(old, new)
    return name


def is_transposed(theirs: str) -> bool:
    """Whether GPT-2 keeps this weight as [inputs, outputs]: the four maps of every block."""
    return theirs.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))


def from_transformers(model: nn.Module) -> GPT:
    """A GPT with the weights of a ``GPT2LMHeadModel``, copied. ValueError where its configuration
    asks for what the book's GPT does not do."""
    theirs = model.config
    _check_theirs(theirs)
    config = GPTConfig.gpt2(
        theirs.vocab_size,
        context=theirs.n_positions,
        hidden_size=theirs.n_embd,
        num_heads=theirs.n_head,
        num_layers=theirs.n_layer,
        dropout=theirs.resid_pdrop,
        activation=ACTIVATIONS[theirs.activation_function],
        tie=theirs.tie_word_embeddings,
    )
    new = GPT(config).to(model.lm_head.weight)
    weights: dict[str, Tensor] = {"head.weight": model.lm_head.weight}
    for name, p in model.named_parameters():
        weights[our_name(name)] = p.t() if is_transposed(name) else p
    new.load_state_dict(weights)
    return new


def to_transformers(model: GPT, end_id: int | None = None) -> nn.Module:
    """A ``GPT2LMHeadModel`` with the weights of a GPT, copied; in the same mode and precision.

    ``end_id`` becomes its ``bos_token_id`` and ``eos_token_id``. ValueError where the GPT has
    what GPT-2 has not.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    ours = model.settings
    _check_ours(model)
    config = GPT2Config(
        vocab_size=ours.vocab_size, n_positions=ours.context, n_embd=ours.hidden_size,
        n_layer=ours.num_layers, n_head=ours.num_heads,
        activation_function=THEIR_ACTIVATION[ours.activation],
        resid_pdrop=ours.dropout, embd_pdrop=ours.dropout, attn_pdrop=ours.dropout,
        tie_word_embeddings=ours.tie, bos_token_id=end_id, eos_token_id=end_id,
    )  # fmt: skip
    new = GPT2LMHeadModel(config).to(model.head.weight)
    mine = model.state_dict()
    weights = {}
    for name in new.state_dict():
        if our_name(name) in mine:  # all but the buffers that some versions keep a mask in
            p = mine[our_name(name)]
            weights[name] = p.t() if is_transposed(name) else p
    missing, _ = new.load_state_dict(weights, strict=False)
    if missing := [name for name in missing if name in dict(new.named_parameters())]:
        raise ValueError(f"this transformers' GPT-2 has weights that the GPT lacks: {missing}")
    return new.train(model.training)


def _check_theirs(config: Any) -> None:
    """ValueError where a GPT2Config departs from GPT-2 in what the book's GPT keeps fixed."""
    fixed: dict[str, tuple] = {
        "n_inner": (None, 4 * config.n_embd),
        "layer_norm_epsilon": (1e-5,),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
        "activation_function": tuple(ACTIVATIONS),
        "embd_pdrop": (config.resid_pdrop,),
        "attn_pdrop": (config.resid_pdrop,),
    }
    for name, allowed in fixed.items():
        value = getattr(config, name, allowed[0])
        if value not in allowed:
            expected = " or ".join(map(repr, allowed))
            raise ValueError(
                f"this GPT-2 has {name} = {value!r}, and the book's GPT can only be made from one "
                f"with {expected}; use it through transformers itself"
            )


def _check_ours(model: GPT) -> None:
    """ValueError where a GPT is no GPT-2."""
    config = model.settings
    fixed = {
        "positions": ("learned",), "norm": ("layer",), "bias": (True,), "qk_norm": (False,),
        "activation": tuple(THEIR_ACTIVATION),
    }  # fmt: skip
    for name, allowed in fixed.items():
        if (value := getattr(config, name)) not in allowed:
            raise ValueError(
                f"this GPT has {name} = {value!r}, and GPT-2 knows only {allowed[0]!r}; build the "
                "model with GPTConfig.gpt2(…) to take it to transformers"
            )
