"""The autoregressive twin: the weights of a model folder in PyTorch, under the causal mask, with a key/value cache.

    python torch_twin.py MODEL_FOLDER < request.json

The request names temperature, top_p, tokens (new ones of each text), batches, threads (counts to try; 0 = PyTorch's choice), seed, and `check`, ids to
read. One line of JSON is printed for `check`: the log-probability of each of its ids given those before it, read one at a time through the cache. Then
one line for each batch, of the fastest of its rounds (for each count of threads at most `rounds`, or `enough` seconds of them): seconds, seconds of the
processor, and the ids of its texts. [EOS] is not drawn, so that every text has `tokens` new ones; everything is float32.
"""

import json
import math
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class Twin:
    """Letters: B texts, H heads, K width of a head, C places of the cache, R positions that a convolution reads before its own."""

    def __init__(self, folder):
        self.c = c = json.loads((folder / "config.json").read_text("utf-8"))
        p = load_file(folder / "model.safetensors")
        wanted = dict(pos_encoding="rope", norm_type="rmsnorm", activation="swiglu", use_bias=False, shift_head=True)
        other = [f"{key} {c[key]!r}" for key, value in wanted.items() if c[key] != value]
        if other:
            sys.exit(f"the twin knows rotary positions, RMSNorm and SwiGLU without biases; this folder has {', '.join(other)}")
        self.K = c["d_model"] // c["n_heads"]
        self.R = c["conv_width"] // 2
        self.p = p
        self.head = p.get("head.weight", p["embedding.weight"])
        self.blocks = []
        for i in range(c["n_layers"]):
            one = lambda name, at=f"blocks.{i}.": p[at + name]
            # One product for queries, keys and values, and one for the gate and what it gates. F.linear wants rows of outputs.
            qkv = torch.cat([one(f"attn.{part}.weight") for part in "qkv"], 1).T.contiguous()
            up = torch.cat([one("ff.gate.weight"), one("ff.up.weight")], 1).T.contiguous()
            taps = one("ff.conv.weight")[: self.R + 1] if self.R else None
            o, down = one("attn.o.weight").T.contiguous(), one("ff.down.weight").T.contiguous()
            self.blocks.append((one("attn.norm.weight"), qkv, o, one("ff.norm.weight"), taps, up, down))
        angles = torch.arange(c["max_seq_len"])[:, None] * 10000 ** (-torch.arange(self.K // 2) / (self.K // 2))[None]
        self.cos, self.sin = (torch.cat([f(angles), f(angles)], -1) for f in (torch.cos, torch.sin))
        self.sin[:, : self.K // 2] *= -1

    def begin(self, batch, places):
        c = self.c
        cache = lambda: torch.zeros(c["n_layers"], batch, c["n_heads"], places, self.K)
        self.keys, self.values, self.read = cache(), cache(), 0
        self.windows = torch.zeros(c["n_layers"] + 1, batch, self.R, c["d_model"])

    def rotated(self, x):  # [B, H, 1, K]
        return x * self.cos[self.read] + x.roll(self.K // 2, -1) * self.sin[self.read]

    def convolved(self, i, taps, x):  # [B, D]; the window then holds the last R inputs
        if not self.R:
            return x
        every = torch.cat([self.windows[i], x[:, None]], 1)
        self.windows[i] = every[:, 1:]
        return x + (every * taps).sum(1)

    def norm(self, x, weight):
        return F.rms_norm(x, (x.shape[-1],), weight, self.c["norm_eps"])

    def next(self, ids):
        """ids [B], the tokens at the next position -> logits [B, V] of what follows them"""
        B, D, H = len(ids), self.c["d_model"], self.c["n_heads"]
        taps = self.p["embedding.conv.weight"][: self.R + 1] if self.R else None
        x = self.convolved(len(self.blocks), taps, self.p["embedding.weight"][ids])
        for i, (norm1, qkv, o, norm2, taps, up, down) in enumerate(self.blocks):
            q, k, v = F.linear(self.norm(x, norm1), qkv).view(B, 3, H, 1, self.K).unbind(1)
            self.keys[i, :, :, self.read] = self.rotated(k)[:, :, 0]
            self.values[i, :, :, self.read] = v[:, :, 0]
            past = slice(0, self.read + 1)
            y = F.scaled_dot_product_attention(self.rotated(q), self.keys[i, :, :, past], self.values[i, :, :, past])
            x = x + F.linear(y.reshape(B, D), o)
            gate, wide = F.linear(self.convolved(i, taps, self.norm(x, norm2)), up).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * wide, down)
        self.read += 1
        return F.linear(self.norm(x, self.p["norm.weight"]), self.head)


def drawn(logits, c, temperature, top_p):
    logits[:, [c["mask_token_id"], c["pad_token_id"], c["bos_token_id"], c["eos_token_id"], c["sep_token_id"]]] = -math.inf
    chances = (logits / temperature).softmax(-1)
    # Sorting the whole vocabulary would take longer than the network; a few hundred tokens nearly always hold top_p.
    ordered, ids = chances.topk(min(256, chances.shape[-1]), -1)
    if ordered.sum(-1).min() < top_p:
        ordered, ids = chances.sort(-1, descending=True)
    # A token stays if those before it hold less than top_p.
    ordered[ordered.cumsum(-1) - ordered >= top_p] = 0
    return ids.gather(1, torch.multinomial(ordered, 1))[:, 0]


def write(twin, batch, tokens, temperature, top_p):
    twin.begin(batch, tokens + 1)
    ids = torch.full((batch,), twin.c["bos_token_id"])
    out = []
    for _ in range(tokens):
        ids = drawn(twin.next(ids), twin.c, temperature, top_p)
        out.append(ids)
    return torch.stack(out, 1)


@torch.inference_mode()
def main():
    request = json.load(sys.stdin)
    usual = torch.get_num_threads()
    torch.manual_seed(request["seed"])
    twin = Twin(Path(sys.argv[1]))
    ids = request["check"]
    twin.begin(1, len(ids))
    logs = [twin.next(torch.tensor([one]))[0].log_softmax(-1)[then].item() for one, then in zip(ids, ids[1:])]
    print(json.dumps(logs), flush=True)
    settings = (request["tokens"], request["temperature"], request["top_p"])
    for batch in request["batches"]:
        best = []
        for threads in request["threads"]:
            torch.set_num_threads(threads or usual)
            write(twin, batch, min(8, request["tokens"]), *settings[1:])  # warms up
            rounds = []
            while len(rounds) < request["rounds"] and sum(one["seconds"] for one in rounds) < request["enough"]:
                wall, processor = time.perf_counter(), time.process_time()
                texts = write(twin, batch, *settings)
                rounds.append(dict(batch=batch, seconds=time.perf_counter() - wall, processor=time.process_time() - processor, texts=texts.tolist()))
            best.append(min(rounds, key=lambda one: one["seconds"]))
        print(json.dumps(min(best, key=lambda one: one["seconds"])), flush=True)


main()
