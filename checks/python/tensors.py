"""Reads the tensors that tensors.mjs wrote with the safetensors library and compares them with the same numbers in JSON.

Usage: tensors.py FOLDER. The last line is `N passed, N failed`.
"""

import json

import numpy as np
from counting import check, run
from safetensors.numpy import load_file


def tensors(folder):
    loaded = load_file(folder / "model.safetensors")
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    check(set(loaded) == {one["name"] for one in expected}, "safetensors: the same names")
    for one in expected:
        tensor = loaded.get(one["name"])
        same = tensor is not None and tensor.dtype == np.float32 and list(tensor.shape) == one["shape"]
        # Both sides hold the same float32 bits: no tolerance.
        check(same and np.array_equal(tensor.ravel(), np.array(one["data"], np.float32)), f"safetensors: {one['name']}")


run("safetensors", tensors)
