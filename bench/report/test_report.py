"""Tests of report.py: `python3 -m unittest discover bench/report`."""

import json
import os
import tempfile
import unittest
from pathlib import Path

import report
import results


def comparison(test: str, unit: str, ours: list, theirs: list) -> dict:
    return {
        "model": "a.gguf",
        "engines": {
            "Vidrio": {"version": "1", "settings": {test: "threads 2"}, "trials": [], "errors": []},
            "llama.cpp": {
                "version": "2",
                "settings": {test: "repack on"},
                "trials": [],
                "errors": [],
            },
            "OpenVINO": {
                "version": "3",
                "settings": {},
                "trials": [],
                "errors": ["not supported"],
            },
        },
        "rows": [
            {
                "test": test,
                "unit": unit,
                "figures": {"Vidrio": ours, "llama.cpp": theirs, "OpenVINO": [None]},
                "rival": "llama.cpp",
                "ratios": {"Vidrio": {"median": 1.5, "min": 1.25, "max": 2.0}},
            }
        ],
    }


class ReportTest(unittest.TestCase):
    def test_a_section_shows_all_engines_and_the_ratio_to_the_best_rival(self):
        text = report.peers_section(comparison("pp512", "tokens/s", [150.0, 180.0], [120.0, None]))
        self.assertIn("| test | Vidrio | llama.cpp | OpenVINO | best rival | ratio | range |", text)
        self.assertIn("| pp512 | 165 | **120** | – | llama.cpp | **1.50** | 1.25 – 2.00 |", text)
        self.assertIn("2 rounds", text)
        self.assertIn("- llama.cpp 2: pp512: repack on", text)
        self.assertIn("- OpenVINO 3: did not run (not supported)", text)

    def test_a_start_is_in_seconds(self):
        text = report.peers_section(comparison("start", "s", [2.0], [3.004]))
        self.assertIn("| start | 2.00 s | **3.00 s** |", text)

    def test_files_of_one_model_are_one_comparison(self):
        with tempfile.TemporaryDirectory() as directory:
            for seconds, test in enumerate(("tg128", "pp512")):
                file = Path(directory, f"speed-a-{test}.json")
                file.write_text(json.dumps(comparison(test, "tokens/s", [2.0], [1.0])))
                os.utime(file, (seconds, seconds))
            found = results.comparisons(Path(directory))
        self.assertEqual(1, len(found))
        self.assertEqual(["tg128", "pp512"], [row["test"] for row in found[0]["rows"]])
        self.assertEqual(["tg128", "pp512"], list(found[0]["engines"]["Vidrio"]["settings"]))

    def test_sections_are_kept_by_title(self):
        page = "# Page\n\nText.\n\n## A\n\n### B\n\nC\n\n## D\n\nE\n"
        self.assertEqual(
            {"A": "## A\n\n### B\n\nC\n", "D": "## D\n\nE\n"}, report.kept_sections(page)
        )

    def test_sections_of_other_machines_keep_their_place(self):
        sections = {"B: x": "1", "A": "2", "B": "3", "A: y": "4", "C": "5"}
        self.assertEqual(["2", "4", "1", "3"], report.ordered(sections, ["A", "B"]))
        self.assertEqual("A: y", report.title("A", "y"))
        self.assertEqual("A", report.title("A", None))


if __name__ == "__main__":
    unittest.main()
