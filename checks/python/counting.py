"""How a check here counts: one line a check, and `N passed, N failed` at the end, which .ci/run adds up."""

import sys
from pathlib import Path

counts = {True: 0, False: 0}


def check(holds, name):
    counts[bool(holds)] += 1
    print(("ok     " if holds else "FAILED ") + name)


def run(title, body):
    """Calls body with the folder that the command line names; a crash is one failed check."""
    try:
        body(Path(sys.argv[1]))
    except Exception as error:
        check(False, f"{title}: {type(error).__name__}: {error}")
    print(f"{counts[True]} passed, {counts[False]} failed")
    sys.exit(1 if counts[False] or not counts[True] else 0)
