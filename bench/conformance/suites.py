"""Runs other projects' tests against Vidrio.

    python suites.py cases                       extracts cases for the Java tests, to build/conformance/cases
    python suites.py llama-server schemathesis   runs these suites
    python suites.py page                        runs all, and writes docs/conformance.md

Needs the packages of requirements.txt, a C++ compiler for `cases`, the results of `mvn verify`, and
smollm2 (`./vidrio pull smollm2`). The tests of llama.cpp come from a package of packages.txt, pinned by
its hash, and stay in build/conformance.
"""

import collections
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import fuzz
import llama_cases

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = Path(os.environ.get("VIDRIO_CONFORMANCE_WORK", ROOT / "build" / "conformance"))
PAGE = ROOT / "docs" / "conformance.md"
PACKAGE = "llama_cpp_python-0.3.36"
JAVA_TESTS = {
    "java/template": ("JinjaCasesTest", "jinja"),
    "java/grammar": ("GrammarCasesTest", "grammars"),
    "java/formats": ("GgufCasesTest", "gguf"),
}


def sources():
    """Returns llama.cpp's directory, downloading and unpacking it on first use."""
    directory = WORK / PACKAGE / "vendor" / "llama.cpp"
    if not directory.exists():
        subprocess.run(
            [
                sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                "--no-binary", ":all:", "--require-hashes", "--dest", WORK, "-r", HERE / "packages.txt",
            ],
            check=True,
        )
        with tarfile.open(WORK / f"{PACKAGE}.tar.gz") as archive:
            archive.extractall(WORK, filter="data")
    tests = WORK / "tests"
    if not tests.exists():
        tests.symlink_to(directory / "tools" / "server" / "tests")
    return directory


def cases():
    """Extracts the cases of the Java tests. Returns the system properties that name them."""
    out = WORK / "cases"
    llama_cases.write(sources(), out)
    return [
        f"-Dvidrio.jinja.cases={out}/jinja.json", f"-Dvidrio.grammar.cases={out}/grammars.json",
        f"-Dvidrio.gguf.cases={out}/gguf",
    ]


def llama_server():
    """Runs the tests of llama.cpp's server. Returns the outcome of each."""
    sources()
    environment = os.environ | {
        "VIDRIO_CONFORMANCE_WORK": str(WORK), "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "pytest", "-p", "llama_server", "-q", "-p", "no:cacheprovider", "-m", "not slow"]
    run = subprocess.run([*command, "--tb=short", "unit"], cwd=WORK / "tests", env=environment)
    outcomes = json.loads((WORK / "llama-server.json").read_text())
    if run.returncode != 0:
        raise SystemExit(f"tests of llama.cpp's server failed ({run.returncode})")
    counts = collections.Counter(outcomes.values())
    applying = counts["passed"] + counts["different"]
    print(f"llama-server: {counts['passed']} of {applying} tests that apply pass, {counts['excluded']} excluded")
    return outcomes


def schemathesis():
    """Runs Schemathesis."""
    outcome = fuzz.run(WORK)
    print(f"schemathesis: {outcome['generated']} requests to {outcome['operations']} routes, {outcome['failures']} failures")
    if not outcome["passed"]:
        raise SystemExit(f"see {WORK}/fuzz.log")
    return outcome


def java_tests():
    """Runs the Java tests of the cases. Returns their output, of that of VIDRIO_CONFORMANCE_LOG."""
    properties = cases()
    log = os.environ.get("VIDRIO_CONFORMANCE_LOG")
    if log:
        return Path(log).read_text()
    names = ",".join(test for test, _ in JAVA_TESTS.values())
    command = ["mvn", "test", "-pl", ",".join(JAVA_TESTS), "-am", f"-Dtest={names}", *properties]
    command += ["-Dsurefire.failIfNoSpecifiedTests=false"]
    return subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout


def escaped(text):
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", "\\n")


def server_rows(outcomes):
    """Returns the rows of tests that are excluded or differ, by their reasons."""
    rules = tomllib.loads((HERE / "llama_server.toml").read_text())
    rows = {"excluded": [], "different": []}
    for kind, found in rows.items():
        for rule in rules[kind]:
            names = [pattern.rstrip("[") for pattern in rule["tests"]]
            count = sum(
                outcome == kind and any(name.startswith(pattern) for pattern in names)
                for name, outcome in outcomes.items()
            )
            tests = ", ".join(f"`{escaped(name.removesuffix('.py'))}`" for name in names)
            found.append(f"| {escaped(rule['reason'])} | {count} | {tests} |")
    return rows


def case_rows(log):
    """Returns the counts of the Java tests by suite, and the rows of cases that differ."""
    counts, rows = {}, {}
    for _, name in JAVA_TESTS.values():
        agreeing, total = re.search(rf"{name}: (\d+) of (\d+) ", log).groups()
        counts[name] = (int(agreeing), int(total))
        found = re.findall(rf"^{name} differs: (.*) — (.*)$", log, re.MULTILINE)
        by_reason = collections.defaultdict(list)
        for case, reason in found:
            by_reason[reason].append(f"`{escaped(case)}`")
        rows[name] = [f"| {escaped(reason)} | {', '.join(by_reason[reason])} |" for reason in sorted(by_reason)]
    return counts, rows


def page():
    outcomes, log, fuzzed = llama_server(), java_tests(), schemathesis()
    found = collections.Counter(outcomes.values())
    applying = found["passed"] + found["different"]
    server = server_rows(outcomes)
    counts, rows = case_rows(log)
    suite = "| suite | version | cases that apply | pass |\n|---|---|---|---|\n"
    version = "llama-cpp-python 0.3.36"
    suite += f"| [llama.cpp: server](#llamacpps-server) | {version} | {applying} | {found['passed']} |\n"
    for name, title in (("jinja", "chat templates"), ("grammars", "grammars and schemas"), ("gguf", "model files")):
        agreeing, total = counts[name]
        suite += f"| [llama.cpp: {title}](#llamacpps-formats) | {version} | {total} | {agreeing} |\n"
    suite += (
        f"| [Schemathesis](#schemathesis) | {requirement('schemathesis')} | {fuzzed['generated']} requests to "
        f"{fuzzed['operations']} routes | {fuzzed['generated'] - fuzzed['failures']} |\n"
    )
    text = PAGE.read_text()
    for mark, content in (
        ("suites", suite),
        ("different", "| difference | cases | tests |\n|---|---|---|\n" + "\n".join(server["different"]) + "\n"),
        ("excluded", "| reason | cases | tests |\n|---|---|---|\n" + "\n".join(server["excluded"]) + "\n"),
        *((name, "| difference | cases |\n|---|---|\n" + "\n".join(rows[name]) + "\n") for name in rows),
    ):
        begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->\n"
        text = text[: text.index(begin) + len(begin)] + content + text[text.index(end) :]
    PAGE.write_text(text)


def requirement(package):
    return re.search(rf"^{package}==(.*)$", (HERE / "requirements.txt").read_text(), re.MULTILINE)[1]


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    commands = {"cases": cases, "llama-server": llama_server, "schemathesis": schemathesis, "page": page}
    if len(sys.argv) == 1 or not set(sys.argv[1:]) <= set(commands):
        raise SystemExit(__doc__)
    for name in sys.argv[1:]:
        commands[name]()


if __name__ == "__main__":
    main()
