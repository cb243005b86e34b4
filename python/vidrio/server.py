"""Finds or starts the server of a model."""

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vidrio.client import Client, VidrioError
from vidrio.model import Model


class _Process:
    """A server that runs while this program does."""

    def __init__(self, command: Sequence[str]):
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        atexit.register(self.stop)

    def url(self) -> str:
        """Waits for the address; raises VidrioError with the server's error if it ends."""
        read = []
        for line in self._process.stdout:
            read.append(line)
            address = re.search(r" at (http://\S+)", line)
            if address:
                return address[1]
        self._process.wait()
        self._log.seek(0)
        raise VidrioError((self._log.read() + "".join(read)).strip()[-2000:])

    def stop(self) -> None:
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()


def _program() -> str:
    """Returns the program: $VIDRIO, that of the clone with this package, or one on the path."""
    clone = Path(__file__).resolve().parents[2] / "vidrio"
    found = os.environ.get("VIDRIO") or (str(clone) if clone.is_file() else shutil.which("vidrio"))
    if not found:
        raise VidrioError("the program vidrio was not found: set VIDRIO to its path")
    return found


def load(model: str | os.PathLike = "bard", *options: str) -> Model:
    """Starts a server of a model, which stops with this program or `Model.close`.

    The model is a name, such as `smollm2`, or the path of a file. Options are those of
    `vidrio serve`, such as "--lens-files", "directory". If VIDRIO_URL is set, uses the server
    there instead.
    """
    if url := os.environ.get("VIDRIO_URL"):
        return connect(url, os.fspath(model))
    process = _Process([_program(), "serve", "-m", os.fspath(model), "--port", "0", *options])
    try:
        client = Client(process.url())
        return Model(client, client.get("/v1/models")["data"][0]["id"], process)
    except BaseException:
        process.stop()
        raise


def connect(url: str, model: str | None = None, key: str | None = None) -> Model:
    """Uses a running server; without a model, its first one. `key` is an API key."""
    client = Client(url, key)
    return Model(client, model or client.get("/v1/models")["data"][0]["id"])
