#!/usr/bin/env python3
"""Mixed traffic for hours against `vidrio serve`, which must not grow, slow down or change a bit.

    bench/soak/soak.py [--seconds 3600] [--interval 60] [--clients 8] [--rate 1] [-m MODEL]

Clients complete, stream, disconnect, use an adapter, drafts, grammars, beams, edits and the lens, and
let another model be unloaded and loaded again. Each interval prints requests, latency, memory, live
heap, threads and open files. A sample of answers is computed again, alone and without cached prefixes.
Exits with 1 on growth, on an unexpected status, or if a bit differs. Uses ./vidrio, or the command
--vidrio; Linux only.
"""

import argparse
import http.client
import json
import os
import random
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TEXTS = ["To be, or not to be", "Now is the winter", "All the world's a stage, and all the men"]
# The heap has one size and is in memory from the start, and malloc has few arenas. Otherwise their
# fragmentation grows for an hour, and other growth of memory could not be seen.
STEADY = {"JAVA_TOOL_OPTIONS": "-Xms512m -Xmx512m -XX:+AlwaysPreTouch", "MALLOC_ARENA_MAX": "2"}
SAMPLED = 0.05  # of the answers with a seed
WARM_UP = 0.3  # of the intervals, during which caches fill and code is compiled


@dataclass
class Use:
    """Resources of the server's process."""

    memory: int  # MB, without shared files
    heap: int  # MB, live
    threads: int
    files: int


@dataclass
class Interval:
    use: Use
    latencies: list = field(default_factory=list)

    @property
    def median(self):
        return statistics.median(self.latencies) if self.latencies else 0.0


def growth(intervals):
    """Returns what has grown from the first third after the warm-up to the last; no short run has."""
    steady = intervals[int(len(intervals) * WARM_UP) :]
    third = max(1, len(steady) // 3)
    begin, end = steady[:third], steady[-third:]
    found = []
    if len(steady) < 3:
        return found
    # The live heap has what running requests use too: only its least value shows a leak.
    limits = ("memory", 48, max), ("heap", 16, min), ("threads", 8, max), ("files", 16, max)
    for name, tolerance, of in limits:
        before, after = (of(getattr(i.use, name) for i in part) for part in (begin, end))
        if after > before + tolerance:
            found.append(f"{name} grew from {before} to {after}")
    before, after = (statistics.median(i.median for i in part) for part in (begin, end))
    if after > 2 * before + 0.1:
        found.append(f"median latency grew from {before:.3f} to {after:.3f} s")
    return found


def write_adapter(directory, width):
    """Writes a PEFT adapter of the first layer's output projection with random factors."""
    rng = random.Random(5)
    directory.mkdir()
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "target_modules": ["o_proj"]}
    (directory / "adapter_config.json").write_text(json.dumps(config))
    tensors, data = {}, b""
    for part, shape in ("A", [2, width]), ("B", [width, 2]):
        values = [rng.uniform(-0.05, 0.05) for _ in range(2 * width)]
        name = f"base_model.model.model.layers.0.self_attn.o_proj.lora_{part}.weight"
        begin, data = len(data), data + struct.pack(f"<{2 * width}f", *values)
        tensors[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    header = json.dumps(tensors).encode()
    content = struct.pack("<Q", len(header)) + header + data
    (directory / "adapter_model.safetensors").write_bytes(content)


class Server:
    """A server with the model, an adapter of it, and another model that is unloaded when idle."""

    def __init__(self, command, model, directory):
        inspected = subprocess.run(
            [*command, "inspect", "--json", "-m", model],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        write_adapter(directory / "adapter", json.loads(inspected.stdout)["runtime"]["d"])
        self.log = (directory / "log").open("w")
        options = ["--port", "0", "--keep-alive", "1", "--parallel", "6"]
        # So small that requests wait and caches are soon full.
        options += ["--context", "512", "--kv-memory", "64"]
        models = ["-m", f"main={model}", "-m", "other=bard", "--adapter", f"adapted=main:{directory}/adapter"]
        cache = ["--cache-dir", str(directory / "cache"), "--cache-dir-size", "64"]
        self.process = subprocess.Popen(
            [*command, "serve", *options, *models, *cache],
            env=os.environ | STEADY,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        address = re.search(r"http://([\d.]+):(\d+)", self.process.stdout.readline())
        self.address = address.group(1), int(address.group(2))
        self.java = Path(f"/proc/{self.process.pid}/exe").resolve().parent

    def post(self, path, body, read=None):
        """Returns status and JSON; after `read` bytes of a stream, disconnects."""
        connection = http.client.HTTPConnection(*self.address, timeout=300)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            if read is not None:
                response.read(read)
                return response.status, None
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def use(self):
        """Returns the resources, after a collection."""
        pid = self.process.pid
        heap = 0
        for action in "GC.run", "GC.heap_info":
            output = subprocess.run(
                [self.java / "jcmd", str(pid), action], check=True, capture_output=True, text=True
            ).stdout
            heap = sum(map(int, re.findall(r" used (\d+)K", output)))
        status = Path(f"/proc/{pid}/status").read_text()
        return Use(
            memory=int(re.search(r"RssAnon:\s+(\d+)", status).group(1)) >> 10,
            heap=heap >> 10,
            threads=int(re.search(r"Threads:\s+(\d+)", status).group(1)),
            files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        )

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self.log.close()
        reloads = Path(self.log.name).read_text().count("unloaded idle model")
        print(f"the other model was unloaded {reloads} times")
        return code


def requests(rng):
    """Returns route, body and, if the client is to disconnect, the bytes that it reads."""
    other = "other" if time.monotonic() % 10 < 5 else "main"  # which is unloaded meanwhile
    text = rng.choice(TEXTS) + " " + " ".join(rng.choice(TEXTS) for _ in range(rng.randrange(8)))
    sampled = {
        "model": "main",
        "prompt": text,
        "max_tokens": rng.randrange(1, 24),
        "temperature": 0.8,
        "seed": rng.randrange(1 << 30),
        "logprobs": 2,
    }
    steer = {"hook": "blocks.1.hook_resid_post", "strength": 0.5, "plus": "love", "minus": "hate"}
    stream = {"stream": True, "ignore_eos": True, "max_tokens": 200}
    lens = {"model": "main", "prompt": rng.choice(TEXTS), "position": -1}
    completions = "/v1/completions"
    return rng.choice(
        [
            (completions, sampled, None),
            (completions, sampled | {"n": 3}, None),
            (completions, sampled | {"model": "adapted"}, None),
            (completions, sampled | {"model": other}, None),
            (completions, sampled | {"draft_tokens": 4}, None),
            (completions, sampled | {"regex": "[a-z ]{1,20}"}, None),
            (completions, sampled | {"vidrio": {"steer": [steer]}}, None),
            (completions, sampled | stream, rng.randrange(2000)),
            (completions, sampled | stream | {"model": "adapted"}, 0),
            (completions, sampled | {"timeout": 0.01} | stream, 100),
            ("/v1/embeddings", {"model": "main", "input": [text, "a"]}, None),
            ("/v1/lens/logits", lens | {"top": 2}, None),
            ("/v1/lens/attention", lens | {"layer": 1}, None),
            ("/v1/lens/attribution", lens, None),
            ("/tokenize", {"model": other, "text": text}, None),
            (completions, sampled | {"max_tokens": -1}, None),
        ]
    )


def choices(answer):
    """Returns what a repeated request must give again."""
    return json.dumps(answer["choices"], sort_keys=True)


class Traffic:
    """Clients that send requests until they are stopped."""

    def __init__(self, server, clients, rate, seed):
        self.server = server
        self.rate = rate and rate / clients
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.latencies, self.samples, self.failures = [], [], []
        self.statuses = {}
        self.threads = [
            threading.Thread(target=self.run, args=(random.Random(seed + i),)) for i in range(clients)
        ]
        for thread in self.threads:
            thread.start()

    def run(self, rng):
        while not self.stopping.wait(rng.expovariate(self.rate) if self.rate else 0):
            route, body, read = requests(rng)
            begin = time.monotonic()
            try:
                status, answer = self.server.post(route, body, read)
            except Exception as error:  # of any kind: the thread must report it and go on
                self.failures.append(f"{route} {body}: {error!r}")
                continue
            with self.lock:
                self.statuses[status] = self.statuses.get(status, 0) + 1
                self.latencies.append(time.monotonic() - begin)
                if status != (400 if body.get("max_tokens") == -1 else 200) and status != 429:
                    self.failures.append(f"{route} {body}: {status} {answer}")
                if status == 200 and answer and "seed" in body and rng.random() < SAMPLED:
                    self.samples.append((route, body, choices(answer)))

    def take_latencies(self):
        with self.lock:
            taken, self.latencies = self.latencies, []
        return taken

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def repeat(self):
        """Computes the sampled answers again, one after the other."""
        for route, body, expected in self.samples:
            status, answer = self.server.post(route, body | {"cache_prompt": False, "draft_tokens": 0})
            if status != 200 or choices(answer) != expected:
                self.failures.append(f"{route} {body}: another answer when alone: {status} {answer}")
        return len(self.samples)


def soak(options, server):
    """Runs traffic and returns the failures."""
    traffic = Traffic(server, options.clients, options.rate, options.seed)
    intervals = []
    end = time.monotonic() + options.seconds
    print("  seconds requests  median s   p99 s  memory MB  heap MB  threads  files", flush=True)
    while time.monotonic() < end and server.process.poll() is None:
        time.sleep(min(options.interval, max(0.0, end - time.monotonic())))
        interval = Interval(server.use(), traffic.take_latencies())
        intervals.append(interval)
        ordered = sorted(interval.latencies) or [0.0]
        print(
            f"{options.seconds - end + time.monotonic():9.0f} {len(interval.latencies):8d}"
            f" {interval.median:9.3f} {ordered[len(ordered) * 99 // 100]:7.3f} {interval.use.memory:10d}"
            f" {interval.use.heap:8d} {interval.use.threads:8d} {interval.use.files:6d}",
            flush=True,
        )
    traffic.stop()
    repeated = traffic.repeat()
    print(f"statuses {traffic.statuses}; {repeated} answers computed again, alone")
    return traffic.failures + growth(intervals)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--interval", type=float, default=60)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rate", type=float, help="requests per second on average; default: no limit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-m", "--model", default="bard")
    parser.add_argument("--vidrio", default=str(ROOT / "vidrio"), help="the command, with its arguments")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="vidrio-soak"))
    server = Server(options.vidrio.split(), options.model, directory)
    failures = ["the traffic was interrupted"]
    try:
        failures = soak(options, server)
    finally:
        code = server.stop()
    if code != 0:
        failures.append(f"the server ended with {code}")
    for failure in failures[:20]:
        print("FAILED", failure[:500])
    if failures:
        print(f"the server's log: {directory / 'log'}")
        sys.exit(1)
    shutil.rmtree(directory)


if __name__ == "__main__":
    main()
