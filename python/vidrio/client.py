"""Requests to a server, with JSON bodies."""

import json
import urllib.error
import urllib.request
from typing import Any

import numpy as np

# Requests go to the server directly: a proxy of the environment would not reach the local host.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class VidrioError(Exception):
    """A request that the server refused, with its message."""


def _plain(value: Any) -> Any:
    """Converts numpy's values to those of JSON."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


class Client:
    """A server at a URL."""

    def __init__(self, url: str, key: str | None = None):
        self.url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str) -> Any:
        """Returns the JSON of a route."""
        return json.loads(self._send(path, None))

    def post(self, path: str, **fields: Any) -> Any:
        """Returns the JSON that a route answers to fields; those of None are left out."""
        answer = json.loads(self.post_for_bytes(path, **fields))
        if "error" in answer:  # after heartbeats, when the status has been sent
            raise VidrioError(_message(answer))
        return answer

    def post_for_bytes(self, path: str, **fields: Any) -> bytes:
        """Returns the body that a route answers to fields; those of None are left out."""
        given = {name: value for name, value in fields.items() if value is not None}
        return self._send(path, json.dumps(given, default=_plain).encode())

    def _send(self, path: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(self.url + path, body, self._headers)
        try:
            with _OPENER.open(request) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                raise VidrioError(_message(json.loads(text))) from None
            except ValueError:
                raise VidrioError(f"{self.url}{path}: status {error.code}: {text}") from None
        except (urllib.error.URLError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise VidrioError(f"no server answers at {self.url}: {reason}") from None


def _message(answer: dict) -> str:
    error = answer["error"]
    return error["message"] if isinstance(error, dict) else str(error)
