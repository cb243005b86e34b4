"""Tests `vidrio serve` with Schemathesis: requests generated from the description of the API that the
server publishes. No response may be a server error, have a status or a type that is not described, or
violate its schema.

Requires schemathesis, and the results of `mvn verify`.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PARROT = ROOT / "java/server/target/parrot.gguf"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Routes of Ollama's registry, which respond with 501.
REGISTRY = "^/api/(blobs|copy|create|delete|pull|push)"


def named(node):
    """Gives every field `model` the names of the served models."""
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict) and "model" in properties:
            properties["model"] = {"enum": ["parrot", "bard"]}
        for value in node.values():
            named(value)
    elif isinstance(node, list):
        for value in node:
            named(value)


def warm_up(url):
    """Loads the classes of commands. After a second of waiting, a response has begun with white space, and
    an error ends its connection."""
    body = json.dumps({"model": "bard", "command": "logits", "arguments": ["To be"]}).encode()
    request = urllib.request.Request(url + "/v1/lens/commands", body, {"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request).read()
    except OSError:
        pass  # Only the time matters.


def run(work, examples=5, seed=1):
    """Returns the number of generated requests and the failures."""
    command = [os.environ.get("VIDRIO", ROOT / "vidrio"), "serve", "--port", "0", "--max-tokens", "16"]
    command += ["-m", f"parrot={PARROT}", "-m", "bard"]
    with open(work / "fuzz-server.log", "w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        url = process.stdout.readline().split()[-1]
        try:
            document = json.loads(urllib.request.urlopen(url + "/openapi.json").read())
            for item in document["paths"].values():
                for operation in item.values():
                    if isinstance(operation, dict):
                        named(operation.get("requestBody", {}))
            warm_up(url)
            file = work / "openapi.json"
            file.write_text(json.dumps(document))
            result = subprocess.run(
                [
                    Path(sys.executable).with_name("schemathesis"), "run", file, "--url", url, "--checks", CHECKS,
                    "--max-examples", str(examples), "--seed", str(seed), "--exclude-path-regex", REGISTRY,
                    "--phases", "coverage,fuzzing", "--continue-on-failure", "--no-color",
                    "--generation-database", "none", "--request-timeout", "60",
                ],
                capture_output=True,
                cwd=work,
                text=True,
            )
        finally:
            process.terminate()
        assert process.wait(60) == 0, process.returncode
    (work / "fuzz.log").write_text(result.stdout + result.stderr)
    counts = re.search(r"(\d+) generated(?:, (\d+) found)?", result.stdout)
    assert counts, result.stdout + result.stderr
    operations = re.search(r"Tested: (\d+)", result.stdout)
    return {
        "operations": int(operations[1]), "generated": int(counts[1]), "failures": int(counts[2] or 0),
        "passed": result.returncode == 0,
    }


if __name__ == "__main__":
    outcome = run(Path(sys.argv[1]), *map(int, sys.argv[2:]))
    print(outcome)
    sys.exit(0 if outcome["passed"] else 1)
