"""Real faults under `mdiff train`, each followed by --resume, which must end in the losses of an undisturbed run: a disk that fills up, a checkpoint with
a flipped bit or cut short, a text that has vanished, and a clock that jumps.

Usage: faults.py EMPTY_FOLDER. Needs Node and Python's standard library; as root on Linux it also fills a small disk (a tmpfs). The last line is
`N passed, N failed`. `npm run soak` kills runs, and terminal.py closes a terminal.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from counting import check, run

BIN = Path(__file__).parents[2] / "apps/mdiff/bin/mdiff.js"
STEPS = 24
SECONDS = 120  # the most that any run takes, also on a slow machine
CONFIG = """
output_dir: outputs
device: cpu
cache_dir: cache
hardware: {cpu_threads: 1}
tokenizer: {type: bpe}
model: {d_model: 64, n_layers: 2, n_heads: 2, d_ff: 128, vocab_size: 400, max_seq_len: 48}
training: {batch_size: 8, max_steps: %d, warmup_steps: 2, use_mixed_precision: false, log_every: 1, save_every: 4, eval_every: 12, keep_checkpoints: 3}
curriculum:
  stages:
    - {name: only, epochs: 1, masking_rate_range: [0.1, 1], data_selection: all, format_type: paragraphs}
""" % STEPS
# The clock of the process: back by a day after a second, ahead by a year after two.
CLOCK = """
const real = Date.now, start = real(), day = 86_400_000;
const shift = () => (real() - start < 1000 ? 0 : real() - start < 2000 ? -day : 365 * day);
const RealDate = Date;
globalThis.Date = class extends RealDate { constructor(...given) { given.length ? super(...given) : super(real() + shift()); } };
Date.now = () => real() + shift();
"""


def book(paragraphs):
    names = ["whale", "ship", "sea", "sailor", "storm", "captain", "island", "night", "harbour", "lantern"]
    word = lambda i, k: names[(i * i + 7 * k + i // 10) % 10]
    return "\n\n".join(f"The {word(i, 1)} saw the {word(i, 2)} in year {i}, and then the {word(i, 3)} of the {word(i, 4)}." for i in range(paragraphs))


class Run:
    """A run of one name in `folder`."""

    def __init__(self, folder, name, outputs="outputs", text="book.txt"):
        self.folder, self.text = folder, text
        self.place = folder / outputs / name
        self.settings = [f"experiment_name={name}", f"output_dir={folder / outputs}"]

    def command(self, *more):
        flags = [part for setting in self.settings for part in ("--set", setting)]
        return ["node", str(BIN), "train", self.text, "-c", "run.yaml", "--no-sample", *flags, *more]

    def train(self, *more, env=None):
        return subprocess.run(self.command(*more), cwd=self.folder, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=SECONDS)

    def lines(self):
        try:
            text = (self.place / "metrics.jsonl").read_text()
        except OSError:
            return []
        return [{key: value for key, value in json.loads(line).items() if key != "tokens_per_s"} for line in text.splitlines()]

    def interrupted(self, step):
        """Begins the run and sends SIGINT once it has logged `step`."""
        process = subprocess.Popen(self.command(), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + SECONDS
        while process.poll() is None and len(self.lines()) < step and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
        return process.returncode

    def newest(self):
        return sorted((self.place / "checkpoints").glob("step-*"))[-1]


def is_one_line(text):
    return text.count("\n") == 1 and "    at " not in text


def disk(folder, whole):
    place = folder / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], check=True)
    try:
        full = Run(folder, "full", outputs="disk")
        ended = full.train()
        check(ended.returncode == 1, f"disk full: exit code 1 (got {ended.returncode})")
        check(is_one_line(ended.stderr) and "disk full (ENOSPC); free space and run again" in ended.stderr, f"disk full: one line that says so ({ended.stderr.strip()!r})")
        check(0 < len(full.lines()) < STEPS, f"disk full: the run had begun ({len(full.lines())} steps)")
        again = full.train("--resume")
        check(again.returncode == 1 and "ENOSPC" in again.stderr, f"disk full: --resume says it again ({again.stderr.strip()!r})")
        subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
        freed = full.train("--resume")
        check(freed.returncode == 0 and full.lines() == whole, f"disk full: once there is space, --resume ends in the same losses ({freed.stderr.strip()!r})")
    finally:
        subprocess.run(["umount", str(place)], check=True)


def damaged(folder, whole, name, damage):
    one = Run(folder, name)
    check(one.interrupted(10) == 130, f"{name}: SIGINT ends the run with 130")
    checkpoint = one.newest()
    damage(checkpoint / "params.safetensors")
    ended = one.train("--resume")
    check(checkpoint.name in ended.stderr, f"{name}: says which checkpoint ({ended.stderr.strip()!r})")
    check(ended.returncode == 0 and one.lines() == whole, f"{name}: goes on from the one before, to the same losses")


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def vanished(folder, whole):
    shutil.copy(folder / "book.txt", folder / "vanishing.txt")
    one = Run(folder, "vanished", text="vanishing.txt")
    check(one.interrupted(6) == 130, "vanished text: SIGINT ends the run with 130")
    (folder / "vanishing.txt").unlink()
    ended = one.train("--resume")
    check(ended.returncode == 2 and is_one_line(ended.stderr) and "vanishing.txt" in ended.stderr, f"vanished text: one line, exit code 2 ({ended.stderr.strip()!r})")
    shutil.copy(folder / "book.txt", folder / "vanishing.txt")
    ended = one.train("--resume")
    check(ended.returncode == 0 and one.lines() == whole, f"vanished text: once it is back, --resume ends in the same losses ({ended.stderr.strip()!r})")


def clock(folder, whole):
    (folder / "clock.cjs").write_text(CLOCK)
    one = Run(folder, "clock")
    ended = one.train(env={"NODE_OPTIONS": f"--require {folder / 'clock.cjs'}"})
    check(ended.returncode == 0 and one.lines() == whole, f"a clock that jumps: the same losses ({ended.stderr.strip()!r})")
    left = [float(value) for value in re.findall(r"\bin (\d+) s", ended.stdout)]
    check(all(value < SECONDS for value in left), f"a clock that jumps: the time of the run is right ({left})")


def faults(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.yaml").write_text(CONFIG)
    (folder / "book.txt").write_text(book(300))
    undisturbed = Run(folder, "whole")
    ended = undisturbed.train()
    whole = undisturbed.lines()
    check(ended.returncode == 0 and len(whole) == STEPS, f"the undisturbed run ({ended.stderr.strip()!r})")
    if os.name == "posix" and os.geteuid() == 0 and shutil.which("mount"):
        disk(folder, whole)
    else:
        print("no root here: no disk is filled")
    damaged(folder, whole, "flipped-bit", flip)
    damaged(folder, whole, "cut-short", lambda path: os.truncate(path, 1000))
    vanished(folder, whole)
    clock(folder, whole)


run("faults", faults)
