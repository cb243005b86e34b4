"""Asks a server with OpenAI's API the questions of the Berkeley Function Calling Leaderboard (BFCL v4).

    python bfcl.py ask --url http://127.0.0.1:8080 --out vidrio.jsonl [--strict] [CATEGORY...]
    python bfcl.py report vidrio.jsonl [llama.jsonl]

`ask` appends an answer per line and skips the cases that the file has, so it may be stopped and
started again. The order of cases mixes the categories in the proportion of their sizes, so any
number of them is a sample of all. With `--shortest`, it begins with the cases of each category that
have the fewest characters in messages and tools.
`report` prints counts per category with 95 % intervals of the accuracy (Wilson 1927); of several
files, over the cases that all of them have.

Questions, tools, possible answers and the checker of arguments are those of `bfcl-eval`:

    python -m venv build/bfcl
    build/bfcl/bin/pip install filelock jsonschema python-dotenv requests tenacity
    build/bfcl/bin/pip install --no-deps bfcl-eval==2026.3.23 tree_sitter==0.21.3 \
        tree-sitter-java==0.21.0 tree-sitter-javascript==0.21.4
"""

import argparse
import collections
import concurrent.futures
import json
import math
import re
import sys
import threading
import types
from pathlib import Path

import jsonschema
import requests

# bfcl-eval imports the clients of some twenty vendors to look up one flag of a model: whether its
# names of functions have "_" where the question has ".", as OpenAI's API requires.
_models = types.ModuleType("bfcl_eval.constants.model_config")
_models.MODEL_CONFIG_MAPPING = {"openai": types.SimpleNamespace(underscore_to_dot=True)}
sys.modules[_models.__name__] = _models

from bfcl_eval.constants.enums import Language, ModelStyle  # noqa: E402
from bfcl_eval.constants.type_mappings import GORILLA_TO_OPENAPI  # noqa: E402
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker  # noqa: E402
from bfcl_eval.model_handler.utils import convert_to_tool  # noqa: E402
from bfcl_eval.utils import load_dataset_entry, load_ground_truth_entry  # noqa: E402

CATEGORIES = [
    "simple_python", "simple_java", "simple_javascript", "multiple", "parallel", "parallel_multiple",
    "live_simple", "live_multiple", "live_parallel", "live_parallel_multiple",
]  # fmt: skip
LANGUAGES = {"simple_java": Language.JAVA, "simple_javascript": Language.JAVASCRIPT}
JUDGED = ["called", "malformed", "left in text", "cut", "errors"]  # counts of `judge` that are printed
MAX_TOKENS = 512  # the longest right answer is shorter


class Case:
    """A question with its tools and possible answers."""

    def __init__(self, category, entry, asked, truth):
        self.category = category
        self.id = entry["id"]
        self.messages = entry["question"][0]
        self.functions = entry["function"]
        self.truth = truth["ground_truth"]
        # Models get descriptions with hints on the language, and strings instead of types of Java.
        self.tools = convert_to_tool(asked["function"], GORILLA_TO_OPENAPI, ModelStyle.OPENAI_COMPLETIONS)
        self.schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in self.tools}

    def length(self):
        """Returns the number of characters of messages and tools."""
        return len(json.dumps(self.messages)) + len(json.dumps(self.tools))


def cases(categories, shortest=False):
    """Returns the cases of categories, mixed evenly; each category in its order, or the shortest first."""
    found = []
    for category in categories:
        entries = load_dataset_entry(category, include_language_specific_hint=False)
        asked = load_dataset_entry(category)
        truths = {truth["id"]: truth for truth in load_ground_truth_entry(category)}
        ordered = [Case(category, *pair, truths[pair[0]["id"]]) for pair in zip(entries, asked)]
        if shortest:
            ordered.sort(key=Case.length)
        for index, case in enumerate(ordered):
            found.append(((index + 0.5) / len(ordered), category, index, case))
    return [case for *_, case in sorted(found, key=lambda each: each[:3])]


def ask(case, arguments):
    """Returns the assistant's message, or the error of the server."""
    tools = case.tools
    if arguments.strict:
        tools = [{**tool, "function": {**tool["function"], "strict": True}} for tool in tools]
    body = {"messages": case.messages, "tools": tools, "temperature": 0, "max_tokens": MAX_TOKENS}
    body["tool_choice"] = arguments.tool_choice
    body["parallel_tool_calls"] = True  # the default of OpenAI, but not of llama-server
    response = requests.post(f"{arguments.url}/v1/chat/completions", json=body)
    if response.status_code == 503:
        response.raise_for_status()
    if response.status_code != 200:
        return {"id": case.id, "status": response.status_code, "error": response.text}
    choice = response.json()["choices"][0]
    return {"id": case.id, "finish_reason": choice["finish_reason"], "message": choice["message"]}


def ask_all(arguments):
    """Asks about all cases that the file does not have."""
    done = set(read(arguments.out)) if arguments.out.exists() else set()
    chosen = cases(arguments.categories, arguments.shortest)[: arguments.limit]
    waiting = [case for case in chosen if case.id not in done]
    lock = threading.Lock()

    def run(case):
        answer = ask(case, arguments)
        with lock, arguments.out.open("a") as out:
            out.write(json.dumps(answer) + "\n")

    with concurrent.futures.ThreadPoolExecutor(arguments.parallel) as pool:
        for _ in pool.map(run, waiting):
            pass


def read(file):
    """Returns the answers of a file by id."""
    return {answer["id"]: answer for answer in map(json.loads, file.read_text().splitlines())}


def judge(case, answer):
    """Returns the properties of an answer that are counted."""
    message = answer.get("message") or {}
    calls, well_formed, valid = [], True, True
    for call in message.get("tool_calls") or []:
        name = call["function"]["name"]
        try:
            arguments = json.loads(call["function"]["arguments"])
        except json.JSONDecodeError:
            arguments = None
        if name not in case.schemas or not isinstance(arguments, dict):
            well_formed = False
            continue
        calls.append({name: arguments})
        valid = valid and jsonschema.Draft202012Validator(case.schemas[name]).is_valid(arguments)
    content = message.get("content") or ""
    left = any(re.search(rf'"name"\s*:\s*"{re.escape(name)}"', content) for name in case.schemas)
    return {
        "cases": True,
        "right": well_formed and bool(calls) and right(case, calls),
        "called": bool(calls),
        "malformed": not well_formed,
        "left in text": left,
        "schema-valid": bool(calls) and well_formed and valid,
        "cut": answer.get("finish_reason") == "length",
        "errors": "error" in answer,
    }


def right(case, calls):
    """Returns whether bfcl's checker accepts the calls."""
    language = LANGUAGES.get(case.category, Language.PYTHON)
    return ast_checker(case.functions, calls, case.truth, language, case.category, "openai")["valid"]


def interval(hits, n):
    """Returns the 95 % interval of a share, by Wilson's score."""
    z = 1.959964
    center = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return f"{center - half:.1%} to {center + half:.1%}"


def report(files):
    """Prints a table per file."""
    answers = {file: read(file) for file in files}
    common = set.intersection(*(set(each) for each in answers.values()))
    every = [case for case in cases(CATEGORIES) if case.id in common]
    for file, given in answers.items():
        counts = collections.defaultdict(collections.Counter)
        for case in every:
            for key, holds in judge(case, given[case.id]).items():
                counts[case.category][key] += holds
                counts["all"][key] += holds
        print(f"\n{file}\n")
        print(row("category", "cases", "right", "accuracy", "95 % interval", *JUDGED, "schema-valid"))
        print("|---" * (6 + len(JUDGED)) + "|")
        for category in [*CATEGORIES, "all"]:
            count = counts[category]
            if n := count["cases"]:
                right_ones = count["right"]
                judged = [count[key] for key in JUDGED]
                valid = f"{count['schema-valid']}/{count['called']}"
                print(row(category, n, right_ones, f"{right_ones / n:.1%}", interval(right_ones, n), *judged, valid))


def row(*cells):
    """Returns a row of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    asking = commands.add_parser("ask")
    asking.add_argument("categories", nargs="*", default=CATEGORIES, metavar="CATEGORY")
    asking.add_argument("--url", required=True)
    asking.add_argument("--out", type=Path, required=True)
    asking.add_argument("--strict", action="store_true", help="set strict for every function")
    asking.add_argument("--tool-choice", choices=["auto", "required"], default="auto")
    asking.add_argument("--shortest", action="store_true", help="begin with the shortest cases of each category")
    asking.add_argument("--limit", type=int, help="number of cases. Default: all")
    asking.add_argument("--parallel", type=int, default=4, metavar="N", help="requests at a time. Default: 4")
    reporting = commands.add_parser("report")
    reporting.add_argument("files", nargs="+", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "ask":
        ask_all(arguments)
    else:
        report(arguments.files)


if __name__ == "__main__":
    main()
