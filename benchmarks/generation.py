"""Writing 240 tokens with a cache, against transformers' own `generate`, at nanoGPT's CPU shape.

python benchmarks/generation.py [--write]
"""

from common import ROUNDS, compare, report

import torch  # isort: skip

from throughput import HEADS, HIDDEN, LAYERS, VOCABULARY, make_peer

from llmbook.generate import generate
from llmbook.models import GPT

NEW, PROMPT = 240, 8  # tokens to write, and to begin with
CONTEXT = 256  # longer than training's: the cache must hold what is written


def main() -> None:
    torch.manual_seed(0)
    peer = make_peer(context=CONTEXT, use_cache=True).eval()
    ours = GPT.from_transformers(peer).eval()
    prompt = torch.randint(VOCABULARY, (1, PROMPT))

    def theirs_writes() -> torch.Tensor:
        return peer.generate(
            prompt, max_new_tokens=NEW, do_sample=False, use_cache=True, pad_token_id=0,
            eos_token_id=None,
        )  # fmt: skip

    def ours_writes() -> list[int]:
        return generate(ours, prompt[0], NEW, temperature=0)

    same = ours_writes() == theirs_writes()[0, PROMPT:].tolist()
    rows = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        r = compare(ours_writes, theirs_writes)
        for clock in ("cpu", "wall"):
            mine, theirs = NEW / r[f"ours_{clock}"], NEW / r[f"peer_{clock}"]
            ratio = f"{r[f'ratio_{clock}']:.2f}"
            rows.append([str(threads), clock, f"{mine:.0f}", f"{theirs:.0f}", ratio, "≥ 2.2"])
    import transformers

    header = ["threads", "clock", "llmbook, tokens/s", "transformers, tokens/s"]
    notes = [
        f"{LAYERS} layers, {HEADS} heads, {HIDDEN} wide, vocabulary {VOCABULARY}, float32; {NEW} "
        f"tokens after a prompt of {PROMPT}, greedy, one text at a time, both with their KV cache. "
        f"Both have the same weights and wrote {'the same' if same else 'DIFFERENT'} tokens.",
        "Peer: GPT2LMHeadModel.generate, attn_implementation=sdpa, use_cache=True.",
        f"Median of {ROUNDS} interleaved turns; torch {torch.__version__}, "
        f"transformers {transformers.__version__}, {torch.backends.cpu.get_cpu_capability()}.",
    ]
    report("generation", [*header, "ours / peer", "required"], rows, notes, by_processor=True)


if __name__ == "__main__":
    main()
