"""What training a GPT costs, from formulas: parameters, operations, bytes, time.

    >>> config = GPTConfig.gpt2(50257, context=1024, hidden_size=768, num_heads=12, num_layers=12)
    >>> parameters(config)                                # 124,439,808: GPT-2, small
    >>> train_flops(config, tokens=10**9) / (300e12 * .4) # seconds on a card of 300 TFLOP/s at 40 %

A FLOP is one addition or one multiplication of floating-point numbers; a product of matrices
``[m, k] @ [k, n]`` takes ``2 m k n``. Chapter *Scaling up* derives each formula and compares it
with a counted run. Sources: Kaplan et al. 2020, arXiv:2001.08361, section 2.1 (FLOPs); Rajbhandari
et al. 2020, arXiv:1910.02054, section 3 (bytes of a parameter).

Dimensions: B batch, T time, C hidden size, V vocabulary, L layers.
"""

from llmbook.models import GPTConfig

#: Bytes that training keeps for every parameter, by the precision it runs in.
BYTES_PER_PARAMETER = {
    "float32": {"weight": 4, "gradient": 4, "AdamW's two means": 8},
    # As most large runs do it: 16-bit weights and gradients to compute with, and a float32 copy.
    "mixed": {"weight": 2, "gradient": 2, "float32 weight": 4, "AdamW's two means": 8},
}


def matrix_parameters(config: GPTConfig) -> int:
    """Weights that every token is multiplied with: 12 C² a layer, and the head's V C."""
    C = config.hidden_size
    return 12 * config.num_layers * C * C + config.vocab_size * C


def parameters(config: GPTConfig) -> int:
    """All numbers that training sets: equal to ``GPT(config).num_params()``."""
    C, L, V = config.hidden_size, config.num_layers, config.vocab_size
    norm = 2 * C if config.norm == "layer" and config.bias else C
    biases = L * (4 * C + 5 * C) if config.bias else 0  # qkv and out; up and out
    looked_up = (0 if config.tie else V * C) + (
        config.context * C if config.positions == "learned" else 0
    )
    return matrix_parameters(config) + biases + (2 * L + 1) * norm + looked_up


def forward_flops(config: GPTConfig, tokens: int, time: int | None = None) -> int:
    """FLOPs in matrix products of reading ``tokens`` tokens in texts of ``time`` (the context).

    Two for every weight and token, and ``4 T C`` a layer and token for the scores q·k and the
    weighted sum of values (a kernel that skips what the causal mask hides needs half of these).
    """
    T = config.context if time is None else time
    attention = 4 * config.num_layers * T * config.hidden_size
    return tokens * (2 * matrix_parameters(config) + attention)


def train_flops(config: GPTConfig, tokens: int, time: int | None = None) -> int:
    """FLOPs of learning from ``tokens`` tokens: the way back costs twice the way forward, for
    each product there has a gradient with respect to both of its factors. About 6 N D."""
    return 3 * forward_flops(config, tokens, time)


def state_bytes(config: GPTConfig, precision: str = "float32", shards: int = 1) -> int:
    """Bytes of weights, gradients and AdamW's means on one device; fully sharded training
    divides all of them by the number of ``shards``."""
    if precision not in BYTES_PER_PARAMETER:
        known = ", ".join(BYTES_PER_PARAMETER)
        raise ValueError(f"precision is {precision!r}; expected one of {known}.")
    return sum(BYTES_PER_PARAMETER[precision].values()) * parameters(config) // shards


def seconds(flops: float, peak: float, utilisation: float = 0.4) -> float:
    """How long ``flops`` take where ``peak`` FLOP/s are to be had and a part of them is used."""
    if not 0 < utilisation <= 1:
        raise ValueError(f"utilisation is {utilisation}; expected a part, above 0 and up to 1.")
    return flops / (peak * utilisation)
