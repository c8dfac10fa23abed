"""Presses Ctrl-C in `mdiff train` and `mdiff generate` on a real terminal, and closes the terminal: in every phase of a run, with and without a pipe to tee.

Usage: terminal.py EMPTY_FOLDER. Needs bash, Node and Python's standard library. The last line is `N passed, N failed`.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from pathlib import Path

from counting import check, run

BIN = Path(__file__).parents[2] / "apps/mdiff/bin/mdiff.js"
MODEL = Path(__file__).parents[2] / "packages/generate/fixtures/shifted"
SECONDS = 120  # the most that any phase takes, also on a slow machine
CTRL_C = b"\x03"
CONFIG = """
output_dir: outputs
cache_dir: cache
hardware: {cpu_threads: 1}
tokenizer: {type: bpe}
model: {d_model: 64, n_layers: 2, n_heads: 2, d_ff: 128, vocab_size: 400, max_seq_len: 48}
training: {batch_size: 8, max_steps: 20000, warmup_steps: 10, log_every: 1, save_every: 1000000, eval_every: 0}
curriculum:
  stages:
    - {name: only, epochs: 1, masking_rate_range: [0.1, 1], data_selection: all, format_type: paragraphs}
"""


class Terminal:
    """An interactive shell on a pseudo-terminal of its own."""

    def __init__(self, folder):
        self.output = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))

    def type(self, keys):
        os.write(self.fd, keys)

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if ready:
            self.output += os.read(self.fd, 65536).decode(errors="replace")

    def until(self, pattern):
        """Waits for output; the command line that the terminal echoes is not taken for it."""
        end = time.monotonic() + SECONDS
        while not (match := re.search(pattern, self.output)):
            if time.monotonic() > end:
                raise TimeoutError(f"no {pattern} in {self.output[-500:]!r}")
            self.read(0.1)
        return match

    def start(self, command):
        self.type(f"{command}\n".encode())

    def codes(self):
        """The exit codes of the command and of those that it is piped to."""
        # A line of its own, as bash leaves out the rest of a line whose pipeline SIGINT has ended. The quotes keep its echo from matching.
        self.type(b'echo "co"des="${PIPESTATUS[*]}"=\n')
        return [int(code) for code in self.until(r"codes=([\d ]+)=")[1].split()]

    def end(self):
        """Ends the shell and what it runs."""
        try:
            os.kill(self.pid, signal.SIGHUP)
            os.close(self.fd)
        except OSError:
            pass  # the case has closed it
        os.waitpid(self.pid, 0)


def book(paragraphs):
    names = ["whale", "ship", "sea", "sailor", "storm", "captain", "island", "night", "harbour", "lantern"]
    word = lambda i, k: names[(i * i + 7 * k + i // 10) % 10]
    return "\n\n".join(f"The {word(i, 1)} saw the {word(i, 2)} in year {i}, and then the {word(i, 3)} of the {word(i, 4)}." for i in range(paragraphs))


def saved(folder, name):
    """The step of the run record, if it has a checkpoint."""
    try:
        step = json.loads((folder / "outputs" / name / "run.json").read_text())["step"]
    except (OSError, ValueError):
        return 0
    return step if (folder / "outputs" / name / "checkpoints" / f"step-{step:08}" / "manifest.json").exists() else 0


def train(name, *settings, text="book.txt"):
    flags = " ".join(f"--set {setting}" for setting in (f"experiment_name={name}", *settings))
    return f"node {BIN} train {text} -c run.yaml --no-sample {flags}"


def training(folder, shell):
    shell.start(train("training"))
    shell.until(r"step +\d+/")
    shell.type(CTRL_C)
    check(shell.codes() == [130], "Ctrl-C during training: exit code 130")
    step = saved(folder, "training")
    check(step >= 1 and f"saved at step {step} of 20000; go on with: npx mdiff train --resume" in shell.output, "Ctrl-C during training: the run is saved, and says so")
    check(shell.output.count("stopping after this step, saving") == 1, "Ctrl-C during training: one signal, not one for each process")


def twice(folder, shell):
    shell.start(train("twice", "model.d_model=256", "model.n_layers=8", "training.batch_size=64"))
    shell.until(r"step +1/")
    shell.type(CTRL_C)
    shell.until("once more: stop at once")
    shell.type(CTRL_C)
    check(shell.codes() == [130], "Ctrl-C twice: ends at once with exit code 130")
    check("SIGABRT" not in shell.output and "    at " not in shell.output, "Ctrl-C twice: no crash and no stack")


def preparing(folder, shell):
    (folder / "long.txt").write_text(book(60_000))
    shell.start(train("preparing", text="long.txt"))
    shell.until("tokenizing: ")
    shell.type(CTRL_C)
    check(shell.codes() == [130], "Ctrl-C during preparation: exit code 130")
    check("there is nothing to save" in shell.output and "saving …" not in shell.output, "Ctrl-C during preparation: does not say that it saves")
    check("was interrupted before any training; run the same command again" in shell.output, "Ctrl-C during preparation: says how to go on")
    check(not (folder / "outputs/preparing/run.json").exists(), "Ctrl-C during preparation: no run is left")


def watched(folder, shell):
    (folder / "watched.txt").write_text(book(300_000))
    shell.start(train("watched", text="watched.txt"))
    shell.until("tokenizing: ")
    other = Terminal(folder)
    try:
        other.start(f"node {BIN} watch watched")
        other.until("▸ tokenizing: ")
        check("step" not in other.output, "mdiff watch during preparation: shows the phase")
        shell.type(CTRL_C)
        other.until("no process prepares this run any more")
        check(other.codes() == [0], "mdiff watch during preparation: ends with the run")
    finally:
        other.end()
    check(shell.codes() == [130], "a preparation that is watched: exit code 130")


def evaluating(folder, shell):
    # Half of a longer text, one unit a batch: the evaluation goes on for seconds after its first progress line.
    (folder / "evaluated.txt").write_text(book(3000))
    settings = ("training.max_steps=2", "training.val_split=0.5", "training.val_batch_size=1", "training.save_every=1")
    shell.start(train("evaluating", *settings, text="evaluated.txt"))
    shell.until(r"evaluating \d+%")
    shell.type(CTRL_C)
    check(shell.codes() == [130], "Ctrl-C during the evaluation: exit code 130")
    check(saved(folder, "evaluating") == 2 and "saved at step 2 of 2" in shell.output, "Ctrl-C during the evaluation: the run is saved")
    check("exporting" not in shell.output, "Ctrl-C during the evaluation: nothing is exported")
    shell.output = ""
    shell.start(f"node {BIN} train --resume evaluating --no-sample")
    check(shell.codes() == [0] and "held-out NELBO" in shell.output, "Ctrl-C during the evaluation: --resume evaluates")


def piped(folder, shell, name, pipe):
    shell.start(f"{train(name)} {pipe}")
    end = time.monotonic() + SECONDS
    metrics = folder / "outputs" / name / "metrics.jsonl"
    while time.monotonic() < end and not (metrics.exists() and metrics.read_text().count("\n") >= 3):
        shell.read(0.1)
    shell.type(CTRL_C)
    codes = shell.codes()
    check(codes[0] == 130, f"Ctrl-C with {pipe}: exit code 130 (got {codes})")
    check(saved(folder, name) >= 3, f"Ctrl-C with {pipe}: the run is saved, although tee has ended")


def hangup(folder, shell):
    shell.start(train("hangup"))
    shell.until(r"step +\d+/")
    os.close(shell.fd)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and saved(folder, "hangup") < 1:
        time.sleep(0.1)
    check(saved(folder, "hangup") >= 1, "the terminal is closed: the run is saved")


# One text takes some seconds, so a key pressed after the first finds the second one under way.
GENERATE = f"node {BIN} generate {MODEL} --min-tokens 3000 --max-tokens 3000 --seed 1 -n 5"


def generating(folder, shell):
    shell.start(f"{GENERATE} > texts.txt")
    shell.until(r"text 2/5, step")
    shell.type(CTRL_C)
    check(shell.codes() == [130], "Ctrl-C during generate: exit code 130")
    texts = (folder / "texts.txt").read_text()
    check(len(texts) > 1000 and "░" not in texts, "Ctrl-C during generate: the text that is finished is written")
    check("    at " not in shell.output, "Ctrl-C during generate: no stack")


def generating_twice(folder, shell):
    shell.start(f"{GENERATE} > twice.txt")
    shell.until(r"text 2/5, step")
    shell.type(CTRL_C + CTRL_C)
    check(shell.codes() in ([130], [-2]), "Ctrl-C twice during generate: exit code 130")
    check("SIGABRT" not in shell.output and "    at " not in shell.output, "Ctrl-C twice during generate: no crash and no stack")


def screen(output, rows):
    """What a terminal shows: only the sequences that --watch writes are known."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[\d*[A-Z]|\r|\n|[^\x1b\r\n]", output):
        if part == "\r":
            column = 0
        elif part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif part.startswith("\x1b") and part.endswith("A"):
            row = max(row - int(part[2:-1] or 1), max(0, len(lines) - rows))
        elif part == "\x1b[J":
            lines = lines[: row + 1]
            lines[row] = lines[row][:column]
        elif not part.startswith("\x1b"):
            lines[row] = lines[row][:column] + part
            column += 1
    return lines


def watching(folder, shell):
    fcntl.ioctl(shell.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 8, 14, 0, 0))
    # Two columns each: the prompt takes a whole line of every frame.
    (folder / "wide.txt").write_text("鯨" * 7)
    shell.start(f"node {BIN} generate {MODEL} --prompt - --max-tokens 12 --min-tokens 4 --seed 1 -n 2 --watch < wide.txt; echo watch-en''ds")
    shell.until("watch-ends")
    check("░" in shell.output, "--watch: shows masks")
    lines = screen(shell.output, 8)
    check(not any("░" in line for line in lines), "--watch: no frame is left, also where characters are two columns wide")
    check(sum("鯨" in line for line in lines) == 2, "--watch: each text stands there once")


def terminal(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.yaml").write_text(CONFIG)
    (folder / "book.txt").write_text(book(400))
    cases = {
        "training": training,
        "twice": twice,
        "preparing": preparing,
        "watched": watched,
        "evaluating": evaluating,
        "tee": lambda *both: piped(*both, "tee", "| tee tee.log"),
        "tee-both": lambda *both: piped(*both, "tee-both", "2>&1 | tee tee-both.log"),
        "hangup": hangup,
        "generating": generating,
        "generating-twice": generating_twice,
        "watching": watching,
    }
    for name, case in cases.items():
        shell = Terminal(folder)
        try:
            case(folder, shell)
        except Exception as error:
            check(False, f"{name}: {type(error).__name__}: {error}")
        finally:
            shell.end()


run("a terminal", terminal)
