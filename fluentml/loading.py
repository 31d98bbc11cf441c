"""From `FILE` or `module:object` to the pipeline that it means."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from fluentml.errors import FluentmlError, LoadError, did_you_mean, listing
from fluentml.packed import Packed
from fluentml.pipeline import PipelineDef


def load(target: str) -> PipelineDef:
    """Return the pipeline that `taxi.py`, `taxi.py:name`, or `package.module:name` means.

    Without a name it is the variable `pipeline`, or else the only pipeline of the file.

    Raises:
        LoadError: There is no such file, module or pipeline, or the file raises an error.
        PipelineError: The chain in it is wrong; `place` names the line.
    """
    source, _, name = target.partition(":")
    if Path(source).is_dir():
        files = sorted(path.name for path in Path(source).glob("*.py"))
        raise LoadError(
            f"{source!r} is a folder.",
            f"Python files in it: {listing(files, 'none')}.",
            hint="name the file that builds the pipeline.",
        )
    module = _file(Path(source)) if source.endswith(".py") else _module(source)
    return _pipeline(module, source, name)


def unpacked(file: str) -> PipelineDef:
    """Return the pipeline that a file carries which `compile` wrote for Beam or Airflow.

    Its code is written to where the pipeline keeps that of functions.

    Raises:
        LoadError: It carries none, or one of another fluentml.
    """
    return PipelineDef.of(Packed.read(file).definition())


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        folder = path.parent
        others = sorted(other.name for other in folder.glob("*.py")) if folder.is_dir() else []
        raise LoadError(
            f"There is no file {str(path)!r}.",
            f"Python files in {str(folder.resolve())!r}: {listing(others, 'none')}.",
            hint=did_you_mean(path.name, others)
            or "name a file that builds a pipeline; `fluentml init` writes one.",
        )
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    assert spec is not None and spec.loader is not None  # noqa: PT018 (it ends in .py)
    module = importlib.util.module_from_spec(spec)
    # As Python does for a script: its folder is where its imports are looked for.
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(path.stem, None)
        located = _located(error, path)
        if located is error:
            raise
        raise located from error
    return module


def _module(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except FluentmlError:
        raise
    except Exception as error:
        # Not found is the module itself or a package around it, rather than what it imports.
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            raise LoadError(
                f"There is no module {name!r}: {error}.",
                hint=f"name a file ({name}.py) or an importable module (package.module:pipeline).",
            ) from error
        raise LoadError(
            f"Importing {name!r} failed: {type(error).__name__}: {error}.",
            hint="mend that module, or name a file (FILE.py).",
        ) from error


def _located(error: Exception, path: Path) -> FluentmlError:
    """Return the error with the line of the file at which it came up."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename) == path.resolve()
    ]
    if isinstance(error, SyntaxError) and error.filename == str(path.resolve()):
        lines.append(error.lineno)
    place = f"{path}:{lines[-1]}" if lines else str(path)
    if isinstance(error, FluentmlError):
        error.place = place
        return error
    wrapped = LoadError(
        f"Loading {str(path)!r} failed: {type(error).__name__}: {error}",
        hint="mend that line; the file is run as a script to get its pipeline.",
    )
    wrapped.place = place
    return wrapped


def _pipeline(module: ModuleType, source: str, name: str) -> PipelineDef:
    found: dict[str, PipelineDef] = {
        key: value for key, value in vars(module).items() if isinstance(value, PipelineDef)
    }
    if not name and "pipeline" not in found and len(found) == 1:
        return next(iter(found.values()))
    value: Any = found.get(name or "pipeline")
    if value is None:
        raise LoadError(
            f"{source!r} has no pipeline {name or 'pipeline'!r}.",
            f"Its pipelines: {listing(found, 'none')}.",
            hint=(did_you_mean(name, found) if name else None)
            or f"end the file with `pipeline = PipelineDef(…)…`, or name one: {source}:NAME.",
        )
    return value  # type: ignore[no-any-return]
