"""Models that were trained as ONNX in Node give the same numbers in Python.

Usage: trained.py FOLDER, which checks/trace/trained.mjs wrote. The last line is `N passed, N failed`.
"""

import json

import numpy as np
import onnxruntime
from counting import check, run

# As in checks/trace/trained.mjs.
CLOSE = 1e-5


def array(one, dtype):
    return np.array(one["data"], dtype).reshape(one["dims"])


def trained(folder):
    for path in sorted(folder.glob("*.json")):
        case = json.loads(path.read_text("utf-8"))
        names = list(case["outputs"])
        inputs = {name: array(one, np.float32) for name, one in case["inputs"].items()}
        found = onnxruntime.InferenceSession(path.with_suffix(".onnx")).run(names, inputs)
        expected = [array(case["outputs"][name], np.float64) for name in names]
        apart = max(float(np.max(np.abs(a - b) / np.maximum(1, np.abs(b)))) for a, b in zip(found, expected))
        check(apart < CLOSE, f"{path.stem}: Python has the numbers of Node ({apart:.1e} apart)")


run("trained models", trained)
