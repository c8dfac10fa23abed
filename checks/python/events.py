"""Reads the event files of a run as TensorBoard does, and compares them with its metrics.jsonl.

Usage: events.py RUN_FOLDER. The last line is `N passed, N failed`.
"""

import json
import math

from counting import check, run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def events(path):
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text("utf-8").splitlines()]
    read = EventAccumulator(str(path / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0})
    read.Reload()
    tags = read.Tags()
    check("optimizer/learning_rate" in tags["scalars"] and "heldout/bits_per_byte" in tags["scalars"], "event files: TensorBoard finds the scalars")

    def same(tag, key):
        # Held-out curves are by the same masks all the way: the last evaluation has its figure by them in "brief".
        drawn = [{**line, **line.get("brief", {})} for line in lines]
        wanted = [(line["step"], line[key]) for line in drawn if key in line]
        found = [(event.step, event.value) for event in read.Scalars(tag)]
        equal = len(wanted) == len(found) and all(
            a[0] == b[0] and math.isclose(a[1], b[1], rel_tol=1e-6, abs_tol=1e-12) for a, b in zip(wanted, found)
        )
        check(equal, f"event files: {tag} is {key} of metrics.jsonl, step by step")

    same("optimizer/learning_rate", "lr")
    same("optimizer/gradient_norm", "grad_norm")
    same("heldout/bits_per_byte", "bits_per_byte")
    times = [event.wall_time for event in read.Scalars("optimizer/learning_rate")]
    check(times == sorted(times) and times[0] > 1e9, "event files: times grow")


run("event files", events)
