#!/usr/bin/env python3
"""Compares Vidrio's topology with hwloc's on the machines that hwloc's tests record.

    git clone --depth 1 https://github.com/open-mpi/hwloc
    cmake --preset host && cmake --build --preset host --target test_topology_linux
    bench/topology/hwloc.py compare hwloc/tests/hwloc build/host/test/test_topology_linux
    bench/topology/hwloc.py record hwloc/tests/hwloc native/test/os/machines MACHINE...

A machine is an archive of its /sys and /proc; the expected sets of processors are read from the
output of lstopo next to it. `record` writes the files that matter and these sets as a text for
native/test/os/test_topology_linux.c.
"""

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

# Machines on which the two differ, with the reason.
UNITS = "two cores of this processor have one vector unit in common; Vidrio follows Linux, which calls them siblings"
DIFFERENCES = {
    "40intel64-4n10c+pci-conflicts": "the recorded caches contradict each other",
    "5intel64-hybrid-lakefield": "Linux 5.3 does not report kinds of cores; hwloc reads them from CPUID",
    "64amd64-4p2n4ca2co": UNITS,
    "64amd64-4s2n4ca2co": UNITS,
    "fakeheterocpunuma": "a made-up machine: nodes overlap",
}
FOREIGN = ("ia64", "ppc", "s390", "ps3", "pa-pci", "nvidiagpunumanodes")  # not x86 or Arm
LEVELS = ("package", "node", "cache", "core")


@dataclass
class Expected:
    """Sets of processors as lstopo prints them, and the speeds of kinds of cores, if any."""

    processors: set = field(default_factory=set)
    sets: dict = field(default_factory=lambda: {level: [] for level in LEVELS})
    kinds: list = field(default_factory=list)  # (speed, processors)


@dataclass
class Thing:
    """An object of lstopo's tree."""

    type: str
    processor: int = -1
    children: list = field(default_factory=list)

    def processors(self):
        if self.type == "PU":
            return {self.processor}
        return set().union(*(child.processors() for child in self.children))


def is_memory(thing):
    return thing.type in ("NUMANode", "MemCache")


def cache_level(thing):
    match = re.fullmatch(r"L(\d)d?(Cache)?", thing.type)
    return int(match[1]) if match else 0


def collect(thing, parent, expected, cached=False):
    """Adds the sets of a subtree. A memory node belongs to the processors of its parent."""
    processors = thing.processors()
    if thing.type == "PU":
        expected.processors |= processors
    elif thing.type in ("Package", "Socket", "Core") and processors:
        expected.sets["package" if thing.type != "Core" else "core"].append(processors)
    elif thing.type == "NUMANode" and parent.processors():
        expected.sets["node"].append(parent.processors())
    elif cache_level(thing) and not cached and processors:
        expected.sets["cache"].append(processors)
        cached = True
    for child in thing.children:
        collect(child, parent if is_memory(thing) else thing, expected, cached)


def read_console(text):
    root, expected = None, Expected()
    stack = []
    for line in text.splitlines():
        if match := re.match(r"CPU kind #\d+ efficiency (\d+) cpuset (\S+)", line):
            expected.kinds.append((int(match[1]), mask(match[2])))
        match = re.match(r"( *)([A-Z]\w*)(?: L#\d+)?(?: \((?:P#(\d+))?|$)", line)
        if not match or line.startswith(("CPU kind", "Special", "Topology", "depth", "  Freq")):
            continue
        depth = len(match[1]) // 2
        thing = Thing(match[2], int(match[3] or -1))
        del stack[depth:]
        if depth > len(stack):
            continue
        if stack:
            stack[-1].children.append(thing)
        root = root or thing
        stack.append(thing)
    collect(root, root, expected)
    return expected


def mask(text):
    number = 0
    for word in text.split(","):
        number = number << 32 | int(word or "0", 16)
    return {i for i in range(number.bit_length()) if number >> i & 1}


def read_xml(text):
    tree = ElementTree.fromstring(text)

    def convert(element):
        return Thing(
            element.get("type"),
            int(element.get("os_index", -1)),
            [convert(child) for child in element.findall("object")],
        )

    expected = Expected()
    root = convert(tree.find("object"))
    collect(root, root, expected)
    allowed = mask(tree.find("object").get("allowed_cpuset", "0xffffffff" + ",0xffffffff" * 99))
    expected.processors &= allowed
    for kind in tree.findall("cpukind"):
        expected.kinds.append((int(kind.get("forced_efficiency", 0)), mask(kind.get("cpuset"))))
    return expected


def settings(test):
    lines = [line.split(":", 1) for line in test.read_text().splitlines() if ":" in line]
    return {key: value.strip() for key, value in lines if not key.startswith("#")}


def machines(directory):
    """Yields (name, archive, expected), each machine once, with the plainest of its tests."""
    found = {}
    for test in sorted(directory.glob("*linux/*.test")):
        own = settings(test)
        archive, target = test.parent / own["source"], test.parent / own["target"]
        plain = not re.search("merge|filter|disallowed|no-caches", own.get("options", ""))
        if archive not in found or (plain and not found[archive][1]):
            found[archive] = target, plain
    for archive, (target, _) in sorted(found.items()):
        read = read_xml if target.suffix == ".xml" else read_console
        yield archive.name.removesuffix(".tar.bz2"), archive, read(target.read_text())


def unpack(archive, directory):
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="fully_trusted")
    root = next(Path(directory).iterdir())
    return root / "fsroot" if (root / "fsroot").is_dir() else root


def actual_sets(program, root):
    sets = {level: defaultdict(set) for level in LEVELS}
    output = subprocess.run([program, root], check=True, capture_output=True, text=True).stdout
    *lines, summary = output.splitlines()
    for line in lines:
        processor, *numbers, _, allowed, _ = (int(word) for word in line.split())
        if allowed:
            for level, number in zip(LEVELS, numbers):
                sets[level][number].add(processor)
    counts = tuple(int(number) for number in re.match(r"(\d+) workers, (\d+) fast", summary).groups())
    return {level: list(of_level.values()) for level, of_level in sets.items()}, counts


def workers(expected):
    """Workers, one per core, and fast ones: of cores of several kinds, those with the largest n * speed."""
    cores = [core & expected.processors for core in expected.sets["core"]]
    cores = [core for core in cores if core] or [{p} for p in expected.processors]
    best = len(cores)
    if len(expected.kinds) > 1:
        speed = {p: s for s, processors in expected.kinds for p in processors}
        speeds = [max(speed[p] for p in core) for core in cores]
        counts = {s: sum(other >= s for other in speeds) for s in set(speeds)}
        best = counts[max(counts, key=lambda s: (s * counts[s], s))]
    return len(cores), best


def normalize(sets, processors):
    found = {frozenset(one & processors) for one in sets}
    return sorted(found - {frozenset()}, key=min)


def compare(arguments):
    failures = 0
    for name, archive, expected in machines(arguments.directory):
        if any(word in name for word in FOREIGN):
            continue
        with tempfile.TemporaryDirectory() as directory:
            sets, counts = actual_sets(arguments.program, unpack(archive, directory))
        wrong = []
        for level in LEVELS:
            known = set().union(*expected.sets[level]) & expected.processors
            want = normalize(expected.sets[level], expected.processors)
            got = normalize(sets[level], known)
            if want != got:
                wrong.append(f"{level}: {show(want)}, got {show(got)}")
        used = set().union(*sets["core"])
        if used != expected.processors:
            wrong.append(f"allowed: {as_list(expected.processors)}, got {as_list(used)}")
        if counts != workers(expected):
            wrong.append(f"workers, fast ones: {workers(expected)}, got {counts}")
        known = DIFFERENCES.get(name)
        failures += bool(wrong) != bool(known)
        sizes = " ".join(f"{len(sets[level])} {level}s," for level in LEVELS)
        print(f"{name}: {sizes} {counts[0]} workers, {counts[1]} fast" + (f" ({known})" if known else ""))
        for line in wrong:
            print(f"    {line}")
    return 1 if failures else 0


def as_list(processors):
    ranges = []
    for p in sorted(processors):
        if ranges and p == ranges[-1][1] + 1:
            ranges[-1][1] = p
        else:
            ranges.append([p, p])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def show(sets):
    return " ".join(as_list(one) for one in sets)


CPU_FILES = (
    "topology/core_cpus",
    "topology/thread_siblings",
    "topology/package_cpus",
    "topology/core_siblings",
    "cpu_capacity",
    "cpufreq/cpuinfo_max_freq",
)


def text_of(path):
    return path.read_text().rstrip("\0\n") if path.is_file() else None


def cpu_files(cpu):
    """Yields names and texts of a processor's files, without the first of several levels of caches."""
    for name in CPU_FILES:
        yield name, text_of(cpu / name)
    indices = sorted(cpu.glob("cache/index*"))
    levels = {text_of(index / "level") for index in indices}
    for index in indices:
        if text_of(index / "level") != "1" or levels == {"1"}:
            for name in ("level", "shared_cpu_map"):
                yield f"cache/{index.name}/{name}", text_of(index / name)


def recorded_files(root):
    """Yields (path, text) of the other files."""
    for path in ("sys/devices/system/cpu/online", "sys/devices/cpu_atom/cpus", "proc/self/cpuset"):
        yield path, text_of(root / path)
    for path in root.glob("sys/devices/system/node/node*/cpumap"):
        yield str(path.relative_to(root)), text_of(path)
    mounts = (text_of(root / "proc/mounts") or "").splitlines()
    mounts = [line for line in mounts if re.search(" (cgroup2|cgroup|cpuset) ", line)]
    yield "proc/mounts", "\n".join(mounts)
    yield "proc/self/cgroup", text_of(root / "proc/self/cgroup")
    for mount in mounts:
        directory = mount.split()[1].lstrip("/")
        for path in (root / directory).rglob("*cpus*"):
            if path.name in ("cpuset.cpus.effective", "cpuset.cpus", "cpus"):
                yield str(path.relative_to(root)), text_of(path)


def record_machine(name, archive, expected):
    lines = [
        f"# {name}, from tests/hwloc of https://github.com/open-mpi/hwloc, by bench/topology/hwloc.py.",
        "# SPDX-License-Identifier: BSD-3-Clause. Copyright (c) CNRS, Inria, Universite Bordeaux, Cisco",
        "# Systems, Inc. and others; see LICENSE in this directory.",
    ]
    groups = defaultdict(set)
    with tempfile.TemporaryDirectory() as directory:
        root = unpack(archive, directory)
        for path, text in sorted(recorded_files(root), key=lambda pair: pair[0]):
            if text:
                lines.append(f"file /{path} " + text.replace("\n", "\\n"))
        for cpu in root.glob("sys/devices/system/cpu/cpu[0-9]*"):
            for file, text in cpu_files(cpu):
                if text:
                    groups[file, text].add(int(cpu.name[3:]))
    for (file, text), cpus in sorted(groups.items(), key=lambda pair: (pair[0][0], min(pair[1]))):
        lines.append(f"cpus {as_list(cpus)} {file} {text}")
    lines.append("expect allowed " + as_list(expected.processors))
    for level in LEVELS:
        if sets := normalize(expected.sets[level], expected.processors):
            lines.append(f"expect {level} " + show(sets))
    lines.append("expect fast {1}\nexpect workers {0}".format(*workers(expected)))
    return "\n".join(lines) + "\n"


def record(arguments):
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, archive, expected in machines(arguments.directory):
        if name in arguments.machines:
            target = arguments.output / (name + ".txt")
            target.write_text(record_machine(name, archive, expected))
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("compare")
    command.add_argument("directory", type=Path)
    command.add_argument("program")
    command.set_defaults(run=compare)
    command = commands.add_parser("record")
    command.add_argument("directory", type=Path)
    command.add_argument("output", type=Path)
    command.add_argument("machines", nargs="+")
    command.set_defaults(run=record)
    options = parser.parse_args()
    sys.exit(options.run(options))
