"""The result of a command."""

import html
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from vidrio import safetensors


class Result(dict):
    """The JSON of a command as a dictionary, with the files that the command wrote.

    A notebook shows the command's page.
    """

    def __init__(self, json: Any, files: Mapping[str, str | bytes]):
        super().__init__(json if isinstance(json, dict) else {"result": json})
        #: Contents of files by name: texts, or bytes.
        self.files = dict(files)

    @property
    def page(self) -> str | None:
        """The HTML page; None if the command draws none."""
        pages = (text for name, text in self.files.items() if name.endswith(".html"))
        return next(pages, None)

    def tensors(self, name: str | None = None) -> dict[str, np.ndarray]:
        """Returns the tensors of a file, without a name of the first one that has tensors."""
        if name is None:
            name = next((file for file in self.files if file.endswith(".safetensors")), None)
            if name is None:
                raise KeyError("the command wrote no tensors")
        return safetensors.read(self.files[name])

    def save(self, path: str | os.PathLike) -> None:
        """Writes the page."""
        if self.page is None:
            raise ValueError("the command draws no page")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.page)

    def __repr__(self) -> str:
        """Returns the simple values and the names of others; `dict(result)` shows all."""
        shown = (
            f"{name}={value!r}" if isinstance(value, (str, int, float)) else f"{name}=…"
            for name, value in self.items()
        )
        return f"Result({', '.join(shown)})"

    def _repr_html_(self) -> str | None:
        if self.page is None:
            return None
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" sandbox="allow-scripts" '
            'style="width:100%;height:480px;border:0;background:white"></iframe>'
        )
