"""From a written module back to the lines that its author wrote.

The mapping lies beside the module rather than in it: an edit elsewhere in the file moves lines, and
must not make another module of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from typing_extensions import Self

from fluentml.errors import shown

SUFFIX = ".origin.json"


class Block(NamedTuple):
    """Lines of a written module that stand together in the original too.

    Attributes:
        first: Where they begin in the module.
        size: How many they are.
        place: The original file, or `In [3]` for a cell.
        line: Where they begin there.
    """

    first: int
    size: int
    place: str
    line: int


class Origin(NamedTuple):
    """Where a written module came from.

    Attributes:
        label: What messages call the original: its name, or `the notebook`.
        blocks: Its lines.
        files: The originals of the files that lie beside it, by their paths there.
    """

    label: str
    blocks: tuple[Block, ...]
    files: Mapping[str, str]

    @classmethod
    def of(cls, module: str | Path) -> Self | None:
        """Return the origin of a module file, or None if its author wrote it as it is."""
        path = Path(module).with_suffix(SUFFIX)
        if not path.is_file():
            return None
        label, blocks, files = json.loads(path.read_text())
        return cls(label, tuple(Block(*block) for block in blocks), files)

    def to_json(self) -> str:
        """Return it as `of` reads it."""
        return json.dumps([self.label, self.blocks, self.files])

    def place(self, line: int, inside: str = "") -> tuple[str, int] | None:
        """Return where a line of the module, or of a file beside it, was taken from.

        Args:
            line: The line, from 1.
            inside: The path of the file beside it; empty: the module itself.

        Returns:
            The file, or `In [3]`, as messages show it, and the line in it; None where fluentml
            wrote the line.
        """
        if inside in self.files:
            return shown(Path(self.files[inside])), line
        for block in self.blocks:
            if block.first <= line < block.first + block.size:
                original = Path(block.place)
                place = shown(original) if original.is_absolute() else block.place
                return place, block.line + line - block.first
        return None
