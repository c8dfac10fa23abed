"""Golden files for @mdiff/model: an independent denoiser and AdamW in PyTorch.

    python checks/python/denoiser.py            (torch, CPU, a few seconds)

writes packages/model/fixtures/{denoiser,adamw}.json and .bin. The reference shares nothing with the TensorFlow.js code:
it runs every unit alone, as a sequence of its own, so packing, attention masks and convolution borders are checked
against a network that has none of them; rotary positions are complex products; gradients are autograd's; everything is
float64. Parameters, masks and batches come from a hash that the test computes too, so only results are stored.
"""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from network import noise, shapes, values

torch.set_num_threads(2)
torch.set_default_dtype(torch.float64)
OUT = Path(__file__).resolve().parents[2] / "packages" / "model" / "fixtures"

TINY = dict(d_model=16, n_layers=2, n_heads=2, d_ff=24, vocab_size=31, max_seq_len=12, norm_eps=1e-5, init_std=0.02)
CHOICES = dict(
    activation=["swiglu", "gelu", "relu"],
    norm_type=["rmsnorm", "layernorm"],
    pos_encoding=["rope", "learned", "sinusoidal"],
    use_bias=[False, True],
    tie_embeddings=[True, False],
    conv_width=[0, 3, 5, 7],
    dropout=[0, 0.25],
    attention_dropout=[0, 0.25],
    label_smoothing=[0, 0.1],
)
# Three rows of 12: two units and PAD; three units, causal; one unit that fills the row.
UNITS = [[5, 4], [3, 6, 2], [12]]
CAUSAL = [0, 1, 0]


def covering():
    """Few cases in which every pair of choices of every two keys occurs, found greedily in a fixed order."""
    keys = list(CHOICES)
    pairs = {(a, x, b, y) for a, b in itertools.combinations(keys, 2) for x in CHOICES[a] for y in CHOICES[b]}
    every = [dict(zip(keys, values)) for values in itertools.product(*CHOICES.values())]
    while pairs:
        gain = lambda case: sum((a, case[a], b, case[b]) in pairs for a, b in itertools.combinations(keys, 2))
        best = max(every, key=gain)
        pairs -= {(a, best[a], b, best[b]) for a, b in itertools.combinations(keys, 2)}
        yield best


def parameters(c):
    return {name: torch.tensor(one).requires_grad_() for name, one in values(c).items()}


def masks(c, B, S):
    drawn, salt = {}, 100
    def draw(name, shape, p):
        nonlocal salt
        salt += 1
        keep = noise(math.prod(shape), salt) >= 2 * p - 1
        drawn[name] = torch.tensor(np.where(keep, np.float64(np.float32(1 / (1 - p))), 0.0)).reshape(shape)
    for i in range(c["n_layers"]):
        if c["attention_dropout"]:
            draw(f"attention_dropout.{i}", (B, c["n_heads"], S, S), c["attention_dropout"])
        if c["dropout"]:
            draw(f"dropout.{i}.attn", (B, S, c["d_model"]), c["dropout"])
            draw(f"dropout.{i}.ff", (B, S, c["d_model"]), c["dropout"])
    return drawn


def norm(c, p, name, x):
    D = c["d_model"]
    if c["norm_type"] == "rmsnorm":
        return F.rms_norm(x, (D,), p[f"{name}.weight"], c["norm_eps"])
    return F.layer_norm(x, (D,), p[f"{name}.weight"], p[f"{name}.bias"], c["norm_eps"])


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"].T, p.get(f"{name}.bias"))


def convolution(c, weight, x, causal):
    if not c["conv_width"]:
        return x
    W, D = weight.shape
    if causal:
        weight = weight * (torch.arange(W) <= W // 2)[:, None]
    return x + F.conv1d(x.T[None], weight.T[:, None], padding=W // 2, groups=D)[0].T


def rotary(x):  # [H, n, K]
    _, n, K = x.shape
    angles = torch.arange(n)[:, None] * 10000 ** (-torch.arange(K // 2) / (K // 2))[None]
    turned = torch.complex(x[..., : K // 2], x[..., K // 2 :]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([turned.real, turned.imag], -1)


def forward(c, p, ids, causal, drop):
    """One unit alone: ids [n] -> final-normed hidden rows [n, D]."""
    n, D, H = len(ids), c["d_model"], c["n_heads"]
    x = p["embedding.weight"][ids]
    if c["pos_encoding"] == "learned":
        x = x + p["position.weight"][:n]
    if c["pos_encoding"] == "sinusoidal":
        angles = torch.arange(n)[:, None] * 10000 ** (-torch.arange(0, D, 2) / D)[None]
        x = x + c["init_std"] * math.sqrt(2) * torch.stack([angles.sin(), angles.cos()], -1).reshape(n, D)
    x = convolution(c, p.get("embedding.conv.weight"), x, causal)
    for i in range(c["n_layers"]):
        at = f"blocks.{i}"
        y = norm(c, p, f"{at}.attn.norm", x)
        q, k, v = (linear(p, f"{at}.attn.{part}", y).reshape(n, H, D // H).transpose(0, 1) for part in "qkv")
        if c["pos_encoding"] == "rope":
            q, k = rotary(q), rotary(k)
        scores = q @ k.transpose(1, 2) / math.sqrt(D // H)
        if causal:
            scores = scores.masked_fill(torch.ones(n, n).triu(1).bool(), -math.inf)
        weights = scores.softmax(-1) * drop.get(f"attention_dropout.{i}", 1)
        y = linear(p, f"{at}.attn.o", (weights @ v).transpose(0, 1).reshape(n, D))
        x = x + y * drop.get(f"dropout.{i}.attn", 1)
        y = convolution(c, p.get(f"{at}.ff.conv.weight"), norm(c, p, f"{at}.ff.norm", x), causal)
        up = linear(p, f"{at}.ff.up", y)
        inner = {"swiglu": lambda: F.silu(linear(p, f"{at}.ff.gate", y)) * up, "gelu": lambda: F.gelu(up), "relu": lambda: F.relu(up)}[c["activation"]]()
        x = x + linear(p, f"{at}.ff.down", inner) * drop.get(f"dropout.{i}.ff", 1)
    return norm(c, p, "norm", x)


def batch(c):
    B, S, V = len(UNITS), c["max_seq_len"], c["vocab_size"]
    ids = np.ones((B, S), int)  # PAD
    segments, positions = np.zeros((B, S), int), np.zeros((B, S), int)
    draw = np.floor((noise(B * S, 2) + 1) / 2 * V).astype(int).reshape(B, S)
    for b, lengths in enumerate(UNITS):
        at = 0
        for number, n in enumerate(lengths, 1):
            ids[b, at : at + n] = draw[b, at : at + n]
            segments[b, at : at + n] = number
            positions[b, at : at + n] = range(n)
            at += n
    filled = np.flatnonzero(segments.reshape(-1))
    rows = filled[noise(len(filled), 3) > -0.3]
    targets = 1 + np.floor((noise(len(rows), 4) + 1) / 2 * (V - 1)).astype(int)
    weights = (noise(len(rows), 5) + 1) / 8
    # Two filler rows: weight 0, and one of them names a row that is already evaluated.
    rows, targets, weights = np.append(rows, [0, rows[0]]), np.append(targets, [1, 1]), np.append(weights, [0, 0])
    return dict(ids=ids, segments=segments, positions=positions, rows=rows, targets=targets, weights=weights.astype(np.float32))


def run(c):
    p, data = parameters(c), batch(c)
    B, S = data["ids"].shape
    drop = masks(c, B, S)
    hidden = torch.zeros(B, S, c["d_model"])
    for b, lengths in enumerate(UNITS):
        at = 0
        for n in lengths:
            part = slice(at, at + n)
            mine = {k: v[b, :, part, part] if k.startswith("attention") else v[b, part] for k, v in drop.items()}
            hidden[b, part] = forward(c, p, torch.tensor(data["ids"][b, part]), CAUSAL[b], mine)
            at += n
    h = hidden.reshape(B * S, -1)[torch.tensor(data["rows"])]
    logits = h @ p.get("head.weight", p["embedding.weight"]).T
    # SUBS: [MASK], id 0, is not among the classes.
    ce = F.cross_entropy(logits[:, 1:], torch.tensor(data["targets"]) - 1, reduction="none", label_smoothing=c["label_smoothing"])
    loss = (ce * torch.tensor(data["weights"].astype(np.float64))).sum()
    loss.backward()
    return p, data, logits, loss


def write(name, index, arrays):
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.bin").write_bytes(np.concatenate([np.asarray(a, dtype="<f4").reshape(-1) for a in arrays]).tobytes())
    (OUT / f"{name}.json").write_text(json.dumps(index, indent=1) + "\n")


def denoiser():
    index, arrays = [], []
    for case in covering():
        c = {**TINY, **case}
        p, data, logits, loss = run(c)
        index.append(dict(config=c, loss=loss.item(), shapes={k: list(v.shape) for k, v in p.items()}, logits=list(logits.shape)))
        arrays += [logits.detach().numpy(), *(v.grad.numpy() for v in p.values())]
    shared = {k: v.reshape(-1).tolist() for k, v in data.items()}
    write("denoiser", dict(batch=dict(B=len(UNITS), S=TINY["max_seq_len"], causal=CAUSAL, **shared), cases=index), arrays)
    print(f"{len(index)} cases")


def adamw():
    """Five steps of torch.optim.AdamW after clip_grad_norm_, on a layout with every kind of parameter."""
    c = {**TINY, "d_model": 4, "d_ff": 6, "vocab_size": 9, "n_layers": 1, "activation": "swiglu", "norm_type": "layernorm",
         "pos_encoding": "learned", "use_bias": True, "tie_embeddings": False, "conv_width": 3}
    hyper = dict(beta1=0.9, beta2=0.95, eps=1e-8, weightDecay=0.1, clip=1.0)
    p = parameters(c)
    skipped = lambda name: "norm" in name or "bias" in name or name in ("embedding.weight", "position.weight")
    groups = [dict(params=[v for k, v in p.items() if skipped(k) == no], weight_decay=0 if no else hyper["weightDecay"]) for no in (False, True)]
    optimiser = torch.optim.AdamW(groups, betas=(hyper["beta1"], hyper["beta2"]), eps=hyper["eps"])
    rates, norms = [0.01, 0.02, 0.015, 0.01, 0.001], []
    total = sum(v.numel() for v in p.values())
    for step, lr in enumerate(rates, 1):
        flat, at = noise(total, 1000 + step).astype(np.float32).astype(np.float64) * 2.0 ** -(2 * step), 0
        for v in p.values():
            v.grad = torch.tensor(flat[at : at + v.numel()]).reshape(v.shape)
            at += v.numel()
        norms.append(torch.nn.utils.clip_grad_norm_(p.values(), hyper["clip"]).item())
        for group in optimiser.param_groups:
            group["lr"] = lr
        optimiser.step()
    flat = lambda tensors: np.concatenate([t.detach().numpy().reshape(-1) for t in tensors])
    state = [optimiser.state[v] for v in p.values()]
    write("adamw", dict(config=c, hyper=hyper, rates=rates, norms=norms), [flat(p.values()), flat(s["exp_avg"] for s in state), flat(s["exp_avg_sq"] for s in state)])


if __name__ == "__main__":
    denoiser()
    adamw()
