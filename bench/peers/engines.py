"""The engines that compare_speed.py compares: how each runs a test, and which settings it offers.

An engine without its programs on this machine has a `missing` text that names the option and the
package. A Python package runs in a process of its own Python, which loads the model once and then
answers requests (openvino_engine.py, mistralrs_engine.py); it is stopped while other engines run.
"""

import json
import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path

from speed import Setting, Test, TooSlow

HERE = Path(__file__).resolve().parent
PROMPT = "The capital of France is"


def thread_counts() -> list[str]:
    """Returns the candidates: the physical cores that this process may use, then its logical ones."""
    allowed = os.sched_getaffinity(0)
    topology = Path("/sys/devices/system/cpu")
    cores = set()
    for cpu in allowed:
        siblings = topology / f"cpu{cpu}" / "topology" / "thread_siblings_list"
        cores.add(siblings.read_text() if siblings.exists() else str(cpu))
    return list(dict.fromkeys([str(len(cores)), str(len(allowed))]))


def output(
    command: list[str],
    timeout: float | None = None,
    environment: Setting | None = None,
    logs: bool = False,
) -> str:
    """Returns what a command prints, with its logs if asked; raises ValueError with its error."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=timeout, env=os.environ | (environment or {}),
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise TooSlow(f"{Path(command[0]).name} took longer than {timeout:g} s") from error
    if done.returncode != 0:
        reason = reason_of(done.stderr.strip() or done.stdout.strip())
        raise ValueError(f"{Path(command[0]).name} exited with {done.returncode}: {reason}")
    return done.stdout + done.stderr if logs else done.stdout


def reason_of(printed: str) -> str:
    """Returns the message of a Java exception that ended a program, or else the last words of it."""
    exception = re.search(r'^Exception in thread "[^"]*" [\w.$]+: (.*)$', printed, re.MULTILINE)
    return exception[1] if exception else printed[-300:].replace("\n", " ")


def seconds_to_first_byte(
    command: list[str], timeout: float, environment: Setting | None = None
) -> float:
    """Returns the time from the start of a process to its first byte on standard output, or its end.

    Raises ValueError if it fails.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=os.environ | (environment or {}),
    )  # fmt: skip
    with process:
        if not select.select([process.stdout], [], [], timeout)[0]:
            process.kill()
            raise TooSlow(f"{Path(command[0]).name} had no token after {timeout:g} s")
        seconds = time.perf_counter() - start
        process.stdout.read()
    if process.returncode != 0:
        raise ValueError(f"{Path(command[0]).name} exited with {process.returncode}")
    return seconds


class Engine:
    """An engine on this machine."""

    name: str
    missing = ""
    timeout = 300.0  # seconds of a process or an answer

    def version(self) -> str:
        return ""

    def options(self, kind: str, deep: bool) -> dict[str, list[str]]:
        """Returns the values of each option to try, the default first.

        Args:
            kind: `start`, or another for all other tests
            deep: True if a test has a long context, for which the type of the KV cache matters
        """
        raise NotImplementedError

    def run(self, model: str, setting: Setting, tests: list[Test]) -> dict[str, float]:
        """Returns the figures of tests of one depth and number of sequences, in the tests' units.

        Tests that the engine does not support are absent. Raises ValueError if the engine fails.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Ends processes that keep a model open."""


class Vidrio(Engine):
    """Vidrio with portable bits, or with more arguments as a variant of its own name."""

    def __init__(self, launcher: str, threads: str | None, more: str = ""):
        self.name = f"Vidrio {more}".strip()
        self.launcher, self.more = launcher, more.split()
        self.threads = [threads] if threads else thread_counts()

    def version(self) -> str:
        return output([self.launcher, "--version"]).strip().removeprefix("vidrio ")

    def options(self, kind: str, deep: bool) -> dict[str, list[str]]:
        # Apart from the start, Vidrio runs with its defaults, so that no figure is a matter of choice.
        return {"threads": self.threads, "repack": ["on", "off"] if kind == "start" else ["on"]}

    def run(self, model: str, setting: Setting, tests: list[Test]) -> dict[str, float]:
        common = ["-m", model, "-t", setting["threads"], *self.more]
        common += ["--no-repack"] * (setting["repack"] == "off")
        if tests[0].kind == "start":
            arguments = ["run", "--raw", "--temp", "0", "-n", "1", "-p", PROMPT, *common]
            return {"start": seconds_to_first_byte([self.launcher, *arguments], self.timeout)}
        found = {}
        for prompt, generation in pairs(tests):
            lengths = ["-p", str(tokens(prompt)), "-n", str(tokens(generation)), "-r", "1"]
            lengths += ["-d", str(tests[0].depth), "-b", str(tests[0].sequences)]
            results = json.loads(self.bench(*lengths, *common))["results"]
            for test, result in zip([t for t in (prompt, generation) if t], results, strict=True):
                found[test.name] = result["tokens_per_second"]
        return found

    def bench(self, *arguments: str) -> str:
        return output([self.launcher, "bench", "--json", *arguments], self.timeout)


def pairs(tests: list[Test]) -> list[tuple[Test | None, Test | None]]:
    """Returns the tests as pairs of a prompt and a generation, since a command measures one of each."""
    prompts = [test for test in tests if test.kind == "pp"]
    generations = [test for test in tests if test.kind == "tg"]
    count = max(len(prompts), len(generations))
    prompts += [None] * (count - len(prompts))
    generations += [None] * (count - len(generations))
    return list(zip(prompts, generations))


def tokens(test: Test | None) -> int:
    return 0 if test is None else test.tokens


class Llama(Engine):
    """llama.cpp: llama-bench, llama-batched-bench and llama-completion."""

    name = "llama.cpp"
    repack = ["on", "off"]

    def __init__(self, directory: str | None, threads: str | None):
        self.directory = Path(directory or "")
        self.threads = [threads] if threads else thread_counts()
        if not (directory and (self.directory / "llama-bench").exists()):
            self.missing = (
                "--llama DIRECTORY of llama-bench, built with clang 16 or newer and GGML_NATIVE=ON "
                "from the sources in the source distribution of PyPI's llama-cpp-python"
            )

    def version(self) -> str:
        return self.version_of("llama-bench")

    def version_of(self, program: str) -> str:
        command = [self.directory / program, "--version"]
        done = subprocess.run(command, capture_output=True, text=True)
        return (done.stdout + done.stderr).strip().removeprefix("version: ").splitlines()[0]

    def options(self, kind: str, deep: bool) -> dict[str, list[str]]:
        found = {"threads": self.threads, "repack": self.repack}
        if kind == "start":
            return found | {"warm-up": ["on", "off"]}
        found["flash attention"] = ["on", "off"]
        return found | {"cache": ["f16", "q8_0"]} if deep else found

    def run(self, model: str, setting: Setting, tests: list[Test]) -> dict[str, float]:
        common = ["-m", model, "-t", setting["threads"]]
        repack = setting["repack"] == "on"
        if tests[0].kind == "start":
            common += [] if repack else ["--no-repack"]
            common += ["--no-warmup"] * (setting["warm-up"] == "off")
            return {"start": self.start(common)}
        common += ["-fa", setting["flash attention"]]
        cache = setting.get("cache", "f16")
        common += ["-ctk", cache, "-ctv", cache]
        if tests[0].sequences > 1:
            common += [] if repack else ["--no-repack"]
            common += ["--output-format", "jsonl"]
            return {test.name: self.batched(common, test) for test in tests if test.kind == "tg"}
        return self.bench(
            tests, *common, "-d", str(tests[0].depth), "--repack", str(int(repack))
        )

    def bench(self, tests: list[Test], *arguments: str) -> dict[str, float]:
        found = {}
        for prompt, generation in pairs(tests):
            lengths = ["-p", str(tokens(prompt)), "-n", str(tokens(generation))]
            printed = self.program("llama-bench", *arguments, *lengths, "-r", "1", "-o", "json")
            results = json.loads(printed)
            for test, result in zip([t for t in (prompt, generation) if t], results, strict=True):
                found[test.name] = result["avg_ts"]
        return found

    def program(self, name: str, *arguments: str) -> str:
        return output([str(self.directory / name), *arguments], self.timeout)

    def start(self, common: list[str]) -> float:
        arguments = ["-no-cnv", "--no-display-prompt", "--temp", "0", "-n", "1", "-p", PROMPT]
        command = [str(self.directory / "llama-completion"), *arguments, *common]
        return seconds_to_first_byte(command, self.timeout)

    def batched(self, common: list[str], test: Test) -> float:
        before = max(1, test.depth)  # the program requires a prompt
        context = test.sequences * (before + test.tokens)
        lengths = ["-c", str(context), "-npp", str(before), "-ntg", str(test.tokens)]
        printed = self.program(
            "llama-batched-bench", *common, *lengths, "-npl", str(test.sequences)
        )
        return batched_speed(printed)


def batched_speed(printed: str) -> float:
    """Returns the speed of generation in llama-batched-bench's last row, of JSON or of a table."""
    for line in reversed(printed.splitlines()):
        if line.startswith("{"):
            return json.loads(line)["speed_tg"]
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 8 and re.fullmatch(r"[\d.]+", cells[8]):  # S_TG t/s
            return float(cells[8])
    raise ValueError("llama-batched-bench printed no result")


class IkLlama(Llama):
    """ik_llama.cpp. Its llama-bench has no depth: llama-sweep-bench measures long contexts."""

    name = "ik_llama.cpp"
    repack = ["off", "on"]

    def __init__(self, directory: str | None, threads: str | None):
        super().__init__(directory, threads)
        if self.missing:
            self.missing = (
                "--ik DIRECTORY of llama-bench, llama-batched-bench, llama-sweep-bench and llama-cli, "
                "built with GGML_NATIVE=ON from github.com/ikawrakow/ik_llama.cpp"
            )

    def version(self) -> str:
        return self.version_of("llama-cli")

    def run(self, model: str, setting: Setting, tests: list[Test]) -> dict[str, float]:
        common = ["-m", model, "-t", setting["threads"]]
        repack = ["-rtr"] * (setting["repack"] == "on")
        if tests[0].kind == "start":
            common += repack + ["--no-warmup"] * (setting["warm-up"] == "off")
            # Without --log-disable it also writes a log file.
            arguments = ["--no-display-prompt", "--temp", "0", "-n", "1", "-p", PROMPT]
            command = [str(self.directory / "llama-cli"), "--log-disable", *arguments, *common]
            return {"start": seconds_to_first_byte(command, self.timeout)}
        flash = setting["flash attention"] == "on"
        cache = setting.get("cache", "f16")
        common += ["-ctk", cache, "-ctv", cache]
        switches = [*common, *repack, "-fa", "on" if flash else "off"]
        if tests[0].sequences > 1:
            return {test.name: self.batched(switches, test) for test in tests if test.kind == "tg"}
        if tests[0].depth > 0:
            return self.sweep(switches, tests)
        values = ["-fa", str(int(flash)), "-rtr", str(int(bool(repack)))]
        return self.bench(tests, *common, *values)

    def program(self, name: str, *arguments: str) -> str:
        logs = name != "llama-bench"  # the others print their results to standard error
        return output([str(self.directory / name), *arguments], self.timeout, logs=logs)

    def sweep(self, common: list[str], tests: list[Test]) -> dict[str, float]:
        """Feeds chunks of the length of the prompt, and measures at the first and the last."""
        found, depth = {}, tests[0].depth
        for prompt, generation in pairs(tests):
            chunk = 512 if prompt is None else prompt.tokens
            if depth % chunk != 0:
                raise ValueError(f"llama-sweep-bench: depth {depth} is not a multiple of {chunk}")
            printed = self.program(
                "llama-sweep-bench", *common, "-c", str(depth + chunk), "-ub", str(chunk),
                "-n", str(max(1, tokens(generation))), "--sweep-stride", str(depth // chunk),
                "--output-format", "jsonl",
            )  # fmt: skip
            rows = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
            row = next((row for row in rows if row["n_kv"] == depth), None)
            if row is None:
                raise ValueError(f"llama-sweep-bench printed no result at depth {depth}")
            if prompt is not None:
                found[prompt.name] = row["speed_pp"]
            if generation is not None:
                found[generation.name] = row["speed_tg"]
        return found


class PythonEngine(Engine):
    """A Python package, which a script of this directory drives in a process of its own."""

    script: str
    option: str
    package: str

    def __init__(self, python: str | None, threads: str | None):
        self.python = python
        self.threads = [threads] if threads else thread_counts()
        self.processes: dict[tuple, subprocess.Popen] = {}
        self.found_version = ""
        if not (python and Path(python).exists()):
            self.missing = (
                f"{self.option} PYTHON of a virtual environment with `pip install {self.package}`"
            )

    def version(self) -> str:
        code = f"import importlib.metadata as m; print(m.version({self.package!r}))"
        return output([self.python, "-c", code]).strip()

    def environment(self, setting: Setting) -> Setting:
        return {}

    def run(self, model: str, setting: Setting, tests: list[Test]) -> dict[str, float]:
        command = [self.python, str(HERE / self.script), model, json.dumps(setting)]
        if tests[0].kind == "start":
            command.append(PROMPT)
            return {
                "start": seconds_to_first_byte(command, self.timeout, self.environment(setting))
            }
        process = self.open(command, setting)
        process.send_signal(signal.SIGCONT)
        found, errors = {}, []
        try:
            for test in tests:
                answer = ask(process, vars(test), self.timeout)
                if answer.get("seconds"):
                    found[test.name] = test.tokens * test.sequences / answer["seconds"]
                    if test.kind == "pp" and "tokens" in answer:
                        found[test.name] = answer["tokens"] / answer["seconds"]
                else:
                    errors.append(answer.get("error", "no answer"))
        except ValueError:
            self.close()
            raise
        process.send_signal(signal.SIGSTOP)
        if not found:
            raise ValueError("; ".join(errors))
        return found

    def open(self, command: list[str], setting: Setting) -> subprocess.Popen:
        key = tuple(command)
        if key not in self.processes:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True, env=os.environ | self.environment(setting),
            )  # fmt: skip
            self.processes[key] = process
            try:
                error = ask(process, None, self.timeout).get("error")
                if error:
                    raise ValueError(error)
            except ValueError:
                self.close()
                raise
        return self.processes[key]

    def close(self) -> None:
        for process in self.processes.values():
            with process:
                process.kill()
        self.processes.clear()


def ask(process: subprocess.Popen, request: dict | None, timeout: float) -> dict:
    """Sends a request, unless None, and returns the answer; raises ValueError if the process ends."""
    try:
        if request is not None:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
    except OSError as error:
        raise ValueError(f"the process ended: {error}") from error
    if not select.select([process.stdout], [], [], timeout)[0]:
        raise TooSlow(f"no answer for {timeout:g} s")
    line = process.stdout.readline()
    if not line:
        raise ValueError(f"the process ended with {process.wait()}")
    return json.loads(line)


class OpenVino(PythonEngine):
    """OpenVINO GenAI, which opens GGUF files of some architectures."""

    name, script = "OpenVINO", "openvino_engine.py"
    option, package = "--openvino", "openvino-genai"

    def options(self, kind: str, deep: bool) -> dict[str, list[str]]:
        if kind == "start":  # opening the model takes nearly all of it
            return {"threads": self.threads, "attention": ["paged"]}
        found = {"threads": self.threads, "attention": ["paged", "sdpa"]}
        return found | {"precision": ["default", "bf16"]}


class MistralRs(PythonEngine):
    """mistral.rs, by its Python package."""

    name, script = "mistral.rs", "mistralrs_engine.py"
    option, package = "--mistralrs", "mistralrs"

    def options(self, kind: str, deep: bool) -> dict[str, list[str]]:
        return {"threads": self.threads, "cache": ["f16", "f32"] if deep else ["f16"]}

    def environment(self, setting: Setting) -> Setting:
        found = {"RAYON_NUM_THREADS": setting["threads"]}
        return found | {"MISTRALRS_CPU_KV_F32": "1"} if setting["cache"] == "f32" else found


class Jinfer(Engine):
    """jinfer's own benchmark, which warms the JIT up until its speed settles."""

    name = "jinfer"

    def __init__(self, directory: str | None, threads: str | None):
        self.directory = Path(directory or "")
        self.threads = [threads] if threads else thread_counts()
        jars = sorted(self.directory.glob("**/target/*.jar")) if directory else []
        self.jars = [str(jar) for jar in jars]
        if not any("jinfer-bench" in jar for jar in self.jars):
            self.missing = (
                "--jinfer DIRECTORY of a clone of github.com/qxoticai/qxotic, built by mvn package "
                "-pl jinfer/jinfer-bench,jinfer/jinfer-llama -am -Dmaven.test.skip.exec=true"
            )

    def version(self) -> str:
        name = next(Path(jar).stem for jar in self.jars if "jinfer-bench" in jar)
        return name.removeprefix("jinfer-bench-")

    def options(self, kind: str, deep: bool) -> dict[str, list[str]]:
        return {"threads": self.threads}

    def run(self, model: str, setting: Setting, tests: list[Test]) -> dict[str, float]:
        if tests[0].kind == "start" or tests[0].depth > 0 or tests[0].sequences > 1:
            return {}
        java = Path(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
        command = [str(java), "--enable-preview", "--add-modules", "jdk.incubator.vector"]
        command += ["--enable-native-access=ALL-UNNAMED", "-cp", os.pathsep.join(self.jars)]
        hints = self.directory / "jinfer" / "hotspot_compiler"
        command += [f"-XX:CompileCommandFile={hints}"] if hints.exists() else []
        command += ["com.qxotic.jinfer.bench.JinferBench", "-m", model, "-r", "1"]
        found = {}
        for prompt, generation in pairs(tests):
            lengths = ["-p", str(tokens(prompt)), "-n", str(tokens(generation))]
            threads = ["-t", setting["threads"]]
            environment = {"JAM_NUM_THREADS": setting["threads"]}
            printed = output([*command, *lengths, *threads], self.timeout, environment)
            speeds = jinfer_speeds(printed)
            found |= {test.name: speeds[test.name] for test in (prompt, generation) if test}
        return found


def jinfer_speeds(printed: str) -> dict[str, float]:
    """Returns tokens per second by test, from rows such as `| model | 2 | pp512 | 1.68 ± 0.00 |`."""
    rows = re.findall(r"\|\s*((?:pp|tg)\d+)\s*\|\s*([\d.]+) ±", printed)
    return {test: float(speed) for test, speed in rows}
