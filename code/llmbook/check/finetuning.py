"""The exercises of the chapter *Fine-tuning*."""

import torch
from torch import nn

from llmbook.check.core import Wrong, exercise, expect, require, same
from llmbook.layers import lora
from llmbook.models.classifier import pool, real


def _weights(out: int, into: int, rank: int) -> tuple[torch.Tensor, ...]:
    """W, A and B with random entries."""
    return torch.randn(out, into), torch.randn(rank, into), torch.randn(out, rank)


@exercise(
    "finetuning.lora",
    asked="my_lora(x, W, b, A, B, alpha) gives W x + b + (α/r) B A x for each row of x",
    hint="rows hold vectors, so A x is x @ A.T; r is the number of rows of A; do not form B A",
)
def _(forward):
    for n, into, out, rank, alpha in ((1, 1, 1, 1, 1.0), (4, 3, 5, 2, 2.0), (2, 6, 4, 3, 12.0)):
        W, A, B = _weights(out, into, rank)
        x, b = torch.randn(n, into), torch.randn(out)
        gives = x @ (W + alpha / rank * B @ A).T + b
        label = f"my_lora for {into} inputs, {out} outputs, rank {rank} and α {alpha:g}"
        expect(forward, x, W, b, A, B, alpha, gives=gives, label=label)


@exercise(
    "finetuning.merge",
    asked="my_merge(W, A, B, alpha) gives the one matrix that does what W, A and B do together",
    hint="B is [out, r] and A is [r, in], so B @ A has the shape of W",
)
def _(merge):
    for out, into, rank, alpha in ((1, 1, 1, 1.0), (5, 3, 2, 2.0), (4, 6, 3, 12.0)):
        W, A, B = _weights(out, into, rank)
        kept = W.clone()
        label = f"my_merge for {into} inputs, {out} outputs, rank {rank} and α {alpha:g}"
        expect(merge, W, A, B, alpha, gives=W + alpha / rank * B @ A, label=label)
        merge(W, A, B, alpha)
        require(torch.equal(W, kept), "my_merge changed W itself; return a new matrix")


@exercise(
    "finetuning.count",
    asked="my_count(C, L, r) gives how many numbers a LoRA of rank r trains on the qkv maps "
    "(from C to 3C) of L blocks",
    hint="a block has A with r rows of C numbers and B with 3C rows of r numbers",
)
def _(count):
    for C, L, r in ((1, 1, 1), (128, 4, 4), (768, 12, 8), (5, 3, 2)):
        layer = lora.LoRALinear(nn.Linear(C, 3 * C), r)
        trained = sum(p.numel() for p in layer.parameters() if p.requires_grad)
        expect(count, C, L, r, gives=L * trained)


@exercise(
    "finetuning.gradients",
    asked="my_gradients(G, A, B, scale) gives (∂L/∂A, ∂L/∂B), where G [out, in] is the gradient "
    "at the whole weight W + scale · B A",
    hint="write out one entry of B A: a sum over the rank; which entries of G does A's entry move?",
)
def _(gradients):
    for out, into, rank, scale in ((1, 1, 1, 1.0), (5, 3, 2, 2.0), (4, 6, 3, 0.5)):
        _, A, B = _weights(out, into, rank)
        G = torch.randn(out, into)
        a, b = A.clone().requires_grad_(), B.clone().requires_grad_()
        (G * (scale * b @ a)).sum().backward()
        label = f"my_gradients for {into} inputs, {out} outputs, rank {rank}, scale {scale:g}"
        expect(gradients, G, A, B, scale, gives=(a.grad, b.grad), label=label)
    G, (_, A, B) = torch.randn(4, 3), _weights(4, 3, 2)
    expect(
        gradients, G, A, 0 * B, 1.0, gives=(torch.zeros_like(A), G @ A.T),
        label="my_gradients at B = 0",
    )  # fmt: skip


@exercise(
    "finetuning.last",
    asked="my_last(x, ids, pad_id) gives, for each row, x [B, T, C] at its last token that is "
    "not padding on the right",
    hint="a row may hold pad_id in front or inside, too: look for the last id that is another one",
)
def _(last):
    for rows in ([[3, 4, 0, 0]], [[0, 5, 0, 6, 0], [1, 2, 3, 4, 5]], [[0, 7], [8, 0]]):
        ids = torch.tensor(rows)
        x = torch.randn(*ids.shape, 3)
        expect(
            last,
            x,
            ids,
            0,
            gives=pool(x, real(ids, 0), "last"),
            label=f"my_last for the ids {rows}",
        )


@exercise(
    "finetuning.rates",
    asked="my_rates(lr, decay, L) gives L learning rates, the first block's first: lr for the last "
    "block, and decay times that of the block above for each one below",
    hint="block l of 0 … L−1 lies L−1−l below the last",
)
def _(rates):
    for lr, decay, L in ((1e-3, 0.5, 4), (0.1, 1.0, 3), (2e-4, 0.9, 1), (1.0, 0.0, 2)):
        gives = [lr * decay ** (L - 1 - block) for block in range(L)]
        expect(rates, lr, decay, L, gives=gives, rtol=1e-6, atol=1e-12)


@exercise(
    "finetuning.rank",
    asked="my_factors(D, r) gives (B, A), [out, r] and [r, in], whose product is as near to D as "
    "any matrix of rank r can be",
    hint="torch.linalg.svd(D) sorts the directions by size; keep the first r of each factor",
)
def _(factors):
    for out, into, rank in ((2, 2, 1), (5, 3, 2), (4, 7, 3), (3, 3, 3)):
        D = torch.randn(out, into)
        came = factors(D.clone(), rank)
        if not isinstance(came, tuple | list) or len(came) != 2:
            raise Wrong(f"my_factors gave {type(came).__name__}, expected the pair (B, A)")
        B, A = came
        shapes = tuple(getattr(B, "shape", ())), tuple(getattr(A, "shape", ()))
        fits = shapes == ((out, rank), (rank, into))
        require(fits, f"shapes {shapes} for a D of {out} × {into} and rank {rank}")
        rest = torch.linalg.svdvals(D)[rank:].norm()  # Eckart and Young: no rank r does better
        same((D - B @ A).norm(), rest, f"the distance of B A to D at rank {rank}", atol=1e-4)
