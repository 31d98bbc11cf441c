"""What can be known wrong before anything runs.

User code is parsed, never imported; data files are opened only as far as their header. Whatever
lies behind a URI (`gs://…`) is left to the run.
"""

from __future__ import annotations

import ast
import csv
import gzip
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from fluentml.components import (
    BulkInferrer,
    CsvExampleGen,
    Evaluator,
    FileBasedExampleGen,
    ImportedHyperparameters,
    ImportedModel,
    ImportSchemaGen,
    Pusher,
    TrainingSteps,
    Transform,
    UserCode,
)
from fluentml.errors import PipelineError, did_you_mean, listing
from fluentml.graph import Graph, Node
from fluentml.spec import is_remote

Problems: TypeAlias = Iterator[PipelineError]


def check(graph: Graph) -> list[PipelineError]:
    """Return every problem of a wired pipeline, in the order of its nodes."""
    problems = [problem for node in graph.nodes for look in CHECKS for problem in look(graph, node)]
    return list({str(problem): problem for problem in problems}.values())


# -- user code -------------------------------------------------------------------------------------


def user_code(graph: Graph, node: Node) -> Problems:
    """The module is there, parses, and defines the function with parameters that fit."""
    step = node.component
    if not isinstance(step, UserCode) or is_remote(step.module):
        return
    if step.module_is_file:
        yield from _module_file(step)
    else:
        yield from _import_path(step)


def _module_file(step: UserCode) -> Problems:
    path = Path(step.module)
    if not path.is_file():
        yield _missing(f"{step.verb} reads the module file {step.module!r}", path)
        return
    try:
        tree = ast.parse(path.read_bytes(), filename=step.module)
    except SyntaxError as error:
        line = (error.text or "").rstrip()
        yield PipelineError(
            f"{step.verb}: {step.module!r} does not parse: {error.msg}.",
            f"  {step.module}:{error.lineno}: {line.strip()}",
            hint="mend that line.",
        )
        return
    functions = {
        item.name: item
        for item in tree.body
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    wanted = f"{step.FUNCTION}({', '.join(step.PARAMETERS)})"
    if step.FUNCTION in functions:
        yield from _parameters(step, functions[step.FUNCTION], wanted)
    elif step.FUNCTION not in _other_names(tree):
        yield PipelineError(
            f"{step.verb} calls {wanted}, and {step.module!r} does not define it.",
            f"Its functions: {listing(functions, 'none')}.",
            hint=did_you_mean(step.FUNCTION, functions)
            or f"define {wanted} at the top level of the file.",
        )


def _other_names(tree: ast.Module) -> set[str]:
    """Return the names that imports and assignments at the top level define."""
    imported = (item for item in tree.body if isinstance(item, ast.Import | ast.ImportFrom))
    names = {alias.asname or alias.name for item in imported for alias in item.names}
    assigned = (item for item in tree.body if isinstance(item, ast.Assign))
    return names | {
        target.id for item in assigned for target in item.targets if isinstance(target, ast.Name)
    }


def _parameters(
    step: UserCode, function: ast.FunctionDef | ast.AsyncFunctionDef, wanted: str
) -> Problems:
    arguments = function.args
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    required = positional[: len(positional) - len(arguments.defaults)]
    required += [
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    allowed = len(step.PARAMETERS) + isinstance(step, Transform)  # preprocessing_fn: custom_config
    fits = len(required) <= allowed and (
        arguments.vararg is not None or len(positional) >= len(step.PARAMETERS)
    )
    if not fits:
        given = f"{function.name}({', '.join(required or positional)})"
        yield PipelineError(
            f"{step.verb} calls {wanted}, and {step.module!r} defines {given}.",
            f"  {step.module}:{function.lineno}",
            hint=f"write def {wanted}; further parameters need defaults.",
        )


def _import_path(step: UserCode) -> Problems:
    package, _, function = step.module.rpartition(".")
    try:
        found = bool(package) and importlib.util.find_spec(package.partition(".")[0])
    except (ImportError, ValueError):
        found = False
    if not found:
        yield PipelineError(
            f"{step.verb} takes {step.FUNCTION} from {step.module!r}: no package "
            f"{step.module.partition('.')[0]!r} is installed here.",
            hint=f"name a file that ends in .py, or an import path: 'package.module."
            f"{function if package else step.FUNCTION}'.",
        )


# -- files -----------------------------------------------------------------------------------------


def data_files(graph: Graph, node: Node) -> Problems:
    """The folder is there and holds files of the right kind, for every split."""
    step = node.component
    if not isinstance(step, FileBasedExampleGen) or is_remote(step.path) or step.input_config:
        return
    folder = Path(step.path)
    if folder.is_file():
        yield PipelineError(
            f"{step.verb} takes a folder, and {step.path!r} is a file.",
            hint=f"name its folder: {str(folder.parent)!r}.",
        )
        return
    if not folder.is_dir():
        yield _missing(f"{step.verb} reads the folder {step.path!r}", folder)
        return
    patterns = [str(pattern) for pattern in step.split.values()] if step.splits_are_files else ["*"]
    for pattern in patterns:
        files = sorted(path for path in folder.glob(pattern) if path.is_file())
        kinds = " or ".join(step.SUFFIXES)
        if not files:
            yield PipelineError(
                f"{step.verb} finds no file {pattern!r} in {step.path!r}.",
                f"There are: {_content(folder)}.",
                hint=f"put {kinds} files there, or name another folder.",
            )
        others = [path.name for path in files if not path.name.lower().endswith(step.SUFFIXES)]
        if others:
            yield PipelineError(
                f"{step.verb} would read every file in {step.path!r}, these too: "
                f"{listing(others[:5])}.",
                f"Their names do not end in {kinds}.",
                hint='move them away, or name the files of each split: split={"train": "…", …}.',
            )


def imported_files(graph: Graph, node: Node) -> Problems:
    """Imported schemas, hyperparameters and models are there."""
    step = node.component
    if isinstance(step, ImportSchemaGen):
        if not is_remote(step.schema_file) and not Path(step.schema_file).is_file():
            yield _missing(
                f"{step.verb} reads the file {step.schema_file!r}", Path(step.schema_file)
            )
    elif isinstance(step, ImportedHyperparameters | ImportedModel) and not is_remote(step.uri):
        folder = Path(step.uri)
        if not folder.is_dir():
            yield _missing(f"{step.verb} reads the folder {step.uri!r}", folder)
        elif isinstance(step, ImportedHyperparameters) and len(list(folder.iterdir())) != 1:
            yield PipelineError(
                f"{step.verb} takes a folder with one file, and {step.uri!r} holds: "
                f"{_content(folder)}.",
                hint="copy best_hyperparameters.txt into a folder of its own.",
            )


def _missing(what: str, path: Path) -> PipelineError:
    parent = path.parent
    if not parent.is_dir():
        return PipelineError(
            f"{what}, and it does not exist.",
            f"Neither does {str(parent)!r}. Paths are taken from {str(Path.cwd())!r}.",
            hint="start from another folder, or write the path as Path(__file__).parent / '…'.",
        )
    near = did_you_mean(path.name, (entry.name for entry in parent.iterdir()))
    return PipelineError(
        f"{what}, and it does not exist.",
        f"In {str(parent.resolve())!r} there are: {_content(parent)}.",
        hint=near or "correct the path; a relative one is taken from the working directory.",
    )


def _content(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return listing(names[:8]) + more


# -- what fits together ----------------------------------------------------------------------------


def label_exists(graph: Graph, node: Node) -> Problems:
    """The label is a column of the CSV, or something that preprocessing_fn may well make."""
    step = node.component
    if not isinstance(step, Evaluator) or not step.label:
        return
    source = _example_gen(graph, node)
    columns = _csv_header(source) if isinstance(source, CsvExampleGen) else None
    if not columns or step.label in columns:
        return
    transforms = [n.component for n in graph.nodes if isinstance(n.component, Transform)]
    # "tips_xf" is made from "tips"; any other name must stand somewhere in the module's text.
    if transforms and any(step.label.startswith(column) for column in columns):
        return
    if any(_mentions(transform, step.label) for transform in transforms):
        return
    maker = " and preprocessing_fn makes none of that name" if transforms else ""
    yield PipelineError(
        f"{step.verb}: label={step.label!r} is no column of the CSV{maker}.",
        f"The columns: {listing(columns)}.",
        hint=did_you_mean(step.label, columns)
        or did_you_mean(step.label.removesuffix("_xf"), columns)
        or "name a column, or a feature that preprocessing_fn returns.",
    )


def _mentions(transform: Transform, text: str) -> bool:
    path = Path(transform.module)
    return not path.is_file() or text in path.read_text(errors="replace")


def _csv_header(step: CsvExampleGen) -> list[str] | None:
    if is_remote(step.path) or not Path(step.path).is_dir():
        return None
    for path in sorted(Path(step.path).iterdir()):
        if path.name.lower().endswith(step.SUFFIXES):
            unpack = gzip.open if path.name.endswith(".gz") else open
            with unpack(path, "rt", encoding="utf-8", errors="replace", newline="") as lines:
                return next(csv.reader(lines), [])
    return None


def splits_exist(graph: Graph, node: Node) -> Problems:
    """Every split that a step reads is one that the examples have."""
    step = node.component
    if isinstance(step, TrainingSteps):
        wanted = (*step.train_splits, *step.eval_splits)
    elif isinstance(step, Evaluator):
        wanted = step.splits
    elif isinstance(step, Transform):
        wanted = () if step.splits_config else ("train",)
    else:
        return
    source = _example_gen(graph, node)
    if source is None or source.split_names is None:
        return
    for split in wanted:
        if split not in source.split_names:
            parameter = (
                "splits_config"
                if isinstance(step, Transform)
                else "splits"
                if isinstance(step, Evaluator)
                else "train_splits= and eval_splits"
            )
            yield PipelineError(
                f"{step.verb} reads the split {split!r}, and {source.verb} does not make it.",
                f"It makes: {listing(source.split_names)}.",
                hint=f"rename the split there, or say which to read with {parameter}=.",
            )


def _example_gen(graph: Graph, node: Node) -> FileBasedExampleGen | None:
    """Return the step that read the examples which this node gets, transformed or not."""
    while not isinstance(node.component, FileBasedExampleGen):
        if "examples" not in node.inputs:
            return None
        node = graph[node.inputs["examples"].channel.node]
    return node.component


def gates(graph: Graph, node: Node) -> Problems:
    """Whatever waits for a blessing can get one, and waits for the one of its own model."""
    step = node.component
    if not isinstance(step, Pusher | BulkInferrer):
        return
    if "model_blessing" in node.inputs:
        gate = graph[node.inputs["model_blessing"].channel.node].component
        if isinstance(gate, Evaluator) and not gate.can_bless:
            yield PipelineError(
                f"{step.verb} waits for the blessing of {gate.verb}, which has no thresholds and "
                "so blesses no model: nothing would ever pass.",
                hint=f'say what good enough means: {gate.VERB}(…, thresholds={{"'
                f'{gate.metrics[0] if gate.metrics else "AUC"}": 0.8}}).',
            )
        return
    evaluators = [n for n in graph.nodes if isinstance(n.component, Evaluator)]
    if evaluators and "model" in node.inputs:
        model = node.inputs["model"].channel
        others = [f"{n.id} evaluates {n.inputs['model'].channel}" for n in evaluators]
        yield PipelineError(
            f"{step.verb} takes the model {str(model)!r}, and no step evaluates that one.",
            f"{'; '.join(others)}.",
            hint=f'add evaluate_model(…, inputs={{"model": "{model}"}}, id="…") for it.',
        )


CHECKS: tuple[Callable[[Graph, Node], Problems], ...] = (
    data_files,
    imported_files,
    user_code,
    splits_exist,
    label_exists,
    gates,
)
