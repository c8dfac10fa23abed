"""Loads the weights of a model folder into the PyTorch reference of denoiser.py and compares its logits with those of the folder's graph.

Usage: weights.py MODEL_FOLDER. Needs PyTorch beside requirements.txt. The last line is `N passed, N failed`.
"""

import json

import numpy as np
import onnxruntime
import torch
from counting import check, run
from denoiser import forward, shapes
from safetensors.numpy import load_file

# The graph computes in float32, the reference in float64: logits of about 10 differ by some 3e-5.
MOST = 2e-4
LENGTHS = [7, 12]


def reference(config, parameters, ids):
    """Logits [n, V] of every hidden row of one text."""
    hidden = forward(config, parameters, torch.tensor(ids), False, {})
    return (hidden @ parameters.get("head.weight", parameters["embedding.weight"]).T).numpy()


def weights(folder):
    config = json.loads((folder / "config.json").read_text("utf-8"))
    tensors = load_file(folder / "model.safetensors")
    expected = shapes(config)
    check({name: one.shape for name, one in tensors.items()} == expected, "weights: names and shapes are those of the reference")
    parameters = {name: torch.tensor(one.astype(np.float64)) for name, one in tensors.items()}

    # Ordinary tokens with a mask at every third position; the shorter text is padded.
    draw = np.random.default_rng(1)
    texts = [draw.integers(5, config["vocab_size"], size=n) for n in LENGTHS]
    for ids in texts:
        ids[::3] = config["mask_token_id"]
    longest = max(LENGTHS)
    padded = np.array([np.pad(ids, (0, longest - len(ids)), constant_values=config["pad_token_id"]) for ids in texts], np.int32)
    attention = np.array([[1] * n + [0] * (longest - n) for n in LENGTHS], np.int32)
    rows = np.flatnonzero(attention).astype(np.int32)
    session = onnxruntime.InferenceSession(str(folder / "onnx" / "model.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"input_ids": padded, "attention_mask": attention, "rows": rows})
    with torch.no_grad():
        wanted = np.concatenate([reference(config, parameters, ids) for ids in texts])
    # Reserved ids are never written, and the graph may leave their logits out.
    differs = np.abs(logits - wanted)[:, 5:]
    check(logits.shape == wanted.shape and np.isfinite(differs).all() and differs.max() < MOST, f"weights: the reference has the logits of the graph (largest difference {differs.max():.1e})")
    check(np.array_equal(logits[:, 5:].argmax(1), wanted[:, 5:].argmax(1)), "weights: and the same likeliest token everywhere")


run("weights in PyTorch", weights)
