"""The commands of `vidrio lens`, as the server describes them."""

import base64
import inspect
import json
import keyword
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vidrio import safetensors
from vidrio.client import Client
from vidrio.result import Result

_ROUTE = "/v1/lens/commands"


def _identifier(name: str) -> str:
    """Returns the name of an option or a command in Python: `node_share`, `from_`."""
    words = name.replace("-", "_")
    return words + "_" if keyword.iskeyword(words) else words


def _table(rows: Sequence) -> str:
    """Returns rows of texts as lines of a TSV file, or objects as lines of JSON."""
    if all(isinstance(row, Mapping) for row in rows):
        return "".join(json.dumps(row) + "\n" for row in rows)
    lines = (row if isinstance(row, str) else "\t".join(map(str, row)) for row in rows)
    return "".join(line + "\n" for line in lines)


def _content(value: Any) -> str | bytes:
    """Returns the content of a file that an option reads."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, Mapping):
        arrays = all(isinstance(entry, np.ndarray) for entry in value.values())
        return safetensors.write(value) if arrays else json.dumps(value)
    if isinstance(value, np.ndarray):
        return json.dumps(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        integers = all(isinstance(entry, (int, np.integer)) for entry in value)
        return json.dumps([int(entry) for entry in value]) if integers else _table(value)
    path = Path(value)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not a file; texts are given as a list of lines")
    return path.read_bytes()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class Command:
    """A command; its help is that of the command line.

    Positional arguments and options are those of the command line, with `_` for `-`. An option
    that reads a file takes a path, the file's bytes, a list of lines, rows or token ids, or a
    dictionary of arrays; a name that begins with `shared/` is a file of the server. `files` has
    further files by name, in the same forms, such as tensors that an edit names.
    """

    def __init__(self, client: Client, model: str, description: Mapping[str, Any]):
        self._client, self._model = client, model
        self._name = description["name"]
        self._options = {_identifier(o["name"]): o for o in description["options"]}
        self.__name__ = self._name
        self.__doc__ = self._help(description)
        named = [inspect.Parameter("arguments", inspect.Parameter.VAR_POSITIONAL)]
        named += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
            for name in sorted(self._options)
        ]
        self.__signature__ = inspect.Signature(named)

    @staticmethod
    def _help(description: Mapping[str, Any]) -> str:
        lines = [description["description"], ""]
        for option in [*description["arguments"], *description["options"]]:
            lines.append(f"{_identifier(option['name'])} ({option['type']})")
            lines += ["    " + line for line in option["description"].splitlines()]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"{self._name}: {self.__doc__.splitlines()[0]}"

    def __call__(
        self,
        *arguments: str,
        page: bool = True,
        files: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Result:
        """Runs the command. Without `page`, it draws none."""
        request = self._request(arguments, options, files)
        output = self._options.get("output")
        if output and options.get("output") is None:
            placeholder = output["placeholder"]
            if placeholder.endswith(".safetensors") or (page and placeholder.endswith(".html")):
                request["options"]["output"] = placeholder.replace("FILE", "output")
        answer = self._client.post(_ROUTE, **request)
        written = {
            name: content if isinstance(content, str) else base64.b64decode(content["base64"])
            for name, content in answer["files"].items()
        }
        return Result(answer["result"], written)

    def tensors(
        self, *arguments: str, files: Mapping[str, Any] | None = None, **options: Any
    ) -> dict[str, np.ndarray]:
        """Runs the command and returns the tensors that it writes, which are sent as bytes."""
        name = "output.safetensors"
        request = self._request(arguments, options | {"output": name}, files)
        return safetensors.read(self._client.post_for_bytes(_ROUTE, **request, **{"return": name}))

    def _request(
        self,
        arguments: Sequence[str],
        options: Mapping[str, Any],
        files: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        files = {name: _content(value) for name, value in (files or {}).items()}
        values = {}
        for name, value in options.items():
            if value is None:
                continue
            option = self._options.get(name)
            if option is None:
                raise TypeError(f"lens {self._name}: has no option {name}: {list(self._options)}")
            reads = option["type"] == "file" and name != "output"
            if reads and not (isinstance(value, str) and value.startswith("shared/")):
                value, strength = self._strength(option, value)
                file = self._file_name(name, value)
                files[file] = _content(value)
                value = file + strength
            elif isinstance(value, (tuple, set)):
                value = list(value)
            elif isinstance(value, os.PathLike):
                value = os.fspath(value)
            values[option["name"]] = value
        encoded = {
            name: content
            if isinstance(content, str)
            else {"base64": base64.b64encode(content).decode()}
            for name, content in files.items()
        }
        return {
            "model": self._model,
            "command": self._name,
            "arguments": [str(argument) for argument in arguments],
            "options": values,
            "files": encoded,
        }

    @staticmethod
    def _strength(option: Mapping[str, Any], value: Any) -> tuple[Any, str]:
        """Splits FILE=STRENGTH, the form of an adapter, before the equals sign."""
        if "=STRENGTH" in option["placeholder"] and isinstance(value, str):
            file, _, strength = value.rpartition("=")
            if _is_number(strength):
                return file, f"={strength}"
        return value, ""

    @staticmethod
    def _file_name(option: str, value: Any) -> str:
        """Returns a name with an extension that selects the format."""
        if isinstance(value, (str, os.PathLike)):
            return f"{option}/{Path(value).name}"
        rows = isinstance(value, Sequence) and not isinstance(value, bytes) and len(value) > 0
        if rows and isinstance(value[0], Mapping):
            return option + ".jsonl"
        if rows and isinstance(value[0], (tuple, list)):
            return option + ".tsv"
        arrays = isinstance(value, Mapping) and any(
            isinstance(entry, np.ndarray) for entry in value.values()
        )
        return option + (".safetensors" if arrays else ".txt")


class Commands:
    """The commands as attributes: `lens.patch(…)`, `lens.sae.features(…)`."""

    def __init__(self, client: Client, model: str, descriptions: Sequence[Mapping], prefix=""):
        self._entries: dict[str, Command | Commands] = {}
        for description in descriptions:
            first, *rest = description["name"][len(prefix) :].split(" ")
            if not rest:
                self._entries[_identifier(first)] = Command(client, model, description)
            elif _identifier(first) not in self._entries:
                inner = [d for d in descriptions if d["name"].startswith(f"{prefix}{first} ")]
                group = Commands(client, model, inner, f"{prefix}{first} ")
                self._entries[_identifier(first)] = group

    def __getattr__(self, name: str) -> "Command | Commands":
        entries = self.__dict__.get("_entries", {})
        if name not in entries:
            raise AttributeError(f"there is no command {name}: {', '.join(entries)}")
        return entries[name]

    def __dir__(self) -> list[str]:
        return list(self._entries)

    def __repr__(self) -> str:
        return "\n".join(repr(entry) for entry in self._entries.values())
