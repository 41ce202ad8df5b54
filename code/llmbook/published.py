"""What others have published of their runs, as data: sizes, hours, energy, emissions.

Every figure was looked up in the source named beside it; what is not published is None. ``source``
is a key of the book's bibliography. FLOPs are the source's own where it gives them, and 6 N D
where it does not (`Account.counted` says which). Chapter *Compute, energy and cost* estimates the
right-hand columns from the left-hand ones.
"""

from dataclasses import dataclass

#: FLOP/s of matrix products in the format used for training, and the data sheet's watts. Sources:
#: Patterson et al. 2021, table 4 with note 12 (TPU v3, V100); the model cards of Llama 2 and 3.1
#: (watts of A100 and H100) and the makers' data sheets (312 and 989 TFLOP/s in bf16, dense).
CHIPS = {
    "TPU v3": (123e12, 450),
    "V100": (125e12, 300),
    "A100": (312e12, 400),
    "H100": (989e12, 700),
}


@dataclass(frozen=True)
class Account:
    """One training run, and the energy and emissions that were published for it."""

    name: str
    year: int
    chip: str  # a key of CHIPS
    flops: float  # of the whole run
    counted: str  # "published", or "6 N D"
    hours: float | None  # device hours, published as such
    achieved: float | None  # FLOP/s a device, measured
    watts: float  # a device: measured with its part of the machine, or the data sheet's
    measured: bool  # whether watts is a measurement
    pue: float  # of the building, 1 where the account leaves it out or has it in watts
    grams: float | None  # CO2-equivalent a kWh
    megawatt_hours: float | None
    tonnes: float  # CO2-equivalent, by the grid's own mix (not net of certificates)
    source: str


#: Patterson et al. 2021, table 4 (gross figures). BLOOM: Luccioni et al. 2022: dynamic power
#: only. Llama: the model cards, whose watts are the data sheet's "adjusted for PUE" and
#: which give no energy and no grid; the energy is hours times watts.
ACCOUNTS = (
    Account("T5", 2019, "TPU v3", 4.05e22, "published", None, 45.6e12, 310, True, 1.12, 545,
            85.7, 46.7, "patterson2021carbon"),
    Account("Meena", 2019, "TPU v3", 1.12e23, "published", None, 42.3e12, 289, True, 1.09, 415,
            232, 96.4, "patterson2021carbon"),
    Account("GShard", 2020, "TPU v3", 1.33e22, "published", None, 48.0e12, 288, True, 1.09, 201,
            24.1, 4.8, "patterson2021carbon"),
    Account("Switch", 2020, "TPU v3", 8.22e22, "published", None, 34.4e12, 245, True, 1.10, 403,
            179, 72.2, "patterson2021carbon"),
    Account("GPT-3", 2020, "V100", 3.14e23, "published", None, 24.6e12, 330, True, 1.10, 429,
            1287, 552.1, "patterson2021carbon"),
    Account("BLOOM", 2022, "A100", 6 * 176.247e9 * 366e9, "6 N D", 1_082_990, None, 400, False,
            1.0, 57, 433.196, 24.7, "luccioni2022estimating"),
    Account("Llama 2 7B", 2023, "A100", 6 * 7e9 * 2e12, "6 N D", 184_320, None, 400, False,
            1.0, None, None, 31.22, "touvron2023llama2"),
    Account("Llama 2 70B", 2023, "A100", 6 * 70e9 * 2e12, "6 N D", 1_720_320, None, 400, False,
            1.0, None, None, 291.42, "touvron2023llama2"),
    Account("Llama 3.1 8B", 2024, "H100", 6 * 8e9 * 15e12, "6 N D", 1.46e6, None, 700, False,
            1.0, None, None, 420, "dubey2024llama"),
    Account("Llama 3.1 70B", 2024, "H100", 6 * 70e9 * 15e12, "6 N D", 7.0e6, None, 700, False,
            1.0, None, None, 2040, "dubey2024llama"),
    Account("Llama 3.1 405B", 2024, "H100", 3.8e25, "published", 30.84e6, None, 700, False,
            1.0, None, None, 8930, "dubey2024llama"),
)  # fmt: skip

#: BLOOM's whole footprint in tonnes (Luccioni et al. 2022): what the computers did, what they and
#: the building drew besides, and the making of the equipment, shared out by hours.
BLOOM_TONNES = {"training power": 24.7, "idle power": 14.6, "equipment": 11.2}

#: DeepSeek-V3: H800 hours of the official run, and its price at the rent that the report assumes.
DEEPSEEK_HOURS, DEEPSEEK_RENT, DEEPSEEK_PRICE = 2.788e6, 2.0, 5.576e6

#: Utilisation while running, as published: PaLM's model FLOPs, and the lowest and highest of
#: Llama 3.1 405B's. PaLM's FLOPs, chip hours (6,144 chips for 1,200 h and 3,072 for 336 h, with
#: restarts) and the FLOP/s of a TPU v4 give the same over all hours paid for.
PALM = {"while running": 0.462, "flops": 2.56e24, "hours": 6144 * 1200 + 3072 * 336, "peak": 275e12}
LLAMA_405B_RUNNING = (0.38, 0.43)


@dataclass(frozen=True)
class Model:
    """Parameters that a token meets, tokens of training, and who says so."""

    name: str
    year: int
    N: float
    D: float
    source: str


#: Hoffmann et al. 2022, table 1 (first six); the models' own papers and cards (the rest). For
#: DeepSeek-V3 the parameters are those active for a token; all its experts have 671e9.
MODELS = (
    Model("GPT-3", 2020, 175e9, 300e9, "brown2020language"),
    Model("Jurassic", 2021, 178e9, 300e9, "hoffmann2022training"),
    Model("Gopher", 2021, 280e9, 300e9, "rae2021scaling"),
    Model("MT-NLG", 2022, 530e9, 270e9, "hoffmann2022training"),
    Model("LaMDA", 2022, 137e9, 168e9, "hoffmann2022training"),
    Model("Chinchilla", 2022, 70e9, 1.4e12, "hoffmann2022training"),
    Model("PaLM", 2022, 540e9, 780e9, "chowdhery2022palm"),
    Model("BLOOM", 2022, 176e9, 366e9, "scao2022bloom"),
    Model("LLaMA 13B", 2023, 13e9, 1.0e12, "touvron2023llama"),
    Model("LLaMA 65B", 2023, 65.2e9, 1.4e12, "touvron2023llama"),
    Model("Llama 2 7B", 2023, 7e9, 2e12, "touvron2023llama2"),
    Model("Llama 2 70B", 2023, 70e9, 2e12, "touvron2023llama2"),
    Model("Llama 3.1 8B", 2024, 8e9, 15e12, "dubey2024llama"),
    Model("Llama 3.1 70B", 2024, 70e9, 15e12, "dubey2024llama"),
    Model("Llama 3.1 405B", 2024, 405e9, 15.6e12, "dubey2024llama"),
    Model("DeepSeek-V3", 2024, 37e9, 14.8e12, "deepseek2024v3"),
)


def account(name: str) -> Account:
    """The account of that name; ValueError for another name."""
    return _named(ACCOUNTS, name)


def model(name: str) -> Model:
    """The model of that name; ValueError for another name."""
    return _named(MODELS, name)


def _named(entries, name):
    for entry in entries:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in entries)
    raise ValueError(f"there is no {name!r} in the table; it has {known}.")
