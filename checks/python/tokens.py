"""Token ids of mdiff against Hugging Face `tokenizers`, both reading the same tokenizer.json.

Usage: tokens.py FOLDER (of folders, each with the tokenizer.json and cases.json that tokens.mjs writes; needs only `tokenizers`).
Ends with `N passed, N failed`.
tokens.py --golden TOKENIZER_JSON prints the ids of a few strings as JSON: the committed packages/text/fixtures/ids.json.
"""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer

GOLDEN = [
    "Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse",
    "[MASK] and [EOS] are text",
    "don't 'll\u0085'll \u00a0\ufeff'll",
    "  two  blanks\n\nand\tlines ",
    "naïve café 漢字 😀👩‍👩‍👧 ½²Ⅷ 1851",
    " .  , ;",
]


def compare(folder):
    passed = failed = 0
    for file in sorted(folder.glob("*/tokenizer.json")):
        tokenizer = Tokenizer.from_file(str(file))
        for case in json.loads((file.parent / "cases.json").read_text("utf-8")):
            ids = tokenizer.encode(case["text"], add_special_tokens=False).ids
            if ids == case["ids"] and tokenizer.decode(ids) == case["text"]:
                passed += 1
            else:
                failed += 1
                print(f"FAILED {file.parent.name}, {case['name']}: expected {ids[:20]}, got {case['ids'][:20]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if sys.argv[1] == "--golden":
    tokenizer = Tokenizer.from_file(sys.argv[2])
    print(json.dumps([{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in GOLDEN], indent=1))
else:
    sys.exit(compare(Path(sys.argv[1])))
