"""Training tokens per second against transformers' GPT-2, at nanoGPT's CPU shape."""

from common import AVX2_NOTE, ROUNDS, compare, on_both_instruction_sets, report

import torch  # isort: skip
from torch import nn
from torch.nn import functional as F

from llmbook.models import GPT, GPTConfig

LAYERS, HEADS, HIDDEN, CONTEXT, BATCH, VOCABULARY = 4, 4, 128, 64, 12, 65
STEPS = 10  # training steps in one turn


# GPT-2's own configuration asks for "gelu_new", the formula step by step; the other computes the
# same in one kernel, which a user has to know of and to ask for.
ACTIVATIONS = {"as published": "gelu_new", "one kernel": "gelu_pytorch_tanh"}


def make_peer(
    context: int = CONTEXT, use_cache: bool = False, activation: str = "gelu_pytorch_tanh"
) -> nn.Module:
    """transformers' GPT-2 at its best: sdpa, no dropout, tanh-GELU in one kernel."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=context,
        n_embd=HIDDEN,
        n_layer=LAYERS,
        n_head=HEADS,
        activation_function=activation,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=use_cache,
        bos_token_id=0,
        eos_token_id=0,
        attn_implementation="sdpa",
    )
    return GPT2LMHeadModel(config).train()


def trainer(model: nn.Module, logits) -> callable:
    """STEPS steps on the same random batches: loss, backward, clipping at 1, fused-free AdamW."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    generator = torch.Generator().manual_seed(0)
    data = torch.randint(VOCABULARY, (STEPS, BATCH, CONTEXT + 1), generator=generator)

    def work() -> None:
        for ids in data:
            loss = F.cross_entropy(logits(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    return work


def measure() -> list[list[str]]:
    """A row for each pair of models, number of threads and clock."""
    torch.manual_seed(0)
    peers = {name: make_peer(activation=kind) for name, kind in ACTIVATIONS.items()}
    shape = {
        "context": CONTEXT,
        "hidden_size": HIDDEN,
        "num_heads": HEADS,
        "num_layers": LAYERS,
    }
    same = GPT.from_transformers(peers["one kernel"]).train()
    modern = GPT(GPTConfig.modern(VOCABULARY, **shape)).train()
    pairs = [("GPT-2's equations", same, "one kernel"), ("GPT-2's equations", same, "as published")]
    pairs += [("GPTConfig.modern", modern, "one kernel")]
    tokens = STEPS * BATCH * CONTEXT
    instructions = torch.backends.cpu.get_cpu_capability()
    rows = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for name, model, peer_name in pairs:
            r = compare(
                trainer(model, lambda ids, model=model: model.logits(ids)[0]),
                trainer(peers[peer_name], lambda ids, peer=peers[peer_name]: peer(ids).logits),
            )
            for clock in ("cpu", "wall"):
                mine, theirs = tokens / r[f"ours_{clock}"], tokens / r[f"peer_{clock}"]
                row = [instructions, name, peer_name, str(threads), clock]
                rows.append([*row, f"{mine:.0f}", f"{theirs:.0f}", f"{r[f'ratio_{clock}']:.2f}"])
    return rows


def main() -> None:
    import transformers

    rows = on_both_instruction_sets(measure)
    header = ["instructions", "llmbook model", "peer's GELU", "threads", "clock"]
    header += ["llmbook, tokens/s", "transformers, tokens/s"]
    notes = [
        f"{LAYERS} layers, {HEADS} heads, {HIDDEN} wide, context {CONTEXT}, batch {BATCH}, "
        f"vocabulary {VOCABULARY}, float32. Required: 1.2 times the peer.",
        "Peer: GPT2LMHeadModel, attn_implementation=sdpa, use_cache=False, no dropout, tied "
        "embeddings; its GELU once as GPT-2's published configuration has it (gelu_new) and once "
        "in one kernel (gelu_pytorch_tanh), the same function. Both sides: the same "
        "F.cross_entropy on the logits, torch.optim.AdamW (lr 1e-3, weight decay 0.1, its default "
        "implementation), clipping at 1, the same batches.",
        "“GPT-2's equations” has the peer's own weights and computes the same function.",
        f"Median of {ROUNDS} interleaved turns of {STEPS} steps; torch {torch.__version__}, "
        f"transformers {transformers.__version__}.",
        AVX2_NOTE,
    ]
    report("throughput", [*header, "ours / peer"], rows, notes, by_processor=True)


if __name__ == "__main__":
    main()
