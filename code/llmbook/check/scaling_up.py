"""The checks of chapter `large_models/scaling_up`."""

import math

import torch

from llmbook.check.core import exercise, expect, require


@exercise(
    "scaling_up.days",
    asked="my_days(N, D, cards, peak, used) gives the days that training takes",
    hint="6 N D operations, shared by all cards, each at used · peak a second; 86,400 s a day",
)
def _(days):
    for N, D, cards, peak, part in (
        (1e9, 2e10, 1, 1e15, 0.5),
        (7e9, 2e12, 256, 3.12e14, 0.4),
        (124e6, 1e10, 8, 9.89e14, 0.35),
    ):
        expect(days, N, D, cards, peak, part, gives=6 * N * D / (cards * peak * part) / 86_400)


@exercise(
    "scaling_up.bf16",
    asked="my_bf16(x) rounds a float to the nearest number that bfloat16 has",
    hint="math.frexp(x) gives m and e with x = m · 2^e and m from 1/2 to 1; keep eight binary "
    "digits of m",
)
def _(bf16):
    source = torch.Generator().manual_seed(0)
    numbers = [0.0, 1.0, -1.0, 1 / 3, 257.0, 1.00390625, -3.1415926, 1e-20, 6e30]
    numbers += (torch.randn(40, generator=source) * 10).tolist()
    for x in numbers:
        expect(bf16, x, gives=torch.tensor(x).bfloat16().item(), rtol=1e-9, atol=0.0)


@exercise(
    "scaling_up.scaler",
    asked="my_scaler(scale, good, finite, interval) gives the next (scale, good): half the scale "
    "after an overflow, twice the scale after `interval` good updates in a row",
    hint="an overflow sets the count of good updates back to 0; so does a doubling",
)
def _(scaler):
    for finite, interval in (
        ([True] * 7, 3),
        ([False, False, True, True, True, False, True], 2),
        ([True, True, False, True, True, True, True], 4),
    ):
        real = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=interval)
        real.scale(torch.ones(()))  # makes the scale
        scale, good = 1024.0, 0
        weight = torch.nn.Parameter(torch.ones(1))
        optimizer = torch.optim.SGD([weight], lr=0.0)
        for step, fine in enumerate(finite):
            weight.grad = torch.ones(1) if fine else torch.full((1,), math.inf)
            real.step(optimizer)
            real.update()
            label = f"my_scaler({scale:g}, {good}, {fine}, {interval}), update {step + 1}"
            after = (real.get_scale(), int(real.state_dict()["_growth_tracker"]))
            came = expect(scaler, scale, good, fine, interval, gives=after, label=label)
            scale, good = (float(came[0]), int(came[1]))


@exercise(
    "scaling_up.accumulate",
    asked="my_mean(parts) gives the mean loss of all tokens, from one tensor of losses a part",
    hint="a part with few tokens must not weigh as much as one with many",
)
def _(mean):
    source = torch.Generator().manual_seed(0)
    for sizes in ((3,), (4, 4), (1, 9), (5, 0, 2), (100, 1, 1)):
        parts = [torch.rand(n, generator=source) for n in sizes]
        expect(mean, parts, gives=torch.cat(parts).mean(), label=f"parts of {sizes} tokens")


@exercise(
    "scaling_up.ring",
    asked="my_ring(parts) adds up one list of numbers a process, chunk by chunk round the ring, "
    "and returns (the list that all end with, how many numbers each process has sent)",
    hint="W processes cut their list into W chunks; in each of 2 (W - 1) rounds every process "
    "sends one chunk to its neighbour",
)
def _(ring):
    source = torch.Generator().manual_seed(0)
    for W, chunk in ((2, 1), (2, 3), (3, 2), (5, 4)):
        parts = [torch.randint(9, (W * chunk,), generator=source).tolist() for _ in range(W)]
        total = [sum(column) for column in zip(*parts, strict=True)]
        label = f"{W} processes with {W * chunk} numbers each"
        expect(ring, parts, gives=(total, 2 * (W - 1) * chunk), label=label)


@exercise(
    "scaling_up.optimal",
    asked="my_best(flops) gives (N, D), the parameters and tokens to spend `flops` on, with 20 "
    "tokens a parameter",
    hint="put D = 20 N into C = 6 N D and solve for N",
)
def _(best):
    for flops in (6e9, 1e18, 5.88e23):
        N, D = (float(x) for x in best(flops))
        require(abs(6 * N * D / flops - 1) < 1e-6, f"6 N D = {6 * N * D:.4g} for C = {flops:.4g}")
        require(abs(D / (20 * N) - 1) < 1e-6, f"D / N = {D / N:.4g} for C = {flops:.4g}")
    expect(best, 120.0, gives=(1.0, 20.0))
