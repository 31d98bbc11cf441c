"""Is the user's function there, and can it be called? The code is parsed, never imported."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from fluentml.capture import WRITTEN, Origin
from fluentml.checks._paths import Problems, is_readable, missing, unreadable
from fluentml.components import Evaluator, SchemaCuration, Transform, UserCode
from fluentml.errors import PipelineError, did_you_mean, listing
from fluentml.graph import Graph, Node
from fluentml.spec import is_remote


def user_code(graph: Graph, node: Node) -> Problems:
    """The module is there, parses, and defines the function with parameters that fit."""
    step = node.component
    if not isinstance(step, UserCode) or not step.module or is_remote(step.module):
        return
    if step.module_is_file:
        yield from _module_file(step)
    else:
        yield from _import_path(step.verb, step.FUNCTION, step.module)
        if isinstance(step, Transform) and step.stats_options_updater_fn:
            name = "stats_options_updater_fn"
            yield from _import_path(step.verb, name, step.stats_options_updater_fn)


def metric_modules(graph: Graph, node: Node) -> Problems:
    """The package of a metric of one's own is installed; the functions' module is there."""
    step = node.component
    if not isinstance(step, Evaluator):
        return
    written = Path(step.module)
    if step.module and not written.is_file():
        yield _gone(step)
    for metric in step.metrics:
        if metric.module and metric.module != written.stem:
            yield from _import_path(step.verb, "a metric", f"{metric.module}.{metric.class_name}")


def _module_file(step: UserCode) -> Problems:
    path = Path(step.module)
    if not path.is_file() and path.parent.parent.name == WRITTEN:
        yield _gone(step)
        return
    if not path.is_file():
        yield missing(f"{step.verb} reads the module file {step.module!r}", path)
        return
    if not is_readable(path):
        yield unreadable(step.verb, path)
        return
    try:
        tree = ast.parse(path.read_bytes(), filename=step.module)
    except (SyntaxError, ValueError) as error:
        yield _unparsed(step, error)
        return
    statements = list(_top_level(tree.body))
    functions = {item.name: item for item in statements if isinstance(item, _FUNCTION)}
    wanted = f"{step.FUNCTION}({', '.join(step.PARAMETERS)})"
    called = _alias(statements, step.FUNCTION)
    if called in functions:
        yield from _parameters(step, functions[called], wanted)
    elif not {step.FUNCTION, "*"} & _other_names(statements):
        near = did_you_mean(step.FUNCTION, functions)
        yield PipelineError(
            f"{step.verb} calls {wanted}, and {step.module!r} does not define it.",
            f"Its functions: {listing(functions, 'none')}.",
            hint=f"{near} Call it {step.FUNCTION!r}."
            if near
            else f"define {wanted} at the top level of the file.",
        )


def _gone(step: UserCode | Evaluator) -> PipelineError:
    return PipelineError(
        f"{step.verb} calls a function that fluentml wrote into {step.module!r}, and that file "
        "is gone.",
        hint="make the chain again: that writes it again.",
    )


_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def _unparsed(step: UserCode, error: SyntaxError | ValueError) -> PipelineError:
    what = f"{step.verb}: {step.module!r} does not parse"
    if isinstance(error, SyntaxError) and error.lineno:
        line = (error.text or "").strip()
        return PipelineError(
            f"{what}: {error.msg}.",
            f"  {step.module}:{error.lineno}: {line}",
            hint="mend that line.",
        )
    # A wrong encoding or a NUL byte has no line.
    message = getattr(error, "msg", error)
    return PipelineError(f"{what}: {message}.", hint="save it as Python source in UTF-8.")


def _top_level(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the statements that define names of the module, also those under if, try and with."""
    for item in body:
        yield item
        if not isinstance(item, (*_FUNCTION, ast.ClassDef)):
            for part in ("body", "handlers", "orelse", "finalbody"):
                yield from _top_level(getattr(item, part, []))


def _other_names(statements: list[ast.AST]) -> set[str]:
    """Return the names that imports and assignments define; `*` where an import may define any."""
    names: set[str] = set()
    for item in statements:
        if isinstance(item, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in item.names)
        elif isinstance(item, ast.Assign | ast.AnnAssign):
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            parts = (part for target in targets for part in ast.walk(target))
            names.update(part.id for part in parts if isinstance(part, ast.Name))
    return names


def _alias(statements: list[ast.AST], name: str) -> str:
    """Return the name that another one is given to at last: `run_fn = training`."""
    for item in statements:
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Name):
            names = {target.id for target in item.targets if isinstance(target, ast.Name)}
            if name in names:
                return item.value.id
    return name


def _parameters(
    step: UserCode, function: ast.FunctionDef | ast.AsyncFunctionDef, wanted: str
) -> Problems:
    arguments = function.args
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    required = positional[: len(positional) - len(arguments.defaults)]
    keywords = [
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    # These get a parameter of this name, by keyword.
    passed = {"custom_config"} if isinstance(step, Transform | SchemaCuration) else set()
    count = len(step.PARAMETERS)
    fits = (
        len([name for name in required if name not in passed]) <= count
        and (arguments.vararg is not None or len(positional) >= count)
        and passed.issuperset(keywords)
    )
    # A decorator may well change the parameters.
    if not fits and not function.decorator_list:
        parameters = ", ".join(step.PARAMETERS)
        origin = Origin.of(step.module)
        place, line = (origin and origin.place(function.lineno)) or (step.module, function.lineno)
        defines = f"{origin.label} defines" if origin else f"{step.module!r} defines"
        yield PipelineError(
            f"{step.verb} calls {wanted}, and {defines} {function.name}({ast.unparse(arguments)}).",
            f"  {place}:{line}",
            hint=f"write def {function.name}({parameters}); further parameters need defaults.",
        )


def _import_path(verb: str, function: str, path: str) -> Problems:
    package, _, name = path.rpartition(".")
    try:
        found = bool(package) and importlib.util.find_spec(package.partition(".")[0])
    except (ImportError, ValueError):
        found = False
    if not found:
        yield PipelineError(
            f"{verb} takes {function} from {path!r}: no package {path.partition('.')[0]!r} is "
            "installed here.",
            hint="name a file that ends in .py, or an import path: 'package.module."
            f"{name if package else function}'.",
        )
