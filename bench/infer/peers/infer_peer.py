"""Denoising steps in Python: PyTorch and ONNX Runtime, as a user of each would write them.

    python infer_peer.py MODEL_FOLDER INPUTS.json onnxruntime|int8|eager|compile [bf16]

Each text of a batch is [BOS], a prompt, masks. A step computes the logits of the block's masks, draws a token for each, and commits the likeliest.
Commands and answers are lines of JSON on stdin and stdout, as those of bench/train/peers/peer.py.
"""

import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[2] / "train" / "peers"))

folder, given, engine, *rest = sys.argv[1:]
given = json.loads(Path(given).read_text())
config = json.loads((Path(folder) / "config.json").read_text())
bf16 = rest == ["bf16"]
B, S, threads = given["batch"], len(given["canvas"]), given["threads"]
start = np.tile(np.array(given["canvas"], np.int64), (B, 1))
block = np.array(given["positions"], np.int64)
commits = given["commits"]
shift = int(config["shift_head"])
never = [config[f"{name}_token_id"] for name in ("pad", "bos", "eos", "sep")]


def rows_of(positions):
    """Flattened indices of the hidden rows that predict these positions [B, M]."""
    return (np.arange(B)[:, None] * S + positions - shift).reshape(-1)


def onnx_steps():
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    file = "model_quantized.onnx" if engine == "int8" else "model.onnx"
    session = onnxruntime.InferenceSession(str(Path(folder) / "onnx" / file), options, providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(1)

    def logits(canvas, positions):
        ids = canvas.astype(np.int32)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "rows": rows_of(positions).astype(np.int32)}
        return session.run(["logits"], feed)[0]

    def step(canvas, masks):
        """masks [B, M]: positions that are still masked. Returns those that stay so."""
        scores = logits(canvas, masks)
        scores[:, [config["mask_token_id"], *never]] = -np.inf
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        mass = np.cumsum(scores, -1)
        drawn = (mass < generator.random((len(mass), 1), np.float32) * mass[:, -1:]).sum(-1)
        chances = np.take_along_axis(scores, drawn[:, None], -1)[:, 0] / mass[:, -1]
        order = np.argsort(-chances.reshape(masks.shape), -1)
        best = order[:, :commits]
        texts = np.arange(B)[:, None]
        canvas[texts, masks[texts, best]] = drawn.reshape(masks.shape)[texts, best]
        return np.sort(masks[texts, order[:, commits:]], -1)

    def text():
        canvas, masks = start.copy(), np.tile(block, (B, 1))
        for _ in range(len(block) // commits):
            masks = step(canvas, masks)

    def check():
        scores = logits(start, np.tile(block, (B, 1))).astype(np.float64)
        scores[:, config["mask_token_id"]] = -np.inf
        most = scores.max(-1, keepdims=True)
        return float((np.log(np.exp(scores - most).sum(-1)) + most[:, 0]).mean())

    return text, check


def torch_steps():
    import torch
    from safetensors.numpy import load_file
    from torch_peer import Denoiser, load

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = Denoiser(config, True, S)
    load(model, load_file(Path(folder) / "model.safetensors"))
    model.eval()
    ids, places = torch.from_numpy(start), torch.from_numpy(block)
    texts = torch.arange(B)[:, None]

    def step(canvas, masked):
        """masked [B, M] says which positions of the block are still masked. All of the block are computed, so that shapes stay as they are."""
        scores = model.logits(canvas, None, (texts * S + places - shift).reshape(-1)).float()
        scores[:, [one - 1 for one in never]] = -torch.inf
        chances = scores.softmax(-1)
        drawn = torch.multinomial(chances, 1)
        certain = chances.gather(-1, drawn).view(B, -1).masked_fill(~masked, -1)
        best = certain.topk(commits).indices
        canvas = canvas.scatter(1, places[best], (drawn.view(B, -1) + 1).gather(1, best))
        return canvas, masked.scatter(1, best, False)

    run = torch.compile(step, dynamic=False) if engine == "compile" else step
    precision = torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext()

    def text():
        canvas, masked = ids, torch.ones(B, len(block), dtype=torch.bool)
        with torch.inference_mode(), precision:
            for _ in range(len(block) // commits):
                canvas, masked = run(canvas, masked)

    def check():
        with torch.inference_mode(), precision:
            return model.logits(ids, None, (texts * S + places - shift).reshape(-1)).double().logsumexp(-1).mean().item()

    return text, check


answers, sys.stdout = sys.stdout, sys.stderr
text, check = torch_steps() if engine in ("eager", "compile") else onnx_steps()
for line in sys.stdin:
    command = json.loads(line)
    times, losses = [], [check()] if command.get("check") else []
    for _ in range(command.get("texts", 0)):
        begun = time.perf_counter()
        text()
        times.append((time.perf_counter() - begun) * 1e3)
    print(json.dumps(dict(ms=times, losses=losses, peak_mb=0)), file=answers, flush=True)
