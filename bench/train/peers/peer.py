"""What every peer shares: the inputs that bench/train/main.mjs wrote, and the conversation with it.

A peer is `peer.py`'s `serve(make)` with `make(inputs) -> (step, gemm)`: `step(i)` runs one training step on batch
number i (modulo their count) and returns its loss; `gemm(n)` multiplies two [n, n] matrices once and waits for the result.
Commands and answers are lines of JSON on stdin and stdout; between them the process sleeps.
"""

import json
import re
import resource
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file


def inputs(folder):
    """The model's configuration, its weights by name (matrices [in, out]), the batches, the update and the threads."""
    found = json.loads((Path(folder) / "inputs.json").read_text())
    found["weights"] = load_file(Path(folder) / "weights.safetensors")
    for batch in found["batches"]:
        for name, values in batch.items():
            batch[name] = np.asarray(values, np.float32 if name == "weights" else np.int32)
        for name in ("ids", "segments", "positions"):
            batch[name] = batch[name].reshape(found["B"], found["S"])
    return found


def decays(name):
    """AdamW decays matrices, taps and an untied head; not norms, biases, embeddings."""
    return "norm" not in name and not name.endswith(".bias") and name not in ("embedding.weight", "position.weight")


def peak_mb():
    """Largest resident memory so far, 10⁶ bytes. VmHWM is the process's own; ru_maxrss would include the parent it was forked from."""
    try:
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def rotations(length, width):
    """cos and signed sin [length, width] of rotate-half rotary positions, base 10000."""
    half = width // 2
    angles = np.arange(length)[:, None] * 10000.0 ** (-np.arange(half) / half)[None]
    return np.concatenate([np.cos(angles)] * 2, 1), np.concatenate([-np.sin(angles), np.sin(angles)], 1)


def serve(make):
    # Libraries that print must not break the conversation.
    answers, sys.stdout = sys.stdout, sys.stderr
    step, gemm = make(inputs(sys.argv[1]))
    done = 0
    for line in sys.stdin:
        command = json.loads(line)
        times, losses = [], []
        for _ in range(command.get("steps", 0)):
            begun = time.perf_counter()
            losses.append(step(done))
            times.append((time.perf_counter() - begun) * 1e3)
            done += 1
        size = command.get("gemm", 0)
        if size:
            gemm(size)
            for _ in range(command["repeats"]):
                begun = time.perf_counter()
                gemm(size)
                times.append((time.perf_counter() - begun) * 1e3)
        print(json.dumps(dict(ms=times, losses=losses, peak_mb=peak_mb())), file=answers, flush=True)
