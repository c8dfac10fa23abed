"""The denoiser in NumPy, float64, for one text alone: what weights.py compares with the graph of a model folder.

It needs no PyTorch, which takes gigabytes; weights.py compares it with the logits that PyTorch gave to denoiser.py, too.
"""

import math

import numpy as np

erf = np.vectorize(math.erf)


def noise(count, salt):
    """uniform(-1, 1) from murmur3's finaliser of (index, salt), the same numbers as in packages/model/src/golden.test.util.ts"""
    x = (np.arange(count, dtype=np.uint64) + np.uint64(salt) * np.uint64(0x9E3779B9)) & np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x ^= x >> np.uint64(shift)
        x = (x * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return x.astype(np.float64) / 2**31 - 1


def shapes(c):
    D, V, ff, W = c["d_model"], c["vocab_size"], c["d_ff"], c["conv_width"]
    table = {"embedding.weight": (V, D)}
    if c["pos_encoding"] == "learned":
        table["position.weight"] = (c["max_seq_len"], D)
    if W:
        table["embedding.conv.weight"] = (W, D)
    norms = ["weight"] + (["bias"] if c["norm_type"] == "layernorm" else [])
    for i in range(c["n_layers"]):
        at = f"blocks.{i}"
        for part in norms:
            table[f"{at}.attn.norm.{part}"] = (D,)
        matrices = [(f"attn.{p}", D, D) for p in "qkvo"] + ["ff.norm"]
        matrices += ([("ff.gate", D, ff)] if c["activation"] == "swiglu" else []) + [("ff.up", D, ff), ("ff.down", ff, D)]
        for m in matrices:
            if m == "ff.norm":
                for part in norms:
                    table[f"{at}.ff.norm.{part}"] = (D,)
                if W:
                    table[f"{at}.ff.conv.weight"] = (W, D)
            else:
                table[f"{at}.{m[0]}.weight"] = (m[1], m[2])
                if c["use_bias"]:
                    table[f"{at}.{m[0]}.bias"] = (m[2],)
    for part in norms:
        table[f"norm.{part}"] = (D,)
    if not c["tie_embeddings"]:
        table["head.weight"] = (V, D)
    return table


def values(c):
    """The parameters of the golden cases, by name."""
    table = shapes(c)
    flat = noise(sum(math.prod(s) for s in table.values()), 1)
    params, at = {}, 0
    for name, shape in table.items():
        size = math.prod(shape)
        drawn = 0.3 * flat[at : at + size] + (1 if "norm.weight" in name else 0)
        # The test's parameters are float32: start from the same values.
        params[name] = drawn.astype(np.float32).astype(np.float64).reshape(shape)
        at += size
    return params


def norm(c, p, name, x):
    if c["norm_type"] == "layernorm":
        x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + c["norm_eps"])
    return x * p[f"{name}.weight"] + p.get(f"{name}.bias", 0)


def linear(p, name, x):
    return x @ p[f"{name}.weight"] + p.get(f"{name}.bias", 0)


def convolution(c, weight, x, causal):
    """Each channel alone, around its place; a causal row reads only what stands before."""
    if not c["conv_width"]:
        return x
    reach = len(weight) // 2
    padded = np.pad(x, ((reach, reach), (0, 0)))
    taps = range(reach + 1) if causal else range(len(weight))
    return x + sum(padded[tap : tap + len(x)] * weight[tap] for tap in taps)


def rotary(x):  # [H, n, K]
    _, n, K = x.shape
    turn = np.exp(1j * np.arange(n)[:, None] * 10000 ** (-np.arange(K // 2) / (K // 2))[None])
    turned = (x[..., : K // 2] + 1j * x[..., K // 2 :]) * turn
    return np.concatenate([turned.real, turned.imag], -1)


def softmax(x):
    raised = np.exp(x - x.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def attention(c, p, at, y, causal):
    n, D, H = len(y), c["d_model"], c["n_heads"]
    q, k, v = (linear(p, f"{at}.{part}", y).reshape(n, H, D // H).transpose(1, 0, 2) for part in "qkv")
    if c["pos_encoding"] == "rope":
        q, k = rotary(q), rotary(k)
    scores = q @ k.transpose(0, 2, 1) / math.sqrt(D // H)
    if causal:
        scores = np.where(np.tri(n, dtype=bool), scores, -np.inf)
    return linear(p, f"{at}.o", (softmax(scores) @ v).transpose(1, 0, 2).reshape(n, D))


ACTIVATIONS = {
    "swiglu": lambda p, at, y, up: (lambda gate: gate / (1 + np.exp(-gate)) * up)(linear(p, f"{at}.gate", y)),
    "gelu": lambda p, at, y, up: up * (1 + erf(up / math.sqrt(2))) / 2,
    "relu": lambda p, at, y, up: np.maximum(up, 0),
}


def logits(c, p, ids, causal=False):
    """ids [n] -> [n, V], without dropout."""
    n, D = len(ids), c["d_model"]
    x = p["embedding.weight"][ids]
    if c["pos_encoding"] == "learned":
        x = x + p["position.weight"][:n]
    if c["pos_encoding"] == "sinusoidal":
        angles = np.arange(n)[:, None] * 10000 ** (-np.arange(0, D, 2) / D)[None]
        x = x + c["init_std"] * math.sqrt(2) * np.stack([np.sin(angles), np.cos(angles)], -1).reshape(n, D)
    x = convolution(c, p.get("embedding.conv.weight"), x, causal)
    for i in range(c["n_layers"]):
        at = f"blocks.{i}"
        x = x + attention(c, p, f"{at}.attn", norm(c, p, f"{at}.attn.norm", x), causal)
        y = convolution(c, p.get(f"{at}.ff.conv.weight"), norm(c, p, f"{at}.ff.norm", x), causal)
        inner = ACTIVATIONS[c["activation"]](p, f"{at}.ff", y, linear(p, f"{at}.ff.up", y))
        x = x + linear(p, f"{at}.ff.down", inner)
    return norm(c, p, "norm", x) @ p.get("head.weight", p["embedding.weight"]).T
