"""Checks that only Python can make: what mdiff writes, read by the libraries that other people will read it with.

Usage: checks.py tensors|folder FOLDER. The last line is `N passed, N failed`.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

counts = {True: 0, False: 0}


def check(holds, name):
    counts[bool(holds)] += 1
    print(("ok     " if holds else "FAILED ") + name)


def tensors(folder):
    from safetensors.numpy import load_file

    loaded = load_file(folder / "model.safetensors")
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    check(set(loaded) == {one["name"] for one in expected}, "safetensors: the same names")
    for one in expected:
        tensor = loaded.get(one["name"])
        same = tensor is not None and tensor.dtype == np.float32 and list(tensor.shape) == one["shape"]
        # Both sides hold the same float32 bits: no tolerance.
        check(same and np.array_equal(tensor.ravel(), np.array(one["data"], np.float32)), f"safetensors: {one['name']}")


def folder(path):
    import onnx
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

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


try:
    {"tensors": tensors, "folder": folder}[sys.argv[1]](Path(sys.argv[2]))
except Exception as error:  # a crash is a failure with a count, like any other
    check(False, f"{sys.argv[1]}: {type(error).__name__}: {error}")
print(f"{counts[True]} passed, {counts[False]} failed")
sys.exit(1 if counts[False] else 0)
