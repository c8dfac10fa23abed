"""The pydantic side of bench/config/main.mjs: documents per second of the same schema. Reads JSON {schema, documents, seconds} on stdin, prints JSON."""

import json
import sys
import time
from typing import Annotated, List, Literal, Optional, Tuple

import pydantic
from pydantic import BaseModel, ConfigDict, Field, create_model


def kind(node, name):
    if "properties" in node:
        return model(node, name)
    if "enum" in node:
        return Literal[tuple(node["enum"])]
    types = node["type"] if isinstance(node["type"], list) else [node["type"]]
    plain = [t for t in types if t != "null"]
    limits = {a: node[b] for a, b in (("ge", "minimum"), ("le", "maximum"), ("gt", "exclusiveMinimum"), ("lt", "exclusiveMaximum")) if b in node}
    if plain == ["boolean"]:
        made = bool
    elif plain == ["integer"]:
        made = Annotated[int, Field(**limits)]
    elif plain == ["number"]:
        made = Annotated[float, Field(allow_inf_nan=False, **limits)]
    elif plain == ["string"]:
        text = {a: node[b] for a, b in (("pattern", "pattern"), ("min_length", "minLength"), ("max_length", "maxLength")) if b in node}
        made = Annotated[str, Field(**text)]
    elif plain == ["array"] and isinstance(node["items"], list):
        made = Tuple[tuple(kind(item, name) for item in node["items"])]
    elif "array" in plain:
        size = {a: node[b] for a, b in (("min_length", "minItems"), ("max_length", "maxItems")) if b in node}
        made = Annotated[List[kind(node["items"], name + "_item")], Field(**size)]
    else:
        raise TypeError(f"no pydantic type for {types}")
    return Optional[made] if "null" in types else made


def model(node, name):
    required = node.get("required", [])
    fields = {key: (kind(child, f"{name}_{key}"), ... if key in required else None) for key, child in node["properties"].items()}
    # Lax tuples and floats: JSON has one kind of list and of number.
    return create_model(name, __base__=Strict, **fields)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


def rate(validate, document, seconds):
    def once():
        try:
            validate(document)
            return True
        except pydantic.ValidationError as error:
            error.errors()
            return False

    outcome = once()
    for _ in range(2000):
        once()
    best = 0.0
    for _ in range(5):
        count, start = 0, time.process_time()
        while time.process_time() - start < seconds:
            for _ in range(100):
                once()
            count += 100
        best = max(best, count / (time.process_time() - start))
    return {"valid": outcome, "per_second": best}


job = json.load(sys.stdin)
project = model(job["schema"], "Project")
print(json.dumps({
    "version": pydantic.VERSION,
    "python": sys.version.split()[0],
    "results": {name: rate(project.model_validate, document, job["seconds"]) for name, document in job["documents"].items()},
}))
