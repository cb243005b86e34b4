"""Compares the speed of Vidrio and of other engines on one model, each at its best setting.

    python compare_speed.py MODEL.gguf [--llama DIRECTORY] [--ik DIRECTORY] [--openvino PYTHON]
        [--mistralrs PYTHON] [--jinfer DIRECTORY]
        [--tests start pp512 tg128 pp512@4096 tg64@4096 tg64x16 ...]

A test is pp<N>, a prompt of N tokens; tg<N>, the generation of N tokens one by one; or start, the time
from the start of the process to its first token, with the file in the page cache. @<D> puts D tokens
before them, x<S> generates for S sequences together and counts the tokens of all.

First each other engine runs shorter tests with each of its settings: threads, flash attention,
repacked weights, the type of the KV cache. For each test it gets the setting in which it was fastest.
Vidrio has its defaults, except that the start also tries weights that are not repacked.

Then come rounds: in each, all engines run each group of tests, one right after the other, in turning
order. A ratio is taken within a round, so that what slows the whole machine for a while counts against
both. An engine that is less than half as fast as the best rival in the first round does not run that
test again. Prints for each test the best rival, the medians of all engines, and the median and range of
the ratio to the best rival. The machine must be idle: the load average before each round is printed.

Needs nothing beyond Python. Engines that are not on this machine are left out with a line that says
where to get them.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import vidrio
from engines import Engine, IkLlama, Jinfer, Llama, MistralRs, OpenVino, Vidrio
from speed import Setting, Test, TooSlow, Trial, choose, describe, groups

DEFAULT_TESTS = [
    "start",
    "pp512",
    "tg128",
    "pp512@4096",
    "tg64@4096",
    "tg64x4",
    "tg64x16",
    "tg64x32",
]
OURS = "Vidrio"
# Rivals slower than the best by more than this factor run a test in one round only.
HOPELESS = 2.0

# Seconds of a process in a trial and in a round; the first includes opening the model.
TRIAL_SECONDS, ROUND_SECONDS = 90.0, 300.0

# The figures of a test: of each engine one for each round, or None if it did not run.
Figures = dict[str, dict[str, list[float | None]]]


def engines_of(arguments) -> list[Engine]:
    threads = arguments.threads and str(arguments.threads)
    found: list[Engine] = [Vidrio(arguments.vidrio, threads)]
    found += [Vidrio(arguments.vidrio, threads, variant) for variant in arguments.variant]
    found += [
        Llama(arguments.llama, threads),
        IkLlama(arguments.ik, threads),
        OpenVino(arguments.openvino, threads),
        MistralRs(arguments.mistralrs, threads),
        Jinfer(arguments.jinfer, threads),
    ]
    for engine in found:
        if engine.missing:
            print(f"{engine.name} is left out; to include it: {engine.missing}", flush=True)
    return [engine for engine in found if not engine.missing]


def run_groups(engine: Engine, model: str, setting: Setting, tests: list[Test]) -> dict[str, float]:
    found: dict[str, float] = {}
    errors = []
    for group in groups(tests):
        try:
            found |= engine.run(model, setting, group)
        except TooSlow:
            raise
        except ValueError as error:
            errors.append(str(error))
    if not found:
        raise ValueError("; ".join(dict.fromkeys(errors)) or "supports none of the tests")
    return found


def choose_settings(
    engine: Engine, model: str, tests: list[Test]
) -> tuple[dict[str, Setting], list[Trial]]:
    """Returns the best setting of each test, and the trials of the start and of all other tests."""
    chosen: dict[str, Setting] = {}
    trials: list[Trial] = []

    def measure(setting: Setting, short: list[Test]) -> dict[str, float]:
        try:
            return run_groups(engine, model, setting, short)
        finally:
            engine.close()

    engine.timeout = TRIAL_SECONDS
    start = [test for test in tests if test.kind == "start"]
    others = [test for test in tests if test.kind != "start"]
    for kind, some in (("start", start), ("speed", others)):
        if some:
            options = engine.options(kind, any(test.depth > 0 for test in some))
            best, tried = choose(options, some, measure)
            chosen |= best
            trials += tried
    engine.timeout = ROUND_SECONDS
    return chosen, trials


def run_round(
    engines: list[Engine],
    model: str,
    tests: list[Test],
    settings: dict[str, dict[str, Setting]],
    figures: Figures,
    errors: dict[str, list[str]],
) -> None:
    """Runs each engine's tests that it has a setting for, and appends their figures and errors."""
    for group in groups(tests):
        for engine in engines:
            found: dict[str, float] = {}
            own = settings[engine.name]
            mine = [test for test in group if test.name in own]
            for setting in {describe(own[test.name]): own[test.name] for test in mine}.values():
                some = [test for test in mine if own[test.name] == setting]
                try:
                    found |= engine.run(model, setting, some)
                except ValueError as error:
                    print(f"{engine.name}, {group[0].name}: {error}", flush=True)
                    errors[engine.name].append(str(error))
            for test in group:
                figures[test.name][engine.name].append(found.get(test.name))


def drop_hopeless(
    tests: list[Test], settings: dict[str, dict[str, Setting]], figures: Figures
) -> None:
    """Drops the settings of rivals that were too slow or failed, so that they do not run again."""
    for test in tests:
        rival = best_rival(test, figures[test.name])
        for engine, values in figures[test.name].items():
            slow = rival is not None and (
                values[-1] is None
                or test.ratio(figures[test.name][rival][-1], values[-1]) > HOPELESS
            )
            if slow and not engine.startswith(OURS):
                settings[engine].pop(test.name, None)


def measured(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def best_rival(test: Test, engines: dict[str, list[float | None]]) -> str | None:
    best = None
    for engine, values in engines.items():
        if engine.startswith(OURS) or not measured(values):
            continue
        if best is None or test.is_better(
            median(measured(values)), median(measured(engines[best]))
        ):
            best = engine
    return best


def ratios(test: Test, engines: dict[str, list[float | None]], rival: str, ours: str = OURS):
    """Returns our speed relative to a rival's in each round that both ran."""
    both = zip(engines[ours], engines[rival])
    return [test.ratio(a, b) for a, b in both if a is not None and b is not None]


def read_through(file: str) -> None:
    """Brings a file into the page cache."""
    with open(file, "rb") as stream:
        while stream.read(1 << 24):
            pass


def run_rounds(arguments, engines: list[Engine]) -> dict:
    start = time.monotonic()
    settings: dict[str, dict[str, Setting]] = {}
    trials: dict[str, list[Trial]] = {}
    for engine in engines:
        print(f"settings of {engine.name}", flush=True)
        settings[engine.name], trials[engine.name] = choose_settings(
            engine, arguments.model, arguments.tests
        )
        for test, setting in settings[engine.name].items():
            print(f"  {test}: {describe(setting)}", flush=True)
        for error in {trial.error for trial in trials[engine.name] if trial.error}:
            print(f"  failed: {error}", flush=True)
    chosen = {name: dict(own) for name, own in settings.items()}
    figures: Figures = {t.name: {e.name: [] for e in engines} for t in arguments.tests}
    errors = {
        name: [trial.error for trial in tried if trial.error] for name, tried in trials.items()
    }
    lasted = 0.0
    for i in range(arguments.rounds):
        began = time.monotonic()
        if i > 0 and arguments.minutes and began - start + lasted > 60 * arguments.minutes:
            print(f"{i} rounds: another one would take more than --minutes {arguments.minutes:g}")
            break
        print(f"round {i + 1}: load average {os.getloadavg()[0]:.2f}", flush=True)
        order = engines if i % 2 == 0 else engines[::-1]
        run_round(order, arguments.model, arguments.tests, settings, figures, errors)
        if i == 0:
            drop_hopeless(arguments.tests, settings, figures)
        lasted = time.monotonic() - began
        comparison = result(arguments, engines, chosen, trials, errors, figures)
        if arguments.json is not None:
            Path(arguments.json).write_text(json.dumps(comparison, indent=1) + "\n")
    return comparison


def result(
    arguments,
    engines: list[Engine],
    settings: dict[str, dict[str, Setting]],
    trials: dict[str, list[Trial]],
    errors: dict[str, list[str]],
    figures: Figures,
) -> dict:
    return {
        "model": Path(arguments.model).name,
        "engines": {
            engine.name: {
                "version": engine.version(),
                "settings": {t: describe(s) for t, s in settings[engine.name].items()},
                "trials": [
                    {"setting": describe(t.setting), "figures": t.figures}
                    for t in trials[engine.name]
                ],
                "errors": list(dict.fromkeys(errors[engine.name])),
            }
            for engine in engines
        },
        "rows": [row(test, figures[test.name]) for test in arguments.tests],
    }


def row(test: Test, engines: dict[str, list[float | None]]) -> dict:
    """Returns the figures of a test, and the ratios of Vidrio and its variants to the best rival."""
    rival = best_rival(test, engines)
    found = {"test": test.name, "unit": test.unit, "figures": engines, "rival": rival, "ratios": {}}
    for ours in engines:
        both = ratios(test, engines, rival, ours) if rival and ours.startswith(OURS) else []
        if both:
            found["ratios"][ours] = {"median": median(both), "min": min(both), "max": max(both)}
    return found


def compare(arguments) -> dict:
    engines = engines_of(arguments)
    read_through(arguments.model)
    # Some engines write logs to the current directory.
    with TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            return run_rounds(arguments, engines)
        finally:
            for engine in engines:
                engine.close()


def print_table(comparison: dict) -> None:
    names = list(comparison["engines"])
    widths = [max(len(name), 8) for name in names]
    header = "  ".join(f"{name:>{width}}" for name, width in zip(names, widths))
    print(f"\n{'test':12}  {header}   ratio to the best rival, range")
    for found in comparison["rows"]:
        cells = []
        for name, width in zip(names, widths):
            values = measured(found["figures"][name])
            digits = 2 if found["unit"] == "s" else 1
            cells.append(f"{median(values):{width}.{digits}f}" if values else f"{'–':>{width}}")
        verdict = ""
        if OURS in found["ratios"]:
            ratio = found["ratios"][OURS]
            verdict = f"{ratio['median']:.2f} to {found['rival']}"
            verdict += f", {ratio['min']:.2f} to {ratio['max']:.2f}"
        print(f"{found['test']:12}  {'  '.join(cells)}   {verdict}")
    print("start in seconds, others in tokens per second; settings:")
    for name, engine in comparison["engines"].items():
        by_setting: dict[str, list[str]] = {}
        for test, setting in engine["settings"].items():
            by_setting.setdefault(setting, []).append(test)
        for setting, tests in by_setting.items():
            print(f"  {name}, {' '.join(tests)}: {setting}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compares the speed of Vidrio and of other engines, each at its best setting."
    )
    parser.add_argument("model", type=os.path.abspath, help="GGUF file")
    for engine, metavar, text in (
        ("llama", "DIRECTORY", "programs of llama.cpp"),
        ("ik", "DIRECTORY", "programs of ik_llama.cpp"),
        ("openvino", "PYTHON", "a Python with openvino-genai"),
        ("mistralrs", "PYTHON", "a Python with mistralrs"),
        ("jinfer", "DIRECTORY", "a built clone of jinfer"),
    ):
        parser.add_argument(f"--{engine}", metavar=metavar, type=os.path.abspath, help=text)
    parser.add_argument(
        "--variant", action="append", default=[], metavar="ARGUMENTS",
        help="also run Vidrio with these arguments, as in --variant=--arithmetic=bf16",
    )  # fmt: skip
    parser.add_argument(
        "--tests", nargs="+", type=Test.parse, default=[Test.parse(t) for t in DEFAULT_TESTS],
        help=f"what to measure (default: {' '.join(DEFAULT_TESTS)})",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--minutes", type=float, help="begin no round that would end later")
    parser.add_argument("--json", type=os.path.abspath, help="also write all numbers to this file, after each round")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    # Ends the processes of engines, also stopped ones, also if this one is terminated.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        if arguments.rounds < 1:
            raise ValueError(f"--rounds is {arguments.rounds}, must be at least 1")
        comparison = compare(arguments)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    print_table(comparison)


if __name__ == "__main__":
    main()
