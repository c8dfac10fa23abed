"""The denoiser in PyTorch, as a PyTorch user would write it for speed on a CPU.

    python torch_peer.py FOLDER --mode eager|compile --precision fp32|bf16 --attention sdpa|explicit

q, k, v and gate, up are one product each; the attention scale is folded into the rotation of q; the head is computed on
the evaluated rows only and without the row of [MASK]; AdamW is the fused one.
"""

import argparse
import contextlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from peer import decays, rotations, serve
from torch import nn


class Convolution(nn.Module):
    """x + depthwise convolution of x, whose taps never cross the border of a segment."""

    def __init__(self, width, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, channels))

    def forward(self, x, same):
        width, reach, length = len(self.weight), len(self.weight) // 2, x.shape[1]
        padded = F.pad(x, (0, 0, reach, reach))
        y = x * (1 + self.weight[reach])
        for tap in range(width):
            if tap != reach:
                read = padded[:, tap : tap + length]
                y = torch.addcmul(y, read if same is None else read * same[tap], self.weight[tap])
        return y


class Attention(nn.Module):
    def __init__(self, c, sdpa):
        super().__init__()
        self.heads, self.sdpa = c["n_heads"], sdpa
        self.norm = nn.RMSNorm(c["d_model"], eps=c["norm_eps"])
        self.qkv = nn.Linear(c["d_model"], 3 * c["d_model"], bias=False)
        self.o = nn.Linear(c["d_model"], c["d_model"], bias=False)

    def forward(self, x, allowed, bias, rotation):
        B, S, D = x.shape
        q, k, v = self.qkv(self.norm(x)).view(B, S, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        cos, sin, scaled_cos, scaled_sin = (table.to(q.dtype) for table in rotation)
        half = D // self.heads // 2
        q = q * scaled_cos + q.roll(half, -1) * scaled_sin
        k = k * cos + k.roll(half, -1) * sin
        if self.sdpa:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, scale=1.0)
        else:
            scores = q @ k.mT
            out = (scores if bias is None else scores + bias.to(q.dtype)).softmax(-1) @ v
        return self.o(out.transpose(1, 2).reshape(B, S, D))


class FeedForward(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm = nn.RMSNorm(c["d_model"], eps=c["norm_eps"])
        self.conv = Convolution(c["conv_width"], c["d_model"]) if c["conv_width"] else None
        self.gate_up = nn.Linear(c["d_model"], 2 * c["d_ff"], bias=False)
        self.down = nn.Linear(c["d_ff"], c["d_model"], bias=False)

    def forward(self, x, same):
        y = self.norm(x)
        if self.conv:
            y = self.conv(y, same)
        gate, up = self.gate_up(y).chunk(2, -1)
        return self.down(F.silu(gate) * up)


class Denoiser(nn.Module):
    def __init__(self, c, sdpa, length):
        super().__init__()
        D = c["d_model"]
        self.embedding = nn.Embedding(c["vocab_size"], D)
        self.conv = Convolution(c["conv_width"], D) if c["conv_width"] else None
        self.attention = nn.ModuleList(Attention(c, sdpa) for _ in range(c["n_layers"]))
        self.feed_forward = nn.ModuleList(FeedForward(c) for _ in range(c["n_layers"]))
        self.norm = nn.RMSNorm(D, eps=c["norm_eps"])
        self.sdpa = sdpa
        K = D // c["n_heads"]
        cos, sin = rotations(length, K)
        for name, table in dict(cos=cos, sin=sin, scaled_cos=cos / np.sqrt(K), scaled_sin=sin / np.sqrt(K)).items():
            self.register_buffer(name, torch.tensor(table, dtype=torch.float32), persistent=False)

    def logits(self, ids, segments, rows):
        """Of the rows [M]: [M, V - 1], without [MASK], id 0 (SUBS). segments None: each row of ids is one whole text."""
        allowed, bias, same = None, None, None
        if segments is not None:
            allowed = segments[:, None, :, None] == segments[:, None, None, :]
            bias = None if self.sdpa else torch.zeros(allowed.shape).masked_fill(~allowed, -1e9)
        x = self.embedding(ids)
        if self.conv and segments is not None:
            reach, length = len(self.conv.weight) // 2, ids.shape[1]
            padded = F.pad(segments, (reach, reach), value=-1)
            same = [(padded[:, tap : tap + length] == segments)[..., None].to(x.dtype) for tap in range(2 * reach + 1)]
        if self.conv:
            x = self.conv(x, same)
        rotation = (self.cos, self.sin, self.scaled_cos, self.scaled_sin)
        for attention, feed_forward in zip(self.attention, self.feed_forward):
            x = x + attention(x, allowed, bias, rotation)
            x = x + feed_forward(x, same)
        h = self.norm(x.flatten(0, 1)[rows])
        return F.linear(h, self.embedding.weight[1:])

    def forward(self, ids, segments, rows, targets, weights):
        logits = self.logits(ids, segments, rows)
        return (F.cross_entropy(logits, targets - 1, reduction="none") * weights).sum()


def load(model, weights):
    """Our names and [in, out] matrices into the modules' [out, in]."""
    own = dict(model.named_parameters())
    seen = set()

    def put(target, *names):
        seen.update(names)
        matrices = [torch.from_numpy(weights[name]) for name in names]
        value = torch.cat([matrix.T for matrix in matrices]) if own[target].dim() == 2 and "conv" not in target and "embedding" not in target else matrices[0]
        own.pop(target).data.copy_(value)

    put("embedding.weight", "embedding.weight")
    put("norm.weight", "norm.weight")
    if model.conv:
        put("conv.weight", "embedding.conv.weight")
    for i in range(len(model.attention)):
        at = f"blocks.{i}"
        put(f"attention.{i}.norm.weight", f"{at}.attn.norm.weight")
        put(f"attention.{i}.qkv.weight", *(f"{at}.attn.{part}.weight" for part in "qkv"))
        put(f"attention.{i}.o.weight", f"{at}.attn.o.weight")
        put(f"feed_forward.{i}.norm.weight", f"{at}.ff.norm.weight")
        if model.conv:
            put(f"feed_forward.{i}.conv.weight", f"{at}.ff.conv.weight")
        put(f"feed_forward.{i}.gate_up.weight", f"{at}.ff.gate.weight", f"{at}.ff.up.weight")
        put(f"feed_forward.{i}.down.weight", f"{at}.ff.down.weight")
    if own or seen != set(weights):
        sys.exit(f"weights left over: {sorted(set(weights) - seen)}; parameters without: {sorted(own)}")


def make(given):
    torch.set_num_threads(given["threads"])
    bf16 = options.precision == "bf16"
    model = Denoiser(given["model"], options.attention == "sdpa", given["S"])
    load(model, given["weights"])
    loss_of = model
    if options.mode == "compile":
        loss_of = torch.compile(model, fullgraph=True, dynamic=False)
    u = given["update"]
    named = list(model.named_parameters())
    groups = [dict(params=[p for name, p in named if decays(name) == decay], weight_decay=u["weightDecay"] if decay else 0.0) for decay in (True, False)]
    optimiser = torch.optim.AdamW(groups, lr=u["lr"], betas=(u["beta1"], u["beta2"]), eps=u["eps"], fused=True)
    parameters = [p for _, p in named]
    kind = lambda name, array: torch.from_numpy(array if array.dtype == np.float32 else array.astype(np.int64))
    batches = [{name: kind(name, batch[name]) for name in ("ids", "segments", "rows", "targets", "weights")} for batch in given["batches"]]

    def step(i):
        with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
            loss = loss_of(**batches[i % len(batches)])
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, u["clip"])
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return loss.item()

    matrices = {}

    def gemm(n):
        if n not in matrices:
            matrices[n] = torch.ones(n, n, dtype=torch.bfloat16 if bf16 else torch.float32)
        torch.mm(matrices[n], matrices[n])

    return step, gemm


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--mode", choices=["eager", "compile"], required=True)
    parser.add_argument("--precision", choices=["fp32", "bf16"], required=True)
    parser.add_argument("--attention", choices=["sdpa", "explicit"], required=True)
    options = parser.parse_args()
    serve(make)
