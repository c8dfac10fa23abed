"""Loads the weights of a model folder into the NumPy network of network.py and compares its logits with those of the folder's graph.

The network itself is compared with PyTorch first: with the logits of the golden cases that denoiser.py stored.
Usage: weights.py MODEL_FOLDER. The last line is `N passed, N failed`.
"""

import json
from pathlib import Path

import network
import numpy as np
import onnxruntime
from counting import check, run
from safetensors.numpy import load_file

GOLDEN = Path(__file__).resolve().parents[2] / "packages" / "model" / "fixtures"
# PyTorch's logits are stored in float32; the largest are about 10.
ROUNDED = 1e-6
# The graph computes in float32, the network in float64: logits of about 10 differ by some 3e-5.
MOST = 2e-4
LENGTHS = [7, 12]


def golden():
    """Pairs (configuration, largest difference to PyTorch) of the golden cases without dropout."""
    index = json.loads((GOLDEN / "denoiser.json").read_text("utf-8"))
    numbers = np.fromfile(GOLDEN / "denoiser.bin", "<f4")
    batch, place = index["batch"], 0
    ids, segments = (np.array(batch[key]).reshape(batch["B"], batch["S"]) for key in ("ids", "segments"))
    for case in index["cases"]:
        c = case["config"]
        wanted = numbers[place : place + np.prod(case["logits"])].reshape(case["logits"])
        # The gradients follow the logits.
        place += wanted.size + sum(int(np.prod(shape)) for shape in case["shapes"].values())
        if c["dropout"] or c["attention_dropout"]:
            continue
        p = network.values(c)
        every = np.zeros((batch["B"], batch["S"], c["vocab_size"]))
        for b, causal in enumerate(batch["causal"]):
            for unit in range(1, segments[b].max() + 1):
                part = segments[b] == unit
                every[b, part] = network.logits(c, p, ids[b, part], bool(causal))
        # A row of padding belongs to no text, and its loss counts nothing.
        counted = segments.reshape(-1)[batch["rows"]] > 0
        differs = np.abs(every.reshape(-1, c["vocab_size"])[batch["rows"]] - wanted)[counted]
        yield c, differs.max() / max(1, np.abs(wanted).max())


def weights(folder):
    worst = list(golden())
    check(len(worst) == 8 and all(differs < ROUNDED for _, differs in worst), f"network: the logits of PyTorch in {len(worst)} golden cases (largest relative difference {max(differs for _, differs in worst):.1e})")

    config = json.loads((folder / "config.json").read_text("utf-8"))
    tensors = load_file(folder / "model.safetensors")
    expected = network.shapes(config)
    check({name: one.shape for name, one in tensors.items()} == expected, "weights: names and shapes are those of the network")
    parameters = {name: one.astype(np.float64) for name, one in tensors.items()}

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
    wanted = np.concatenate([network.logits(config, parameters, ids) for ids in texts])
    # Reserved ids are never written, and the graph may leave their logits out.
    differs = np.abs(logits - wanted)[:, 5:]
    check(logits.shape == wanted.shape and np.isfinite(differs).all() and differs.max() < MOST, f"weights: the network has the logits of the graph (largest difference {differs.max():.1e})")
    check(np.array_equal(logits[:, 5:].argmax(1), wanted[:, 5:].argmax(1)), "weights: and the same likeliest token everywhere")


run("weights in NumPy", weights)
