"""Writes schemas with their instances for SchemaSuiteTest, one JSON object a line.

    python schema_cases.py maskbench|maskbench-open|official DIRECTORY OUT.jsonl

`maskbench` takes every seventh file of MaskBench's `data` directory (github.com/guidance-ai/jsonschemabench,
maskbench/data). `maskbench-open` writes "additionalProperties": true wherever a schema has `properties`
and leaves it open, which means the same to a validator. `official` takes a draft's directory of the
official suite (JSON-Schema-Test-Suite, tests/draft2020-12). Then, with the results of `mvn verify`:

    mvn test -pl java/grammar -Dtest=SchemaSuiteTest -Dvidrio.schema.cases=OUT.jsonl
"""

import json
import sys
from pathlib import Path

STRIDE = 7

# Keywords with schemas by name as values.
NAMED = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")


def maskbench(directory):
    for file in sorted(directory.glob("*.json"))[::STRIDE]:
        each = json.loads(file.read_text())
        yield file.stem, each["schema"], each.get("tests", [])


def opened(schema):
    """Permits the properties that a schema neither names nor forbids."""
    if isinstance(schema, list):
        return [opened(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {}
    for name, value in schema.items():
        if name in ("const", "default", "enum", "examples"):
            result[name] = value
        elif name in NAMED and isinstance(value, dict):
            result[name] = {key: opened(each) for key, each in value.items()}
        else:
            result[name] = opened(value)
    closed = "additionalProperties" in schema or "unevaluatedProperties" in schema
    if isinstance(schema.get("properties"), dict) and not closed:
        result["additionalProperties"] = True
    return result


def maskbench_open(directory):
    for name, schema, tests in maskbench(directory):
        yield name, opened(schema), tests


def official(directory):
    for file in sorted(directory.rglob("*.json")):
        for each in json.loads(file.read_text()):
            yield f"{file.stem}: {each['description']}", each["schema"], each["tests"]


SUITES = {"maskbench": maskbench, "maskbench-open": maskbench_open, "official": official}


def main():
    suite, directory, out = sys.argv[1:]
    with open(out, "w") as lines:
        for name, schema, tests in SUITES[suite](Path(directory)):
            texts = [{"valid": t["valid"], "text": json.dumps(t["data"], ensure_ascii=False)} for t in tests]
            lines.write(json.dumps({"name": name, "schema": json.dumps(schema), "tests": texts}) + "\n")


if __name__ == "__main__":
    main()
