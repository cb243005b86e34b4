"""Tests of compare_speed.py's parts: `python3 -m unittest discover bench/peers`."""

import argparse
import sys
import tempfile
import unittest
from pathlib import Path

import compare_speed
import engines
import speed
from speed import Test, choose, groups


class ReasonTest(unittest.TestCase):
    def test_is_the_message_of_an_exception(self):
        printed = 'loading\nException in thread "main" a.b.Error: no tokenizer\n\tat a.b.C.d(C.java:1)'
        self.assertEqual("no tokenizer", engines.reason_of(printed))

    def test_is_otherwise_the_last_words(self):
        self.assertEqual("x" * 294 + " ended", engines.reason_of("x" * 500 + "\nended"))


class ParseTest(unittest.TestCase):
    def test_reads_kind_tokens_depth_and_sequences(self):
        self.assertEqual(Test("pp512@4096", "pp", 512, 4096, 1), Test.parse("pp512@4096"))
        self.assertEqual(Test("tg64x16", "tg", 64, 0, 16), Test.parse("tg64x16"))
        self.assertEqual("start", Test.parse("start").kind)

    def test_rejects_other_names(self):
        for name in ("pp0", "pp512x4", "tg", "start2", "tg64@"):
            with self.subTest(name), self.assertRaisesRegex(argparse.ArgumentTypeError, name):
                Test.parse(name)

    def test_chooses_settings_by_shorter_tests(self):
        names = {"pp512": "pp64", "tg4": "tg4", "tg128@4096": "tg16@512", "tg64x16": "tg16x16"}
        for name, shorter in names.items():
            self.assertEqual(shorter, Test.parse(name).shorter().name)

    def test_start_is_better_if_shorter(self):
        self.assertEqual(2, Test.parse("start").ratio(1.5, 3))
        self.assertEqual(2, Test.parse("pp512").ratio(200, 100))

    def test_groups_by_depth_and_sequences(self):
        names = ["start", "pp512", "tg4x2", "tg128", "tg4@8"]
        found = [[t.name for t in group] for group in groups(map(Test.parse, names))]
        self.assertEqual([["start"], ["pp512", "tg128"], ["tg4x2"], ["tg4@8"]], found)


class ChooseTest(unittest.TestCase):
    OPTIONS = {"flash": ["off", "on"], "cache": ["f16", "f32"]}
    TESTS = [Test.parse("pp16"), Test.parse("tg16")]

    def test_combines_the_values_that_are_best_alone(self):
        def measure(setting, tests):
            gain = (setting["flash"] == "on") + 2 * (setting["cache"] == "f32")
            return {"pp16": 100.0 + 10 * gain, "tg16": 10.0 - gain}

        chosen, trials = choose(self.OPTIONS, self.TESTS, measure)
        self.assertEqual({"flash": "on", "cache": "f32"}, chosen["pp16"])
        self.assertEqual({"flash": "off", "cache": "f16"}, chosen["tg16"])
        self.assertEqual(4, len(trials))

    def test_keeps_a_single_value_if_its_combination_is_slower(self):
        def measure(setting, tests):
            both = setting == {"flash": "on", "cache": "f32"}
            return {"pp16": 50.0 if both else 100.0 + 10 * (setting["flash"] == "on")
                    + 20 * (setting["cache"] == "f32")}  # fmt: skip

        chosen, _ = choose(self.OPTIONS, self.TESTS[:1], measure)
        self.assertEqual({"flash": "off", "cache": "f32"}, chosen["pp16"])

    def test_keeps_the_default_within_noise(self):
        chosen, _ = choose(
            self.OPTIONS,
            self.TESTS[:1],
            lambda setting, tests: {"pp16": 100.0 + 2 * (setting["flash"] == "on")},
        )
        self.assertEqual({"flash": "off", "cache": "f16"}, chosen["pp16"])

    def test_leaves_out_tests_and_settings_that_fail(self):
        def measure(setting, tests):
            if setting["flash"] == "off":
                raise ValueError("not supported")
            return {"pp16": 1.0}

        chosen, trials = choose(self.OPTIONS, self.TESTS, measure)
        self.assertEqual({"pp16": {"flash": "on", "cache": "f16"}}, chosen)
        self.assertEqual("not supported", trials[0].error)

    def test_an_engine_that_is_too_slow_has_no_more_trials(self):
        def measure(setting, tests):
            raise speed.TooSlow("no answer for 90 s")

        chosen, trials = choose(self.OPTIONS, self.TESTS, measure)
        self.assertEqual({}, chosen)
        self.assertEqual(["no answer for 90 s"], [trial.error for trial in trials])

    def test_an_engine_without_a_choice_has_no_trials(self):
        chosen, trials = choose({"threads": ["2"]}, self.TESTS, lambda setting, tests: self.fail())
        self.assertEqual({"threads": "2"}, chosen["tg16"])
        self.assertEqual([], trials)

    def test_a_start_is_chosen_by_the_fewest_seconds(self):
        def measure(setting, tests):
            return {"start": 3.0 if setting["repack"] == "on" else 2.0}

        chosen, _ = choose({"repack": ["on", "off"]}, [Test.parse("start")], measure)
        self.assertEqual({"start": {"repack": "off"}}, chosen)


class RatioTest(unittest.TestCase):
    FIGURES = {"Vidrio": [20.0, 30.0, 22.0], "Vidrio --arithmetic=bf16": [40.0, 40.0, 40.0],
               "a": [10.0, 10.0, 20.0], "b": [4.0, None, None], "c": [None, None, None]}  # fmt: skip
    TEST = Test.parse("tg16")

    def test_best_rival_is_not_ours(self):
        self.assertEqual("a", compare_speed.best_rival(self.TEST, self.FIGURES))

    def test_ratios_are_taken_within_rounds(self):
        self.assertEqual([2, 3, 1.1], compare_speed.ratios(self.TEST, self.FIGURES, "a"))
        self.assertEqual([5], compare_speed.ratios(self.TEST, self.FIGURES, "b"))

    def test_a_row_has_ratios_of_variants_too(self):
        found = compare_speed.row(self.TEST, self.FIGURES)
        self.assertEqual("a", found["rival"])
        self.assertEqual({"median": 2, "min": 1.1, "max": 3}, found["ratios"]["Vidrio"])
        self.assertEqual(4, found["ratios"]["Vidrio --arithmetic=bf16"]["median"])

    def test_hopeless_and_failed_rivals_run_once(self):
        settings = {engine: {"tg16": {}} for engine in self.FIGURES}
        first = {engine: values[:1] for engine, values in self.FIGURES.items()}
        first["Vidrio"] = [1.0]
        compare_speed.drop_hopeless([self.TEST], settings, {"tg16": first})
        kept = [engine for engine, own in settings.items() if own]
        self.assertEqual(["Vidrio", "Vidrio --arithmetic=bf16", "a"], kept)


class EngineTest(unittest.TestCase):
    def test_reads_the_speed_of_batches_from_json_and_from_a_table(self):
        json_row = 'log\n{"pp": 1, "tg": 4, "speed_pp": 1.5, "speed_tg": 78.25}\n'
        table = (
            "|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |\n"
            "|-------|--------|------|--------|----------|----------|----------|----------|----------|\n"
            "|     1 |      4 |    4 |     20 |    0.100 |    40.00 |    0.200 |    80.50 |    0.300 |\n\n"
        )
        self.assertEqual(78.25, engines.batched_speed(json_row))
        self.assertEqual(80.5, engines.batched_speed(table))
        with self.assertRaisesRegex(ValueError, "printed no result"):
            engines.batched_speed("")

    def test_reads_the_speeds_that_jinfer_prints(self):
        printed = (
            "| m | 2 | pp512  |   301.68 ± 0.00 |\n| m | 2 | tg64   | 20.71 ± 0.10 |\n| m | 1 |"
        )
        self.assertEqual({"pp512": 301.68, "tg64": 20.71}, engines.jinfer_speeds(printed))

    def test_one_command_measures_a_prompt_and_a_generation(self):
        names = ["pp8", "tg2", "tg4"]
        found = engines.pairs([Test.parse(name) for name in names])
        self.assertEqual(
            [("pp8", "tg2"), (None, "tg4")], [tuple(t and t.name for t in pair) for pair in found]
        )

    def test_missing_engines_say_where_to_get_them(self):
        self.assertIn("--ik DIRECTORY", engines.IkLlama(None, None).missing)
        self.assertIn("pip install openvino-genai", engines.OpenVino(None, None).missing)

    def test_a_failed_command_names_its_program_and_error(self):
        command = [sys.executable, "-c", "import sys; sys.exit('no such model')"]
        with self.assertRaisesRegex(ValueError, "exited with 1: no such model"):
            engines.output(command)

    def test_a_start_ends_with_the_first_byte(self):
        code = (
            "import sys, time; print('a', flush=True); time.sleep(0.2); sys.exit(int(sys.argv[1]))"
        )
        command = [sys.executable, "-c", code]
        self.assertLess(0, engines.seconds_to_first_byte([*command, "0"], 60))
        with self.assertRaisesRegex(ValueError, "exited with 3"):
            engines.seconds_to_first_byte([*command, "3"], 60)
        with self.assertRaisesRegex(speed.TooSlow, "no token after 0.05 s"):
            engines.seconds_to_first_byte(
                [sys.executable, "-c", "import time; time.sleep(9)"], 0.05
            )

    def test_a_python_engine_answers_several_tests_of_one_process(self):
        script = (
            "import json, sys, os\n"
            "print('{}', flush=True)\n"
            "for line in sys.stdin:\n"
            "    test = json.loads(line)\n"
            "    answer = {'seconds': 2.0} if test['kind'] == 'pp' else {'error': 'no batches'}\n"
            "    print(json.dumps(answer), flush=True)\n"
        )
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory, "engine.py")
            file.write_text(script)
            engine = engines.OpenVino(sys.executable, "2")
            engine.script = str(file)
            try:
                tests = [Test.parse("pp8"), Test.parse("tg2x4")]
                self.assertEqual({"pp8": 4.0}, engine.run("model", {}, tests))
                self.assertEqual(1, len(engine.processes))
                with self.assertRaisesRegex(ValueError, "no batches"):
                    engine.run("model", {}, tests[1:])
                file.write_text("import time; time.sleep(60)")
                engine.timeout = 0.05
                with self.assertRaisesRegex(speed.TooSlow, "no answer for 0.05 s"):
                    engine.run("another model", {}, tests)
                self.assertEqual({}, engine.processes)
            finally:
                engine.close()


class DescribeTest(unittest.TestCase):
    def test_describes_a_setting(self):
        self.assertEqual("threads 2, cache f16", speed.describe({"threads": "2", "cache": "f16"}))


if __name__ == "__main__":
    unittest.main()
