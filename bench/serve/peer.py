"""The obvious server in Python: FastAPI, ONNX Runtime and tokenizers, one text a request, in the thread pool that FastAPI has for it.

Usage: peer.py MODEL_FOLDER PORT THREADS. It runs the same graph as mdiff and writes in the same way: one mask a pass, chosen at random.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from tokenizers import Tokenizer

folder, port, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
config = json.loads((folder / "config.json").read_text("utf-8"))
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(str(folder / "onnx" / "model.onnx"), options, providers=["CPUExecutionProvider"])
shift = int(config["shift_head"])
never = [config[f"{name}_token_id"] for name in ("mask", "pad", "bos", "sep", "eos")]
app = FastAPI()


class Request(BaseModel):
    prompt: str = ""
    max_tokens: int = 16
    seed: int | None = None
    temperature: float = 1.0


@app.post("/v1/completions")
def complete(request: Request):
    generator = np.random.default_rng(request.seed)
    start = tokenizer.encode(request.prompt, add_special_tokens=False).ids
    mask = config["mask_token_id"]
    # mdiff's canvas has masks behind the text too, so that its last sentence may run on.
    ahead = min(32, (config["max_seq_len"] - shift) >> 2)
    canvas = np.array([config["bos_token_id"]] * shift + start + [mask] * (request.max_tokens + ahead), np.int32)
    first = shift + len(start)
    for row in generator.permutation(np.arange(first, first + request.max_tokens)):
        feed = {"input_ids": canvas[None], "attention_mask": np.ones_like(canvas)[None], "rows": np.array([row - shift], np.int32)}
        (logits,) = session.run(["logits"], feed)
        logits = logits[0].astype(np.float64)
        logits[never] = -np.inf
        scaled = (logits - logits.max()) / request.temperature
        chances = np.exp(scaled) / np.exp(scaled).sum()
        canvas[row] = generator.choice(len(chances), p=chances)
    text = tokenizer.decode(canvas[first : first + request.max_tokens].tolist(), skip_special_tokens=False)
    return {"object": "text_completion", "choices": [{"index": 0, "text": text, "finish_reason": "length"}]}


uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")
