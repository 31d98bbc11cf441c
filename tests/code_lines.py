"""The taxi pipeline by hand beside ours, as README shows them."""

from __future__ import annotations

import ast
import io
import textwrap
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


def by_hand_and_here() -> str:
    """Return README's table, and how each of the two says which model is good enough."""
    texts = {name: (REPOSITORY / name).read_text() for name in (*BY_HAND, OURS)}
    counts = {name: code_lines(text) for name, text in texts.items()}
    pipeline, module = (f"{counts[name]} in [{Path(name).name}]({name})" for name in BY_HAND)
    by_hand = sum(counts[name] for name in BY_HAND)
    return f"""\
| the taxi pipeline | lines of code |
| --- | --- |
| by hand in TFX | {by_hand}: {pipeline}, {module} |
| with fluentml | {counts[OURS]}, all in [taxi.py]({OURS}) |

<details>
<summary>For instance: what is measured, and which model is good enough to push</summary>

By hand:

```python
{excerpt(texts[BY_HAND[0]], "def create_eval_config", "    )")}
```

```python
{excerpt(texts[BY_HAND[0]], "    model_resolver = ", "    )")}
```

Here:

```python
{excerpt(texts[OURS], "    .evaluate_model(", "    )")}
```
</details>"""


def excerpt(text: str, first: str, last: str) -> str:
    """Return the lines from the first that starts so to the next that is so, moved to the left."""
    _, start, rest = text.partition(f"\n{first}")
    lines, _, _ = f"{start}{rest}".partition(f"\n{last}\n")
    return textwrap.dedent(f"{lines}\n{last}".lstrip("\n"))
