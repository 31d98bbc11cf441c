"""The taxi pipeline by hand beside ours: lines of code, as README's table has them."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
BY_HAND = ("tests/handwritten/taxi/pipeline.py", "tests/handwritten/taxi/module.py")
OURS = "examples/taxi.py"

LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> int:
    """Return how many lines hold code: no blank ones, no comments, no docstrings."""
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in LAYOUT
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(source)):
        has_docstring = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if has_docstring and ast.get_docstring(node) is not None:
            text = node.body[0]
            lines -= {*range(text.lineno, text.end_lineno + 1)}
    return len(lines)


def lines_table() -> str:
    """Return README's table."""
    counts = {name: code_lines((REPOSITORY / name).read_text()) for name in (*BY_HAND, OURS)}
    pipeline, module = (f"{counts[name]} in [{Path(name).name}]({name})" for name in BY_HAND)
    by_hand = sum(counts[name] for name in BY_HAND)
    return "\n".join(
        [
            "| the taxi pipeline | lines of code |",
            "| --- | --- |",
            f"| by hand in TFX | {by_hand}: {pipeline} and {module} |",
            f"| with fluentml | {counts[OURS]}, all in [taxi.py]({OURS}) |",
        ]
    )
