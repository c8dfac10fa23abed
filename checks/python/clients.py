"""Drives `mdiff serve` with clients of OpenAI's API in Python, and with requests that schemathesis makes from the OpenAPI document.

Usage: clients.py MODEL_FOLDER. Needs Node and clients.txt. The last line is `N passed, N failed`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from counting import check, run

BIN = Path(__file__).parents[2] / "apps/mdiff/bin/mdiff.js"
TOKEN = "sk-test"
PROMPT = "Call me"
SECONDS = 45  # for the requests that schemathesis makes, and for one of them: a long text takes its time on a slow machine


def openai_client(url, model):
    from openai import BadRequestError, NotFoundError, OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0)
    check([entry.id for entry in client.models.list()] == [model], "openai lists the model")
    request = dict(model=model, prompt=PROMPT, max_tokens=6, seed=3)
    whole = client.completions.create(**request)
    check(whole.choices[0].text != "" and whole.usage.completion_tokens > 0, "openai completes")
    stream = client.completions.create(**request, stream=True, stream_options={"include_usage": True})
    pieces = [chunk.choices[0].text for chunk in stream if chunk.choices]
    check("".join(pieces) == whole.choices[0].text, "openai streams the same text")
    for failing, kind, name in [
        (lambda: client.completions.create(**{**request, "prompt": "whale " * 9999}), BadRequestError, "a prompt that is too long"),
        (lambda: client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}]), NotFoundError, "chat"),
    ]:
        try:
            failing()
            check(False, f"openai is refused {name}")
        except kind:
            check(True, f"openai is refused {name}")
    return whole.choices[0].text


def langchain(url, model, expected):
    from langchain_openai import OpenAI

    llm = OpenAI(base_url=f"{url}/v1", api_key=TOKEN, model=model, max_tokens=6, seed=3, temperature=0.8, max_retries=0)
    check(llm.invoke(PROMPT) != "", "LangChain completes")
    check("".join(llm.stream(PROMPT)) != "", "LangChain streams")
    check(len(llm.generate([PROMPT, "The"]).generations) == 2, "LangChain sends several prompts")


def litellm(url, model, expected):
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch a table of prices
    import litellm as client

    answer = client.text_completion(
        model=f"text-completion-openai/{model}", prompt=PROMPT, max_tokens=6, seed=3, api_base=f"{url}/v1", api_key=TOKEN
    )
    check(answer.choices[0].text == expected, "LiteLLM completes with the same text")


def schemathesis(url, model, expected):
    command = [
        Path(sys.executable).parent / "schemathesis",
        *["--config-file", Path(__file__).resolve().with_name("schemathesis.toml"), "run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {TOKEN}", "--seed", "1"],
        *["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--max-time", str(SECONDS), "--request-timeout", str(SECONDS), "--no-color"],
        *["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection"],
    ]
    try:
        # It leaves a folder with what it has found.
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=3 * SECONDS)
    except subprocess.TimeoutExpired as error:
        check(False, f"schemathesis ends within {3 * SECONDS} s: {error.stdout}")
        return
    if done.returncode != 0:
        print(done.stdout[-6000:], done.stderr[-2000:])
    check(done.returncode == 0, "schemathesis finds no request that fails against the OpenAPI document")


def body(folder):
    env = {**os.environ, "MDIFF_TOKEN": TOKEN}
    command = ["node", BIN, "serve", folder, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as server:
        try:
            line = json.loads(server.stdout.readline())
            url, model = line["url"], line["model"]
            expected = openai_client(url, model)
            for client in (langchain, litellm, schemathesis):
                try:
                    client(url, model, expected)
                except Exception as error:
                    check(False, f"{client.__name__}: {type(error).__name__}: {error}")
        finally:
            server.terminate()
            check(server.wait(20) in (0, 143), "the server stops when it is told to")


run("clients", body)
