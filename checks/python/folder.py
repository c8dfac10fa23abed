"""Reads a model folder with the libraries that other people read it with: safetensors, onnx, tokenizers.

Usage: folder.py MODEL_FOLDER. The last line is `N passed, N failed`.
"""

import hashlib
import json

import numpy as np
import onnx
from counting import check, run
from safetensors.numpy import load_file
from tokenizers import Tokenizer


def folder(path):
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    config = json.loads((path / "config.json").read_text("utf-8"))
    check(manifest["format_version"] == 1 and config["model_type"] == "mdiff", "model folder: says what it is")
    for entry in manifest["files"]:
        data = (path / entry["path"]).read_bytes()
        check(len(data) == entry["size"] and hashlib.sha256(data).hexdigest() == entry["sha256"], f"model folder: {entry['path']} is what the manifest says")
    weights = load_file(path / "model.safetensors")
    check(weights and all(one.dtype == np.float32 and np.isfinite(one).all() for one in weights.values()), "model folder: weights are finite float32")
    check(weights["embedding.weight"].shape == (config["vocab_size"], config["d_model"]), "model folder: the embedding has the shape config.json says")
    onnx.checker.check_model(str(path / "onnx" / "model.onnx"), full_check=True)
    graph = onnx.load(str(path / "onnx" / "model.onnx")).graph
    check([one.name for one in graph.input] == ["input_ids", "attention_mask", "rows"], "model folder: inputs of the graph")
    check([one.name for one in graph.output] == ["logits"], "model folder: output of the graph")
    check(Tokenizer.from_file(str(path / "tokenizer.json")).get_vocab_size() == config["vocab_size"], "model folder: the tokenizer has the vocabulary of the model")


run("model folder", folder)
