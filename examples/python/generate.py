"""Writes text with a model folder of mdiff, in Python alone: pip install onnxruntime tokenizers numpy

    python generate.py MODEL_FOLDER "The whale" --tokens 20
    python generate.py MODEL_FOLDER "The whale ___ the boat." --tokens 4      (___ is the gap to fill)

One token a pass: the position whose best token is likeliest is filled next (the sampler "confidence"). The text is printed last.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("text", nargs="?", default="")
parser.add_argument("--tokens", type=int, default=20, help="tokens to write")
parser.add_argument("--temperature", type=float, default=0.8, help="0 takes the likeliest token")
parser.add_argument("--seed", type=int, default=None)
args = parser.parse_args()

config = json.loads((args.folder / "config.json").read_text("utf-8"))
tokenizer = Tokenizer.from_file(str(args.folder / "tokenizer.json"))
session = onnxruntime.InferenceSession(str(args.folder / "onnx" / "model.onnx"), providers=["CPUExecutionProvider"])
generator = np.random.default_rng(args.seed)

before, gap, after = args.text.partition("___")
shift = int(config["shift_head"])  # the hidden row before a position predicts it, so that the canvas begins with [BOS]
# Tokens carry the space before a word: a space at the end of the given text belongs to the first token of the gap.
spaced = before.endswith(" ")
start = tokenizer.encode(before.removesuffix(" "), add_special_tokens=False).ids
end = tokenizer.encode(after, add_special_tokens=False).ids + [config["eos_token_id"]] if gap else []
mask = config["mask_token_id"]
canvas = np.array([config["bos_token_id"]] * shift + start + [mask] * args.tokens + end, np.int32)
if len(canvas) > config["max_seq_len"]:
    raise SystemExit(f"{len(canvas)} tokens are more than the {config['max_seq_len']} of this model: shorten the text or --tokens")

never = [config[f"{name}_token_id"] for name in ("mask", "pad", "bos", "sep")] + [config["eos_token_id"]] * bool(gap)
leading = np.array([tokenizer.decode([i], skip_special_tokens=False).startswith(" ") for i in range(config["vocab_size"])])
first = shift + len(start)
while (rows := np.flatnonzero(canvas == mask)).size:
    feed = {"input_ids": canvas[None], "attention_mask": np.ones_like(canvas)[None], "rows": (rows - shift).astype(np.int32)}
    (logits,) = session.run(["logits"], feed)
    logits = logits.astype(np.float64)
    logits[:, never] = -np.inf
    if spaced and rows[0] == first:
        logits[0, ~leading] = -np.inf
    scaled = (logits - logits.max(-1, keepdims=True)) / (args.temperature or 1)
    chances = np.exp(scaled) / np.exp(scaled).sum(-1, keepdims=True)
    best = chances.max(-1).argmax()
    token = generator.choice(len(chances[best]), p=chances[best]) if args.temperature else chances[best].argmax()
    canvas[rows[best]] = token

written = canvas[first : first + args.tokens].tolist()
if config["eos_token_id"] in written:
    written = written[: written.index(config["eos_token_id"])]
print(before.removesuffix(" ") + tokenizer.decode(written, skip_special_tokens=False) + after)
