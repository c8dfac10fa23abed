"""Check every ONNX model of a folder with onnx.checker and full shape inference.

Prints one line for each failure and `N passed, N failed` last; the exit code is 1 when something failed.
"""

import sys
from pathlib import Path

import onnx


def main(folder: str) -> int:
    passed = failed = 0
    for path in sorted(Path(folder).glob("*.onnx")):
        try:
            onnx.checker.check_model(onnx.load(path), full_check=True)
            passed += 1
        except Exception as error:  # the checker raises several unrelated types
            failed += 1
            print(f"{path.name}: {str(error).splitlines()[0]}")
    if passed + failed == 0:
        print(f"{folder}: expected *.onnx files, found none; run the tests of packages/trace with MDIFF_ONNX_DUMP={folder}")
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: check.py <folder>")
    sys.exit(main(sys.argv[1]))
