"""What can be known wrong before anything runs.

User code is parsed, never imported; of data files only the first rows are read. Whatever
lies behind a URI (`gs://…`) is left to the run.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from fluentml import checks_csv, spans
from fluentml.components import (
    BulkInferrer,
    CsvExampleGen,
    Evaluator,
    ExampleGen,
    ExampleValidator,
    FileBasedExampleGen,
    ImportedArtifact,
    ImportedHyperparameters,
    ImportedStatistics,
    ImportSchemaGen,
    InfraValidator,
    Pusher,
    SchemaCuration,
    SqlExampleGen,
    StatisticsGen,
    TrainingSteps,
    Transform,
    UserCode,
)
from fluentml.errors import PipelineError, did_you_mean, listing, shown
from fluentml.graph import Graph, Node
from fluentml.metrics import METRICS
from fluentml.spec import Component, is_remote

Problems: TypeAlias = Iterator[PipelineError]


def check(graph: Graph) -> list[PipelineError]:
    """Return every problem of a wired pipeline, in the order of its nodes."""
    problems = [problem for node in graph.nodes for look in CHECKS for problem in look(graph, node)]
    return list({str(problem): problem for problem in problems}.values())


# -- user code -------------------------------------------------------------------------------------


def user_code(graph: Graph, node: Node) -> Problems:
    """The module is there, parses, and defines the function with parameters that fit."""
    step = node.component
    if not isinstance(step, UserCode) or not step.module or is_remote(step.module):
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
    except (SyntaxError, ValueError) as error:
        yield _unparsed(step, error)
        return
    statements = list(_top_level(tree.body))
    functions = {item.name: item for item in statements if isinstance(item, _FUNCTION)}
    wanted = f"{step.FUNCTION}({', '.join(step.PARAMETERS)})"
    if step.FUNCTION in functions:
        yield from _parameters(step, functions[step.FUNCTION], wanted)
    elif not {step.FUNCTION, "*"} & _other_names(statements):
        near = did_you_mean(step.FUNCTION, functions)
        yield PipelineError(
            f"{step.verb} calls {wanted}, and {step.module!r} does not define it.",
            f"Its functions: {listing(functions, 'none')}.",
            hint=f"{near} Call it {step.FUNCTION!r}."
            if near
            else f"define {wanted} at the top level of the file.",
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
        yield PipelineError(
            f"{step.verb} calls {wanted}, and {step.module!r} defines "
            f"{function.name}({ast.unparse(arguments)}).",
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
    if not folder.is_dir():
        yield _missing(f"{step.verb} reads the folder {step.path!r}", folder)
        return
    found = [spans.find(step.path, pattern, step.span) for pattern in step.patterns]
    for pattern, files in zip(step.patterns, found, strict=True):
        yield from _files_of(step, pattern, files)
    read = {files.span for files in found if files.files}
    if len(read) > 1:
        yield PipelineError(
            f"{step.verb} reads one span for all splits, and its latest is not the same in each.",
            "; ".join(
                _span_of(split, files) for split, files in zip(step.split, found, strict=True)
            ),
            hint="complete the data, or name a span that every split has: span=…",
        )


def _span_of(split: str, found: spans.Found) -> str:
    span, version = found.span or (None, None)
    return f"{split!r}: span {span}" + ("" if version is None else f", version {version}")


def _files_of(step: FileBasedExampleGen, pattern: str, found: spans.Found) -> Problems:
    kinds = " or ".join(step.SUFFIXES)
    # Where the span is given, TFX looks at no other.
    if found.odd and step.span is None:
        yield PipelineError(
            f"{step.verb} cannot tell the span of {shown(found.odd[0])!r} by {pattern!r}.",
            hint="name only files of spans; numbers with zeros in front need their width, as in "
            "{SPAN:2}.",
        )
    elif found.spans and not found.files:
        yield PipelineError(
            f"{step.verb} finds no file of span {step.span} by {pattern!r} in {step.path!r}.",
            f"The spans there: {_some(found.spans)}.",
            hint="name one of these, or leave span= out for the latest.",
        )
    elif not found.files:
        named = f"no file {pattern!r}" if step.files_are_named else "no file"
        yield PipelineError(
            f"{step.verb} finds {named} in {step.path!r}.",
            f"It holds: {_content(Path(step.path))}.",
            hint=f"put {kinds} files there, or name another folder.",
        )
    others = [path.name for path in found.files if not _is_of_kind(step, path)]
    if others and not step.files_are_named:
        yield PipelineError(
            f"{step.verb} would read everything in {step.path!r}, these too: "
            f"{listing(others[:5])}.",
            f"They are no {kinds} files.",
            hint=f'move them away, or name the files to read: pattern="*{step.SUFFIXES[0]}".',
        )


def _some(numbers: list[int]) -> str:
    """Return the last few of many numbers."""
    return ("…, " if len(numbers) > 8 else "") + ", ".join(map(str, numbers[-8:]))


def csv_rows(graph: Graph, node: Node) -> Problems:
    """The first rows of CSV files are sound, and the column to partition on is there."""
    step = node.component
    if isinstance(step, CsvExampleGen):
        for files in _csv_files(step):
            yield from checks_csv.look(step.verb, files)
            if step.partition_on and files:
                yield from checks_csv.missing_column(
                    step.verb, "partition_on", step.partition_on, files[0]
                )


def _csv_files(step: CsvExampleGen) -> list[list[Path]]:
    """Return the files of each pattern, as far as they can be looked at here."""
    if is_remote(step.path) or step.input_config:
        return []
    found = [spans.find(step.path, pattern, step.span).files for pattern in step.patterns]
    return [
        [path for path in files if step.files_are_named or _is_of_kind(step, path)]
        for files in found
        if all(path.is_file() for path in files)
    ]


def _is_of_kind(step: FileBasedExampleGen, path: Path) -> bool:
    if path.is_dir():
        return not isinstance(step, CsvExampleGen)  # which opens whatever it finds
    return re.sub(r"-\d+-of-\d+$", "", path.name.lower()).endswith(step.SUFFIXES)


def imported_files(graph: Graph, node: Node) -> Problems:
    """Databases in files and imported schemas, hyperparameters and models are there."""
    step = node.component
    if isinstance(step, ImportSchemaGen):
        if not is_remote(step.schema_file) and not Path(step.schema_file).is_file():
            yield _missing(
                f"{step.verb} reads the file {step.schema_file!r}", Path(step.schema_file)
            )
    elif isinstance(step, SqlExampleGen):
        # SQLite would make an empty one.
        if step.sqlite_file and not Path(step.sqlite_file).is_file():
            yield _missing(
                f"{step.verb} reads the SQLite file {step.sqlite_file!r}", Path(step.sqlite_file)
            )
    elif isinstance(step, ImportedArtifact) and not is_remote(step.uri):
        folder = Path(step.uri)
        is_companion = isinstance(step, ImportedStatistics)
        verb = "validate_input_data(against=…)" if is_companion else step.verb
        if not folder.is_dir():
            yield _missing(f"{verb} reads the folder {step.uri!r}", folder)
        elif isinstance(step, ImportedHyperparameters) and len(list(folder.iterdir())) != 1:
            yield PipelineError(
                f"{step.verb} takes a folder with one file, and {step.uri!r} holds: "
                f"{_content(folder, hidden=True)}.",
                hint="copy best_hyperparameters.txt into a folder of its own.",
            )
        elif isinstance(step, ImportedStatistics) and not [*folder.glob("Split-*/FeatureStats.pb")]:
            yield PipelineError(
                f"{verb} takes a folder of statistics, and {step.uri!r} holds none.",
                f"It holds: {_content(folder)}.",
                hint="name what generate_statistics() wrote: "
                "'artifacts/…/StatisticsGen/statistics/<number>'.",
            )


def _missing(what: str, path: Path) -> PipelineError:
    parent = path.parent
    if path.is_dir():
        return PipelineError(
            f"{what}, and it is a folder.",
            f"It holds: {_content(path)}.",
            hint="name the file in it.",
        )
    if path.is_file():
        return PipelineError(
            f"{what}, and it is a file.", hint=f"name its folder: {str(parent)!r}."
        )
    if str(path).startswith("~"):
        return PipelineError(
            f"{what}, and it does not exist.",
            hint="Python does not expand '~': write Path('~/…').expanduser().",
        )
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


def _content(folder: Path, *, hidden: bool = False) -> str:
    names = sorted(entry.name for entry in folder.iterdir())
    names = [name for name in names if hidden or not name.startswith((".", "__pycache__"))]
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
    if transforms and any(column and step.label.startswith(column) for column in columns):
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
    files = [path for files in _csv_files(step) for path in files]
    columns = checks_csv.header(files[0]) if files else []
    # An unreadable header is a problem of its own.
    readable = any(columns) and "\N{REPLACEMENT CHARACTER}" not in "".join(columns)
    return columns if readable else None


def features_exist(graph: Graph, node: Node) -> Problems:
    """The raw features that a step names are columns of the CSV."""
    source = _example_gen(graph, node)
    named = _features_named(node.component)
    columns = _csv_header(source) if named and isinstance(source, CsvExampleGen) else None
    for parameter, features in named.items():
        for feature in features:
            if columns and feature not in columns:
                yield PipelineError(
                    f"{node.component.verb}: {parameter}= names {feature!r}, which is no column "
                    "of the CSV.",
                    f"The columns: {listing(columns)}.",
                    hint=did_you_mean(feature, columns) or "name a column.",
                )


def _features_named(step: Component) -> dict[str, tuple[str, ...]]:
    """Return the raw features that the step names, by the parameter that does."""
    if isinstance(step, StatisticsGen):
        return {"slices": tuple(feature for features in step.slices for feature in features)}
    if isinstance(step, ExampleValidator):
        return {"drift": (*step.drift,), "skew": (*step.skew,)}
    if isinstance(step, SchemaCuration):
        return {
            "required": step.required,
            "optional": step.optional,
            "domains": (*step.domains,),
            "label": (step.label,) if step.label else (),
        }
    return {}


def splits_exist(graph: Graph, node: Node) -> Problems:
    """Every split that a step reads is one that the examples have."""
    source = _example_gen(graph, node)
    if source is None or source.split_names is None:
        return
    for parameter, splits in _splits_read(node).items():
        for split in splits:
            if split not in source.split_names:
                yield PipelineError(
                    f"{node.component.verb} reads the split {split!r}, and {source.verb} does not "
                    "make it.",
                    f"It makes: {listing(source.split_names)}.",
                    hint=f"rename the split there, or say which to read with {parameter}=.",
                )


def _splits_read(node: Node) -> dict[str, tuple[str, ...]]:
    """Return the splits that the node reads, by the parameter that says so."""
    step = node.component
    if isinstance(step, TrainingSteps):
        return {
            "train_splits": () if step.train_args else step.train_splits,
            "eval_splits": () if step.eval_args else step.eval_splits,
        }
    if isinstance(step, Evaluator):
        return {"splits": step.splits}
    if isinstance(step, ExampleValidator):
        is_same_data = bool(step.skew) and "serving_statistics" not in node.inputs
        return {"serving_split": (step.serving_split,) if is_same_data else ()}
    if isinstance(step, Transform):
        return {"splits_config": () if step.splits_config else ("train",)}
    if isinstance(step, InfraValidator) and "examples" in node.inputs:
        if step.serving_spec:
            return {"request_spec": () if step.request_spec else ("eval",)}
        return {"split": (step.split,)}
    return {}


def _example_gen(graph: Graph, node: Node) -> ExampleGen | None:
    """Return the step that read the examples which this node gets, or what was made of them."""
    while node.component.role != ExampleGen.ROLE:
        key = next(
            (key for key in ("examples", "statistics", "schema") if key in node.inputs), None
        )
        if key is None:
            return None
        node = graph[node.inputs[key].channel.node]
    return node.component if isinstance(node.component, ExampleGen) else None


def gates(graph: Graph, node: Node) -> Problems:
    """Whatever waits for a blessing can get one, and waits for the one of its own model."""
    if isinstance(node.component, Pusher | BulkInferrer) and "model" in node.inputs:
        for key, kind in (("model_blessing", Evaluator), ("infra_blessing", InfraValidator)):
            if key in node.inputs:
                yield from _gate(node, graph[node.inputs[key].channel.node])
            elif key in node.component.reads():
                yield from _no_gate(graph, node, kind)


def _gate(node: Node, judge: Node) -> Problems:
    step, gate = node.component, judge.component
    if not isinstance(gate, Evaluator | InfraValidator):
        return
    mine, its = node.inputs["model"].channel, judge.inputs["model"].channel
    if mine != its:
        yield PipelineError(
            f"{step.verb} takes the model {str(mine)!r}, and the blessing of {judge.id!r}, "
            f"which judges {str(its)!r}.",
            hint="name a blessing of that model, or leave the blessing out of inputs=.",
        )
    if isinstance(gate, Evaluator) and not gate.can_bless:
        metric = next((name for name in gate.metrics if METRICS[name]), "AUC")
        yield PipelineError(
            f"{step.verb} waits for the blessing of {gate.verb}, which has no thresholds and "
            "so blesses no model: nothing would ever pass.",
            hint=f'say what good enough means: {gate.VERB}(…, thresholds={{"{metric}": 0.8}}).',
        )


def _no_gate(graph: Graph, node: Node, kind: type[Component]) -> Problems:
    model = node.inputs["model"].channel
    judges = [other for other in graph.nodes if isinstance(other.component, kind)]
    if judges:
        others = [f"{judge.id} judges {judge.inputs['model'].channel}" for judge in judges]
        yield PipelineError(
            f"{node.component.verb} takes the model {str(model)!r}, and no {kind.VERB}() judges "
            "that one.",
            f"{'; '.join(others)}.",
            hint=f'add {kind.VERB}(…, inputs={{"model": "{model}"}}, id="…") for it.',
        )


CHECKS: tuple[Callable[[Graph, Node], Problems], ...] = (
    data_files,
    csv_rows,
    imported_files,
    user_code,
    splits_exist,
    label_exists,
    features_exist,
    gates,
)
