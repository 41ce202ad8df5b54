"""The exercises of the chapter *Compute, energy and cost*."""

import math

from llmbook.check.core import exercise, expect, require, same
from llmbook.energy import Job
from llmbook.scaling import BESIROGLU, HOFFMANN, Law, total_flops


@exercise(
    "compute.energy",
    asked="my_energy(N, D, peak, used, watts, pue) gives the megawatt-hours of training N "
    "parameters on D tokens",
    hint="6 N D FLOPs over peak times used are seconds; watts times seconds are joules, and a "
    "megawatt-hour has 3.6e9 of them",
)
def _(energy):
    for N, D, peak, used, watts, pue in (
        (175e9, 300e9, 125e12, 0.2, 330, 1.1),
        (1e6, 2e7, 1e11, 1.0, 10, 1.0),
        (7e9, 2e12, 312e12, 0.4, 400, 1.3),
    ):
        gives = Job(6 * N * D, peak, used, watts, pue).megawatt_hours()
        expect(energy, N, D, peak, used, watts, pue, gives=gives, rtol=1e-6, atol=0.0)


@exercise(
    "compute.best",
    asked="my_best(flops, A, B, alpha, beta) gives (N, D) with 6 N D = flops where "
    "A / N^alpha + B / D^beta is lowest",
    hint="put D = flops / (6 N) into the balance alpha A / N^alpha = beta B / D^beta and solve "
    "for N",
)
def _(best):
    for law in (
        BESIROGLU,
        HOFFMANN,
        Law(0.0, 5.0, 5.0, 0.5, 0.5),
        Law(1.0, 10.0, 3000.0, 0.2, 0.6),
    ):
        for flops in (6.0, 1e21):
            constants = (law.A, law.B, law.alpha, law.beta)
            gives = law.best(flops)
            expect(best, flops, *constants, gives=gives, rtol=1e-6, atol=0.0)


@exercise(
    "compute.vertex",
    asked="my_vertex(sizes, losses) gives the size at the bottom of the parabola through three "
    "points (ln size, loss), or nan where it has no bottom",
    hint="with x = ln size, the slopes between neighbours change at a steady rate: half their "
    "change over half the distance is the curvature, and at the bottom the slope is 0",
)
def _(vertex):
    for best, curvature, sizes in (
        (1500.0, 0.1, (500, 1000, 4000)),
        (7e9, 0.02, (1e9, 2e9, 3e9)),
        (20.0, 1.0, (10, 20, 40)),
    ):
        losses = [2 + curvature * math.log(n / best) ** 2 for n in sizes]
        expect(vertex, list(sizes), losses, gives=best, rtol=1e-4)
    came = float(vertex([1.0, 2.0, 4.0], [1.0, 2.0, 1.0]))
    require(math.isnan(came), f"for a hill, which has no bottom, your function gave {came}")


@exercise(
    "compute.even",
    asked="my_even(N1, D1, N2, D2) gives the tokens served from which the first, smaller model "
    "has cost fewer FLOPs in all than the second",
    hint="set 6 N1 D1 + 2 N1 T equal to 6 N2 D2 + 2 N2 T; where the first is cheaper from the "
    "start, the answer is 0",
)
def _(even):
    for N1, D1, N2, D2 in (
        (7e9, 1.33e12, 13e9, 6.19e11),
        (8e9, 15e12, 70e9, 1.4e12),
        (1.0, 10.0, 2.0, 2.0),
        (1.0, 1.0, 2.0, 2.0),
    ):
        T = max(0.0, 3 * (N1 * D1 - N2 * D2) / (N2 - N1))
        came = expect(even, N1, D1, N2, D2, gives=T, rtol=1e-6)
        both = [total_flops(N, D, float(came)) for N, D in ((N1, D1), (N2, D2))]
        require(both[0] <= both[1] * (1 + 1e-9), f"there the totals are {both}")


@exercise(
    "compute.frozen",
    asked="my_frozen(N, trained, tokens) gives the FLOPs of fine-tuning a model of N weights of "
    "which only `trained` learn",
    hint="forward takes 2 N a token; the gradient that is passed down takes 2 N more; only a "
    "weight that learns needs a gradient of its own, 2 each",
)
def _(frozen):
    for N, trained, tokens in ((7e9, 0, 1e6), (7e9, 7e9, 1e6), (100, 10, 3), (1e9, 4e6, 1e8)):
        gives = (4 * N + 2 * trained) * tokens
        expect(frozen, N, trained, tokens, gives=gives, rtol=1e-9, atol=0.0)


@exercise(
    "compute.served",
    asked="my_served(law, N, D) gives the tokens served for which N parameters on D tokens are "
    "the cheapest way to their loss; 0 where the model is too large even for none",
    hint="solve beta B / D^beta · (1 + T / 3D) = alpha A / N^alpha for T",
)
def _(served):
    for law in (BESIROGLU, HOFFMANN):
        for T in (0.0, 3e9, 2e12):
            N, D = law.lifetime(2.1, T)
            came = expect(served, law, N, D, gives=T, rtol=1e-4, atol=1e-3 * D)
            same(law.lifetime(2.1, max(0.0, float(came)))[0], N, "the best size there", rtol=1e-3)
        expect(served, law, 530e9, 270e9, gives=0.0)
