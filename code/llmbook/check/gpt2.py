"""The exercises of the chapter *GPT-2 from the library*."""

import json
import pickle
from collections import OrderedDict

import torch

from llmbook.check.core import exercise, expect, require


@exercise(
    "gpt2.parameters",
    asked="my_count(V, T, C, L, tied) gives the number of parameters of a GPT-2 with V tokens, T "
    "positions, C channels and L blocks; an untied head has a matrix of its own",
    hint="V·C + T·C, then L times (12 C² + 13 C), the last norm's 2 C; a tied head adds nothing",
)
def _(count):
    from transformers import GPT2Config, GPT2LMHeadModel

    for V, T, C, L, tied in ((11, 4, 4, 1, True), (30, 8, 8, 3, True), (30, 8, 8, 2, False)):
        config = GPT2Config(
            vocab_size=V, n_positions=T, n_embd=C, n_layer=L, n_head=2, tie_word_embeddings=tied,
            bos_token_id=None, eos_token_id=None,
        )  # fmt: skip
        with torch.device("meta"):
            gives = GPT2LMHeadModel(config).num_parameters()
        expect(count, V, T, C, L, tied, gives=gives)
    expect(count, 50257, 1024, 768, 12, True, gives=124_439_808, rtol=0.0)


def _safetensors(tensors: dict[str, torch.Tensor], metadata: bool) -> bytes:
    from safetensors.torch import save

    return save(tensors, {"format": "pt"} if metadata else None)


@exercise(
    "gpt2.header",
    asked="my_header(data) gives {name: shape} for each tensor in the bytes of a safetensors file, "
    "the shapes as lists, and no entry for the file's own __metadata__",
    hint="data[:8] is the header's length, least byte first; the JSON begins at byte 8",
)
def _(header):
    for shapes, metadata in (
        ({"a": [2]}, False),
        ({"wte.weight": [5, 3], "ln_f.bias": [3], "number": []}, True),
        ({f"h.{i}.weight": [i, 2] for i in range(1, 30)}, True),  # a header above 255 bytes
    ):
        data = _safetensors({name: torch.zeros(shape) for name, shape in shapes.items()}, metadata)
        hint = "leave out __metadata__: it is no tensor" if metadata else None
        label = f"my_header for a file of {len(shapes)} tensors"
        expect(header, data, gives=shapes, label=label, hint=hint)


@exercise(
    "gpt2.take",
    asked="my_take(data, name) gives the float32 tensor of that name from the bytes of a "
    "safetensors file, in its shape, without the library",
    hint="data_offsets are counted from the end of the header, which is at byte 8 + its length",
)
def _(take):
    torch.manual_seed(0)
    tensors = {"a": torch.randn(2, 3), "b": torch.randn(7), "c": torch.randn(1, 4, 2)}
    data = _safetensors(tensors, metadata=True)
    for name, tensor in tensors.items():
        expect(take, data, name, gives=tensor, atol=0.0, rtol=0.0, label=f"my_take of {name!r}")


@exercise(
    "gpt2.head",
    asked="my_query(x, W, b, head, num_heads) gives the queries [T, D] of one head, from the "
    "normed stream x [T, C] and GPT-2's c_attn: W [C, 3C] and b [3C]",
    hint="no transpose: x @ W + b is [T, 3C]; its first C columns are queries, head after head",
)
def _(query):
    for T, C, H in ((1, 2, 1), (5, 8, 4), (3, 12, 3)):
        x, W, b = torch.randn(T, C), torch.randn(C, 3 * C), torch.randn(3 * C)
        q = torch.nn.functional.linear(x, W.t(), b)[:, :C].unflatten(1, (H, C // H))
        for head in range(H):
            label = f"my_query for {T} positions, {C} channels and head {head} of {H}"
            expect(query, x, W, b, head, H, gives=q[:, head], label=label)


@exercise(
    "gpt2.flops",
    asked="my_flops(B, T, V, C, L) gives the floating-point operations of one forward pass over "
    "B texts of T tokens, attention counted as the full square",
    hint="two for each weight of a matrix and token, the head's included; and 4 T C a token and "
    "block for the scores and the mixing",
)
def _(flops):
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import GPT2Config, GPT2LMHeadModel

    for B, T, V, C, L in ((1, 1, 10, 4, 1), (2, 6, 10, 4, 1), (1, 8, 30, 8, 3)):
        config = GPT2Config(
            vocab_size=V, n_positions=8, n_embd=C, n_layer=L, n_head=2,
            bos_token_id=None, eos_token_id=None, attn_implementation="eager",
        )  # fmt: skip
        model = GPT2LMHeadModel(config).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.zeros(B, T, dtype=torch.long))
        expect(flops, B, T, V, C, L, gives=counter.get_total_flops(), rtol=0.0)


@exercise(
    "gpt2.longest",
    asked="my_longest(memory, L, C, bytes_each) gives the largest number of tokens whose keys and "
    "values fit into that many bytes, for one text",
    hint="a token costs 2 · L · C numbers; only whole tokens fit",
)
def _(longest):
    for memory, L, C, each in ((1000, 1, 4, 4), (31, 1, 4, 4), (10**9, 48, 1600, 2), (0, 2, 8, 4)):
        expect(longest, memory, L, C, each, gives=memory // (2 * L * C * each), rtol=0.0)


class _Runs:
    """Pickles to a call of a harmless function; it is never unpickled here."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@exercise(
    "gpt2.imports",
    asked="my_imports(data) gives the set of 'module.name' that a pickle would import, found "
    "without loading it",
    hint="in pickletools.genops the opcode GLOBAL has 'module name' as its argument; STACK_GLOBAL "
    "takes the two texts that came last",
)
def _(imports):
    plain = {"weights": [1, 2, 3], "name": "gpt"}
    for protocol in (0, 2, 4):
        how = f"of protocol {protocol}"
        data = pickle.dumps(plain, protocol)
        expect(imports, data, gives=set(), label=f"my_imports for a plain dict {how}")
        data = pickle.dumps(_Runs(print, "ran"), protocol)
        module = "__builtin__" if protocol < 3 else "builtins"
        expect(imports, data, gives={f"{module}.print"}, label=f"my_imports for a print {how}")
        data = pickle.dumps([OrderedDict(), _Runs(json.dumps, "x")], protocol)
        gives = {"collections.OrderedDict", "json.dumps"}
        expect(imports, data, gives=gives, label=f"my_imports for two calls {how}")
    require(imports(pickle.dumps(1)) == set(), "something imported by the pickle of a number")
