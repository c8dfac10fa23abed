"""The denoiser in JAX: one jitted step with donated state, matrices in float32 or bfloat16.

    python jax_peer.py FOLDER --precision fp32|bf16
"""

import argparse
import functools
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
from peer import decays, rotations, serve


def rms_norm(x, gain, eps):
    return x * jax.lax.rsqrt(jnp.mean(jnp.square(x), -1, keepdims=True) + eps) * gain


def convolution(x, weight, same):
    """x + depthwise convolution of x, whose taps never cross the border of a segment."""
    width, length = len(weight), x.shape[1]
    padded = jnp.pad(x, ((0, 0), (width // 2, width // 2), (0, 0)))
    return x + sum(jnp.where(same[tap], padded[:, tap : tap + length], 0) * weight[tap] for tap in range(width))


def loss_of(params, batch, c, dtype):
    def product(equation, a, b):
        return jnp.einsum(equation, a.astype(dtype), b.astype(dtype), preferred_element_type=jnp.float32)

    segments = batch["segments"]
    B, S = segments.shape
    D, H = c["d_model"], c["n_heads"]
    K, W = D // H, c["conv_width"]
    allowed = segments[:, None, :, None] == segments[:, None, None, :]
    padded = jnp.pad(segments, ((0, 0), (W // 2, W // 2)), constant_values=-1)
    same = [(padded[:, tap : tap + S] == segments)[..., None] for tap in range(W)]
    cos, sin = (jnp.asarray(table, jnp.float32)[:, None] for table in rotations(S, K))
    rotate = lambda x: x * cos + jnp.roll(x, K // 2, -1) * sin

    table = params["embedding.weight"]
    x = table[batch["ids"]]
    if W:
        x = convolution(x, params["embedding.conv.weight"], same)
    for i in range(c["n_layers"]):
        p = lambda name: params[f"blocks.{i}.{name}.weight"]
        y = rms_norm(x, p("attn.norm"), c["norm_eps"])
        q, k, v = (product("bsd,de->bse", y, p(f"attn.{part}")).reshape(B, S, H, K) for part in "qkv")
        scores = product("bshk,bthk->bhst", rotate(q) / np.sqrt(K), rotate(k))
        weights = jax.nn.softmax(jnp.where(allowed, scores, -1e9), -1)
        out = product("bhst,bthk->bshk", weights, v).reshape(B, S, D)
        x = x + product("bsd,de->bse", out, p("attn.o"))
        y = rms_norm(x, p("ff.norm"), c["norm_eps"])
        if W:
            y = convolution(y, p("ff.conv"), same)
        inner = jax.nn.silu(product("bsd,df->bsf", y, p("ff.gate"))) * product("bsd,df->bsf", y, p("ff.up"))
        x = x + product("bsf,fd->bsd", inner, p("ff.down"))
    h = rms_norm(x.reshape(B * S, D)[batch["rows"]], params["norm.weight"], c["norm_eps"])
    logits = product("md,vd->mv", h, table[1:])  # SUBS: [MASK], id 0, is not among the classes
    return jnp.sum(optax.softmax_cross_entropy_with_integer_labels(logits, batch["targets"] - 1) * batch["weights"])


def make(given):
    u = given["update"]
    if hasattr(os, "sched_setaffinity"):  # XLA counts the cores it may use when it makes its first array
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given["threads"]])
    dtype = jnp.bfloat16 if options.precision == "bf16" else jnp.float32
    params = {name: jnp.asarray(value) for name, value in given["weights"].items()}
    optimiser = optax.chain(
        optax.clip_by_global_norm(u["clip"]),
        optax.adamw(u["lr"], b1=u["beta1"], b2=u["beta2"], eps=u["eps"], weight_decay=u["weightDecay"], mask={name: decays(name) for name in params}),
    )
    state = params, optimiser.init(params)
    batches = [{name: jnp.asarray(batch[name]) for name in ("ids", "segments", "rows", "targets", "weights")} for batch in given["batches"]]

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state, batch):
        params, moments = state
        loss, grads = jax.value_and_grad(loss_of)(params, batch, given["model"], dtype)
        updates, moments = optimiser.update(grads, moments, params)
        return (optax.apply_updates(params, updates), moments), loss

    def step(i):
        nonlocal state
        state, loss = update(state, batches[i % len(batches)])
        jax.block_until_ready(state)
        return float(loss)

    multiply = jax.jit(jnp.matmul)
    matrices = {}

    def gemm(n):
        if n not in matrices:
            matrices[n] = jnp.ones((n, n), dtype)
        multiply(matrices[n], matrices[n]).block_until_ready()

    return step, gemm


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--precision", choices=["fp32", "bf16"], required=True)
    options = parser.parse_args()
    serve(make)
