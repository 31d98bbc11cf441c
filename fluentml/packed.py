"""A pipeline in one text, with the user's code in it: what a task elsewhere needs to run a node.

The file that a backend writes for an orchestrator carries it, as `PIPELINE` and `FILES`.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib.util
import json
import os
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from platformdirs import user_cache_path
from pydantic import ValidationError

from fluentml.capture import WRITTEN, files_imported, put
from fluentml.component import Component
from fluentml.components import Evaluator, UserCode
from fluentml.errors import DefinitionError, FluentmlError, LoadError
from fluentml.graph import Settings
from fluentml.params import checked
from fluentml.spec import absolute, import_needed
from fluentml.wiring import Definition

if TYPE_CHECKING:
    from fluentml.results import NodeResult, RunResult

VARIABLE = "FLUENTML_PIPELINE"
"""The environment variable that has it where there is no file, as in a container."""
CODE = "code"
"""The folder of what is imported by name; a module file has one that is named by its content."""


class Packed(NamedTuple):
    """A pipeline and the user's code.

    Attributes:
        pipeline: The `Definition` as JSON; a module file is named by its place among the files.
        files: Texts of Python files by their paths.
    """

    pipeline: str
    files: Mapping[str, str]

    @classmethod
    def of(cls, definition: Definition) -> Packed:
        """Pack a pipeline with its module files, and what import paths name and nobody installed.

        Raises:
            OSError: A file cannot be read.
        """
        files: dict[str, str] = {}
        components = []
        for step in definition.components:
            module = _module_file(step)
            if module:
                own = {module.name: module, **_beside(module)}
                texts = {inside: _text(path) for inside, path in own.items()}
                folder = _digest(texts)
                files |= {f"{folder}/{inside}": text for inside, text in texts.items()}
                step = step.model_copy(update={"module": f"{folder}/{module.name}"})
            components.append(step)
        code = {f"{CODE}/{inside}": _text(path) for inside, path in _imported(definition).items()}
        moved = definition.model_copy(update={"components": tuple(components)})
        text = moved.model_dump_json(indent=2, exclude_defaults=True)
        return cls(text, dict(sorted({**files, **code}.items())))

    @classmethod
    def read(cls, source: str) -> Packed:
        """Return what a file of a backend's carries.

        Args:
            source: The file; `-` for the environment variable `FLUENTML_PIPELINE`.

        Raises:
            LoadError: It carries none.
        """
        if source == "-":
            return cls._from_environment()
        try:
            tree = ast.parse(Path(source).read_text(encoding="utf-8"))
            found = {
                node.targets[0].id: ast.literal_eval(node.value)
                for node in tree.body
                if isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and node.targets[0].id in ("PIPELINE", "FILES")
            }
            return cls(found["PIPELINE"], found["FILES"])
        except (OSError, SyntaxError, ValueError, KeyError) as error:
            why = error.strerror if isinstance(error, OSError) else "it has no PIPELINE and FILES"
            raise LoadError(
                f"{source!r} is no file that fluentml wrote for an orchestrator: {why}.",
                hint="`fluentml compile FILE --target airflow` writes one.",
            ) from error

    @classmethod
    def _from_environment(cls) -> Packed:
        try:
            text = zlib.decompress(base64.b64decode(os.environ[VARIABLE])).decode()
            return cls(*json.loads(text))
        except (KeyError, ValueError, TypeError, zlib.error) as error:
            raise LoadError(
                f"The environment variable {VARIABLE} holds no pipeline.",
                hint="name the file that has it instead of '-'.",
            ) from error

    def definition(self) -> Definition:
        """Write the code where runs here keep theirs, make it importable, and return the pipeline.

        Raises:
            LoadError: This fluentml does not understand it.
            OSError: The folder cannot be written.
        """
        try:
            found = Definition.model_validate_json(self.pipeline)
        except ValidationError as error:
            first = error.errors()[0]
            cause = first.get("ctx", {}).get("error")
            what = cause.what if isinstance(cause, FluentmlError) else first["msg"]
            raise LoadError(
                f"This fluentml does not understand the pipeline: {what.rstrip('.')}.",
                hint="compile it with the version of fluentml that runs it.",
            ) from error
        folder = modules_folder(found.settings)
        code = {i.partition("/")[2]: text for i, text in self.files.items() if _is_code(i)}
        places = {CODE: f"{CODE}-{_digest(code)}"}
        for inside, text in self.files.items():
            first_part, _, rest = inside.partition("/")
            put(folder / places.get(first_part, first_part) / rest, text.encode())
        if code:
            sys.path.insert(0, str(folder / places[CODE]))
        return found.model_copy(
            update={"components": tuple(self._placed(step, folder) for step in found.components)}
        )

    def to_python(self) -> str:
        """Return it as the assignments by which `read` finds it in a file."""
        # JSON can write a quote so that it ends no text of Python's.
        pipeline = self.pipeline.replace("'", "\\u0027")
        files = "".join(map(_in_python, self.files.items()))
        block = f"\n{files}" if files else ""
        return f"PIPELINE = r'''{pipeline}'''\n\nFILES = {{{block}}}"

    def to_environment(self) -> str:
        """Return it as one short word."""
        text = json.dumps([self.pipeline, dict(self.files)])
        return base64.b64encode(zlib.compress(text.encode(), 9)).decode()

    def _placed(self, step: Component, folder: Path) -> Component:
        if isinstance(step, UserCode | Evaluator) and step.module in self.files:
            return step.model_copy(update={"module": str(folder / step.module)})
        return step


def _in_python(item: tuple[str, str]) -> str:
    """Return a file as an item of a dict, a line of it to a line."""
    inside, text = item
    lines = "".join(f"        {_quoted(line)}\n" for line in text.splitlines(keepends=True))
    return f"    {_quoted(inside)}: " + (f"(\n{lines}    ),\n" if lines else '"",\n')


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def run_node(
    source: str, node: str, run_id: str, params: Mapping[str, Any] = MappingProxyType({})
) -> tuple[NodeResult, RunResult]:
    """Run one node of a pipeline that a backend wrote into a file, here and now.

    A task of an orchestrator calls it. What has not changed is taken over, as in a run here.

    Args:
        source: The file; `-` for the environment variable `FLUENTML_PIPELINE`.
        node: Id of the node.
        run_id: The run; all of its nodes are given the same, and no other run is.
        params: Values of runtime parameters; others have their defaults.

    Returns:
        What came of the node, and of its run so far.

    Raises:
        BackendError: A node that it reads from did not run, or the metadata store or the pipeline's
            folder cannot be used.
        DefinitionError: A runtime parameter that the pipeline does not have, or a wrong value.
        LoadError: There is no such file, or this fluentml does not understand it.
        MissingDependencyError: TFX is not installed.
        RunError: The node failed.
        WiringError: There is no such node.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.~:+-]+", run_id):
        raise DefinitionError(
            f"The run id {run_id!r} has other characters than letters, digits and '_.~:+-'.",
            hint="take one without them.",
        )
    definition = Packed.read(source).definition()
    graph = definition(checked(definition.params, params))
    import_needed("tfx")
    from fluentml.local import node as local

    return local.run_node(graph, node, run_id)


def modules_folder(settings: Settings) -> Path:
    """Return the local folder for modules that fluentml writes."""
    if settings.is_remote:
        return user_cache_path("fluentml") / settings.name / WRITTEN
    return Path(settings.pipeline_root) / WRITTEN


def code_of(step: Component) -> Iterator[str]:
    """Yield the names of the modules that a step calls by an import path."""
    for called in map(str, step.calls()):
        if not called.endswith(".py"):
            module, colon, _ = called.partition(":")
            yield module if colon else module.rpartition(".")[0]


def _is_code(inside: str) -> bool:
    return inside.startswith(f"{CODE}/")


def _module_file(step: Component) -> Path | None:
    # One that is chosen at launch is read where the node runs.
    if (
        isinstance(step, UserCode | Evaluator)
        and step.module_is_file
        and "module" not in step.params
    ):
        return Path(absolute(step.module))
    return None


def _beside(module: Path) -> dict[str, Path]:
    return files_imported([(_text(module), "")], module.parent)


def _imported(definition: Definition) -> dict[str, Path]:
    """Return the files that import paths name and that are not installed, by their paths."""
    found: dict[str, Path] = {}
    for step in definition.components:
        for name in code_of(step):
            root = _root_of(name)
            if root:
                found |= files_imported([(f"import {name}", "")], root)
    return found


def _root_of(module: str) -> Path | None:
    """Return the folder from which a module is imported; None where it is installed."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or not (spec.origin or "").endswith(".py"):
        return None
    file = Path(str(spec.origin)).resolve()
    up = module.count(".") + (file.name == "__init__.py")
    root = file.parents[up]
    return None if root == Path(os.__file__).resolve().parent else root


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _digest(texts: Mapping[str, str]) -> str:
    parts: Iterable[str] = (f"{name}\0{len(text)}\0{text}" for name, text in sorted(texts.items()))
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]
