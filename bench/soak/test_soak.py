import unittest

from soak import Interval, Use, growth


def interval(memory=100, heap=50, threads=30, files=90, latency=0.2):
    return Interval(Use(memory, heap, threads, files), [latency])


class GrowthTest(unittest.TestCase):
    def test_ignores_the_warm_up_and_noise(self):
        warm = [interval(memory=20 + 20 * i, latency=5) for i in range(3)]
        steady = [interval(memory=100 + i % 3, threads=30 + i % 2) for i in range(9)]
        self.assertEqual([], growth(warm + steady))

    def test_finds_each_kind_of_growth(self):
        for name, step in ("memory", 10), ("heap", 6), ("threads", 2), ("files", 4):
            intervals = [interval(**{name: 100 + step * i}) for i in range(12)]
            self.assertEqual(1, len(growth(intervals)), name)
            self.assertIn(name, growth(intervals)[0])

    def test_ignores_the_heap_of_running_requests(self):
        intervals = [interval(heap=50 + (40 + i) * (i % 2)) for i in range(24)]
        self.assertEqual([], growth(intervals))

    def test_finds_slower_answers(self):
        intervals = [interval(latency=0.1 + 0.2 * i) for i in range(12)]
        self.assertIn("median latency grew", growth(intervals)[0])

    def test_judges_no_short_run(self):
        self.assertEqual([], growth([interval(), interval(memory=900)]))


if __name__ == "__main__":
    unittest.main()
