"""The tests that compare_speed.py runs, and how settings are chosen for them. Needs nothing beyond Python."""

import argparse
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Setting = dict[str, str]
# Shorter tests choose the settings: lengths and depths are divided by this, but not below SHORTEST.
SHORTER, SHORTEST = 8, 16
# A setting replaces an earlier one if it is faster by more than the noise of a short test.
MARGIN = 1.03


@dataclass(frozen=True)
class Test:
    """A measurement.

    The kind is `pp`, the processing of a prompt of `tokens` tokens after `depth` others; `tg`, the
    generation of `tokens` tokens in each of `sequences` sequences; or `start`, from the start of a
    process to its first token.
    """

    name: str
    kind: str
    tokens: int = 1
    depth: int = 0
    sequences: int = 1

    @staticmethod
    def parse(text: str) -> "Test":
        if text == "start":
            return Test(text, text)
        match = re.fullmatch(r"(pp|tg)([1-9]\d*)(?:@(\d+))?(?:x([1-9]\d*))?", text)
        if match is None or (match[1] == "pp" and match[4] is not None):
            raise argparse.ArgumentTypeError(
                f"{text}: must be start, pp<N>[@<D>] or tg<N>[@<D>][x<S>], as in pp512@4096 or tg64x16"
            )
        return Test(text, match[1], int(match[2]), int(match[3] or 0), int(match[4] or 1))

    @property
    def unit(self) -> str:
        return "s" if self.kind == "start" else "tokens/s"

    def ratio(self, ours: float, theirs: float) -> float:
        """Returns how many times as fast we are."""
        return theirs / ours if self.kind == "start" else ours / theirs

    def is_better(self, a: float, b: float, margin: float = 1) -> bool:
        return self.ratio(a, b) > margin

    def shorter(self) -> "Test":
        """Returns the test that chooses the setting of this one."""
        if self.kind == "start":
            return self
        tokens = min(self.tokens, max(SHORTEST, self.tokens // SHORTER))
        depth = min(self.depth, max(SHORTEST, self.depth // SHORTER))
        text = (
            f"{self.kind}{tokens}"
            + f"@{depth}" * (depth > 0)
            + f"x{self.sequences}" * (self.sequences > 1)
        )
        return Test.parse(text)


def groups(tests: Iterable[Test]) -> list[list[Test]]:
    """Returns the tests in groups that one process can run: of one depth and number of sequences."""
    found: dict[tuple, list[Test]] = {}
    for test in tests:
        found.setdefault((test.kind == "start", test.depth, test.sequences), []).append(test)
    return list(found.values())


class TooSlow(ValueError):
    """An engine took longer than it may."""


@dataclass(frozen=True)
class Trial:
    """The figures of the shorter tests with a setting, or the error of the engine."""

    setting: Setting
    figures: dict[str, float]
    error: str = ""


def choose(
    options: dict[str, list[str]],
    tests: list[Test],
    measure: Callable[[Setting, list[Test]], dict[str, float]],
) -> tuple[dict[str, Setting], list[Trial]]:
    """Returns the best setting of each test, and all trials.

    The first value of an option is its default. Trials change one option each; then the values that
    were best alone are combined. The best setting of a test is that of its best trial. A test is
    absent if no trial measured it. An engine that is too slow in a trial has no more of them, and
    one without a choice has none.

    Args:
        measure: returns the figures of tests with a setting; raises ValueError
    """
    default = {option: values[0] for option, values in options.items()}
    if all(len(values) == 1 for values in options.values()):
        return {test.name: default for test in tests}, []
    trials: list[Trial] = []
    too_slow: list[Setting] = []

    def run(setting: Setting) -> None:
        if too_slow or any(trial.setting == setting for trial in trials):
            return
        short = list(dict.fromkeys(test.shorter() for test in tests))
        try:
            trials.append(Trial(setting, measure(setting, short)))
        except ValueError as error:
            trials.append(Trial(setting, {}, str(error)))
            if isinstance(error, TooSlow):
                too_slow.append(setting)

    def best(test: Test, among: Iterable[Trial]) -> Trial | None:
        name, found = test.shorter().name, None
        for trial in among:
            if name in trial.figures:
                if found is None or test.is_better(
                    trial.figures[name], found.figures[name], MARGIN
                ):
                    found = trial
        return found

    run(default)
    for option, values in options.items():
        for value in values[1:]:
            run(default | {option: value})
    alone = list(trials)
    for test in tests:
        combined = {}
        for option in options:
            # The default, and the trials that change only this option.
            own = [
                t for t in alone if all(t.setting[o] == default[o] for o in options if o != option)
            ]
            winner = best(test, own)
            if winner is not None:
                combined[option] = winner.setting[option]
        run(default | combined)
    chosen = {test.name: best(test, trials) for test in tests}
    return {name: trial.setting for name, trial in chosen.items() if trial is not None}, trials


def describe(setting: Setting) -> str:
    """Returns a setting in words, as in `flash attention on, cache f16`."""
    return ", ".join(f"{option} {value}" for option, value in setting.items())
