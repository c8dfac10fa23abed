"""Writes with a model folder by examples/python/generate.py, and compares it with what mdiff writes.

Usage: generate.py MODEL_FOLDER. The last line is `N passed, N failed`.
"""

import subprocess
import sys
from pathlib import Path

from counting import check, run

root = Path(__file__).resolve().parents[2]
ONE_AT_A_TIME = ["sampler=confidence", "num_steps=512", "block_length=null", "top_p=null", "top_k=null", "repetition_penalty=1", "word_guard=0"]
GAP = "He looked at ___{}, and then at the water."


def output(command):
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    return done.returncode, done.stdout.rstrip("\n"), done.stderr


def example(folder, *arguments):
    return output([sys.executable, str(root / "examples" / "python" / "generate.py"), str(folder), *arguments])


def mdiff(command, folder, *arguments):
    settings = [part for one in ONE_AT_A_TIME for part in ("--set", f"generation.{one}")]
    return output(["node", str(root / "apps" / "mdiff" / "bin" / "mdiff.js"), command, str(folder), *arguments, "--temperature", "0", *settings])


def texts(folder):
    _, filled, _ = mdiff("infill", folder, GAP.format(":3"))
    code, written, errors = example(folder, GAP.format(""), "--tokens", "3", "--temperature", "0")
    check(code == 0 and written == filled, f"at temperature 0 Python fills a gap as mdiff does: {written!r} and {filled!r} {errors}")
    _, filled, _ = mdiff("infill", folder, "He looked at ___:3 and then at the water.")
    _, written, _ = example(folder, "He looked at ___ and then at the water.", "--tokens", "3", "--temperature", "0")
    check(written == filled, f"a gap between spaces too: {written!r} and {filled!r}")
    first, again, other = (example(folder, "He looked", "--tokens", "12", "--seed", seed)[1] for seed in ("1", "1", "2"))
    check(first.startswith("He looked") and first == again != other, f"a seed decides the text: {first!r}, {again!r}, {other!r}")
    code, _, errors = example(folder, "He looked", "--tokens", "100000")
    check(code == 1 and "shorten the text or --tokens" in errors, f"a text that is too long is refused: {errors}")


run("Python example", texts)
