"""Lets the tests of llama.cpp's server (tools/server/tests) run against `vidrio serve`: a plugin of
pytest, which suites.py loads.

The tests start a server by setting attributes of their class ServerProcess. Here these become
options of `vidrio serve`, and servers with equal options are started once. Differences that the
tests are not about are bridged:

- Every model of the tests is the embedded one, with the chat template that the test asks for.
  So the text of an answer and the tokens of a prompt differ: in the tests that `llama_server.toml`
  names, the expected text or counts are not compared, only that there are any.
- A request's `model` becomes the served one, since llama-server ignores that field.
- Paths of OpenAI's API get the prefix /v1, which llama-server does not require; /completions, which
  is not OpenAI's there, becomes /completion.
- The first chunk of a streamed chat has the content "", as in OpenAI's API; llama-server writes null.
- llama-server's default for the template's variable enable_thinking is true.
- The server's default temperature, seed and number of tokens, which are options of llama-server,
  become fields of each request that does not set them.

Tests that need what Vidrio does not have are excluded, and tests of behavior that differs are expected
to fail, both with the reason in `llama_server.toml`.
"""

import json
import os
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import gguf_metadata
import openai
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = Path(os.environ["VIDRIO_CONFORMANCE_WORK"])
BARD = ROOT / "java/bard/src/main/resources/dev/vidrio/bard/bard-q8_0.gguf"
CONTEXT = 1024
RULES = tomllib.loads(Path(__file__).with_name("llama_server.toml").read_text())

# Tests import wget, by which they would download models.
sys.modules.setdefault("wget", types.ModuleType("wget"))
sys.path.insert(0, str(WORK / "tests"))
import utils  # noqa: E402 (needs the two lines above)

GENERATION = {
    "/chat/completions", "/completion", "/completions", "/infill", "/responses", "/v1/chat/completions",
    "/v1/completions", "/v1/messages", "/v1/responses",
}
PREFIXED = {"/chat/completions", "/chat/completions/input_tokens", "/embeddings", "/models", "/responses"}
TEMPLATES = WORK / "tests/../../../models/templates"
# For models without one: ChatML, with tools.
DEFAULT_TEMPLATE = TEMPLATES / "Qwen-Qwen2.5-7B-Instruct.jinja"

servers = {}


class Any:
    """Equals any positive number: a count of tokens of another model."""

    def __eq__(self, other):
        return other > 0

    def __repr__(self):
        return "any"


def template(server):
    if server.chat_template_file:
        return (WORK / "tests" / server.chat_template_file).read_text()
    if server.chat_template in (None, "chatml"):
        return DEFAULT_TEMPLATE.read_text()
    return server.chat_template


def model_file(server):
    """Returns the embedded model with the chat template of a test, or a reranker."""
    if server.server_reranking:
        return "smollm2"
    fields = {"tokenizer.chat_template": template(server)}
    if "infill" in (server.model_alias or ""):
        # Any ids serve as markers of a gap.
        fields |= {f"tokenizer.ggml.fim_{part}_token_id": 10 + i for i, part in enumerate(("pre", "suf", "mid"))}
    return gguf_metadata.write(BARD, WORK / "models", fields)


def options(server):
    """Returns the options of `vidrio serve` for a server of the tests."""
    slots = server.n_slots or 4
    context = min(CONTEXT, (server.n_ctx or CONTEXT) // (1 if server.kv_unified else slots))
    name = (server.model_alias or "model").split(",")[0]
    command = ["--port", "0", "-m", f"{name}={model_file(server)}", "--context", str(context)]
    command += ["--stream-interval", "0"]
    if server.model_draft:
        command += ["--draft", f"{BARD}"]
    for origin in (server.cors_origins or "").split(","):
        command += ["--allow-origin", origin] if origin else []
    return name, command


class Running:
    def __init__(self, name, command, key):
        self.name = name
        self.process = subprocess.Popen(
            [os.environ.get("VIDRIO", ROOT / "vidrio"), "serve", *command],
            env=os.environ | ({"VIDRIO_API_KEY": key} if key else {}),
            stdout=subprocess.PIPE,
            stderr=open(WORK / "server.log", "a"),
            text=True,
        )
        line = self.process.stdout.readline()
        assert " at http" in line, f"the server did not start: {' '.join(map(str, command))}"
        self.port = int(line.rsplit(":", 1)[1])


def start(self, timeout_seconds=0):
    name, command = options(self)
    key = (tuple(command), self.api_key)
    running = servers.get(key)
    if running is None or running.process.poll() is not None:
        servers[key] = running = Running(name, command, self.api_key)
    self.server_port = running.port
    self.served = running.name
    self.ready = True


def adapt(self, path, data):
    """Returns the path and body of a request for `vidrio serve`."""
    bare = path.split("?")[0]
    if isinstance(data, dict) and bare in GENERATION:
        tokens = "max_output_tokens" if bare.endswith("responses") else "max_tokens"
        if bare in ("/completion", "/completions", "/infill"):
            tokens = "n_predict"
        defaults = {"temperature": self.temperature, "seed": self.seed}
        if self.n_predict and not {"max_tokens", "n_predict", "max_completion_tokens", tokens} & data.keys():
            defaults[tokens] = self.n_predict
        data = defaults | data
    if isinstance(data, dict) and data.get("model") is not None:
        data = data | {"model": self.served}
    if bare == "/embeddings" and self.pooling or bare == "/v1/embeddings" and self.pooling:
        data = {"pooling": self.pooling} | data
    if bare == "/apply-template" and "enable_thinking" in template(self):
        thinks = {"enable_thinking": self.reasoning != "off"}
        data = {"chat_template_kwargs": thinks} | data
    if bare == "/completions":
        path = "/completion"
    return ("/v1" + path if bare in PREFIXED else path), data


make_request = utils.ServerProcess.make_request
make_stream_request = utils.ServerProcess.make_stream_request


def request(self, method, path, data=None, *more, **named):
    path, data = adapt(self, path, data)
    return make_request(self, method, path, data, *more, **named)


def stream_request(self, method, path, data=None, *more, **named):
    path, data = adapt(self, path, data)
    for event in make_stream_request(self, method, path, data, *more, **named):
        for choice in event.get("choices", []):
            if choice.get("delta", {}).get("content") == "" and "role" in choice["delta"]:
                choice["delta"]["content"] = None
        yield event


utils.ServerProcess.start = start
utils.ServerProcess.stop = lambda self: None
utils.ServerProcess.make_request = request
utils.ServerProcess.make_stream_request = stream_request
utils.ServerPreset.load_all = staticmethod(lambda: None)
utils.download_file = lambda url, path=None: str(BARD)


class Client(openai.OpenAI):
    """OpenAI's client, with the served model as the model of each request."""

    def __init__(self, **named):
        named["base_url"] = named["base_url"].rstrip("/").removesuffix("/v1") + "/v1"
        super().__init__(**named, max_retries=0)

    def _prepare_options(self, options):
        if options.json_data:
            port = int(str(self.base_url).split(":")[2].split("/")[0])
            name = next(running.name for running in servers.values() if running.port == port)
            options.json_data = options.json_data | {"model": name}
        return options


openai.OpenAI = Client


def reason(item, kind):
    """Returns why a test is of a kind, excluded or different; None if it is not."""
    name = item.nodeid.split("unit/")[-1]
    for each in RULES[kind]:
        for pattern in each["tests"]:
            if name == pattern or name.startswith((pattern + "[", pattern + "::")) or (
                pattern.endswith("[") and name.startswith(pattern)
            ):
                return each["reason"]
    return None


def pytest_collection_modifyitems(items):
    for item in items:
        excluded = reason(item, "excluded")
        different = reason(item, "different")
        if excluded:
            item.add_marker(pytest.mark.skip(reason="excluded: " + excluded))
        elif different:
            item.add_marker(pytest.mark.xfail(reason=different, strict=True))
        if item.originalname in RULES["counts"] and hasattr(item, "callspec"):
            for name in ("n_prompt", "n_tokens"):
                if name in item.callspec.params:
                    item.callspec.params[name] = Any()


@pytest.fixture(autouse=True)
def ignore_text(request, monkeypatch):
    """Accepts any text where a test expects that of its model."""
    if request.function.__name__ in RULES["texts"]:
        monkeypatch.setattr(request.module, "match_regex", lambda regex, text: isinstance(text, str))


outcomes = {}


def pytest_runtest_logreport(report):
    name = report.nodeid.split("unit/")[-1]
    if report.when == "call" or report.skipped or report.failed:
        if hasattr(report, "wasxfail"):
            outcomes[name] = "different"
        elif report.skipped and "excluded: " in str(report.longrepr):
            outcomes[name] = "excluded"
        else:
            outcomes.setdefault(name, report.outcome)


def pytest_sessionfinish():
    (WORK / "llama-server.json").write_text(json.dumps(outcomes, indent=1))
    for running in servers.values():
        running.process.terminate()
    for running in servers.values():
        running.process.wait(60)
