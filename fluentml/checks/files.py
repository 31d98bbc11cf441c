"""Are the data and the imported artifacts where the chain says they are, and of that kind?"""

from __future__ import annotations

import re
from pathlib import Path

from fluentml import spans
from fluentml.checks import _csv
from fluentml.checks._csv_values import Role
from fluentml.checks._paths import Problems, content, is_readable, missing, unreadable
from fluentml.component import Component
from fluentml.components import (
    CsvExampleGen,
    Evaluator,
    ExampleGen,
    Features,
    FileBasedExampleGen,
    ImportedArtifact,
    ImportedHyperparameters,
    ImportedStatistics,
    Importer,
    ImportSchemaGen,
    SqlExampleGen,
    TrainingSteps,
    Transform,
)
from fluentml.errors import PipelineError, listing, shown
from fluentml.graph import Graph, Node
from fluentml.spec import is_remote


def data_files(graph: Graph, node: Node) -> Problems:
    """The folder is there and holds files of the right kind, for every split, to be read."""
    step = node.component
    if not isinstance(step, FileBasedExampleGen) or is_remote(step.path) or step.input_config:
        return
    folder = Path(step.path)
    if not folder.is_dir():
        yield missing(f"{step.verb} reads the folder {step.path!r}", folder)
        return
    if not is_readable(folder):
        yield unreadable(step.verb, folder)
        return
    found = [spans.find(step.path, pattern, step.window) for pattern in step.patterns]
    for pattern, files in zip(step.patterns, found, strict=True):
        yield from _files_of(step, pattern, files)
    if len({(*files.places,) for files in found if files.files}) > 1:
        each = zip(step.split, found, strict=True)
        yield PipelineError(
            f"{step.verb} reads the same spans for all splits, and does not find the same in each.",
            "; ".join(f"{split!r}: {spans.listed(files.places)}" for split, files in each),
            hint="complete the data, or name what every split has: "
            f"{'span' if step.spans is None else 'spans'}=…",
        )


def _files_of(step: FileBasedExampleGen, pattern: str, found: spans.Found) -> Problems:
    kinds = " or ".join(step.SUFFIXES)
    # Where spans are given, TFX looks at no other.
    if found.odd and isinstance(step.window, int):
        yield PipelineError(
            f"{step.verb} cannot tell the span of {shown(found.odd[0])!r} by {pattern!r}.",
            hint="name only files of spans; numbers with zeros in front need their width, as in "
            "{SPAN:2}.",
        )
    elif found.spans and not found.files:
        yield PipelineError(
            f"{step.verb} finds no file of {spans.called(step.window)} by {pattern!r} in "
            f"{step.path!r}.",
            f"The spans there: {spans.listed((span, None) for span in found.spans)}.",
            hint="name one of these, or leave span= out for the latest."
            if step.spans is None
            else "name a window that holds some of these, or how many of the latest to read.",
        )
    elif not found.files:
        named = f"no file {pattern!r}" if step.files_are_named else "no file"
        yield PipelineError(
            f"{step.verb} finds {named} in {step.path!r}.",
            f"It holds: {content(Path(step.path))}.",
            hint=f"put {kinds} files there, or name another folder.",
        )
    closed = next((path for path in found.files if not is_readable(path)), None)
    if closed:
        yield unreadable(step.verb, closed)
    others = [path.name for path in found.files if not _is_of_kind(step, path)]
    if others and not step.files_are_named:
        yield PipelineError(
            f"{step.verb} would read everything in {step.path!r}, these too: "
            f"{listing(others[:5])}.",
            f"They are no {kinds} files.",
            hint=f'move them away, or name the files to read: pattern="*{step.SUFFIXES[0]}".',
        )


def csv_rows(graph: Graph, node: Node) -> Problems:
    """The rows of CSV files that are looked at are sound, and named columns are there."""
    step = node.component
    if not isinstance(step, CsvExampleGen):
        return
    labels, learned = _labels(graph, node), _splits_learned(graph)
    for split, files in zip(step.split, files_of_csv(step), strict=False):
        is_learned = not step.splits_are_files or split in learned
        yield from _csv.look(
            step.verb,
            files,
            mixed=step.mixed,
            labels=labels if is_learned else {},
            roles=_roles(graph, node),
        )
        named = [("partition_on", step.partition_on)] if step.partition_on else []
        for parameter, column in [*named, *(("mixed", column) for column in step.mixed)]:
            if files:
                yield from _csv.missing_column(step.verb, parameter, column, files[0])


def _labels(graph: Graph, node: Node) -> dict[str, str]:
    """Return the labels that the examples of this node have, each with the verb that names it.

    Where a model is judged by transformed examples, preprocessing_fn may have filled the label in.
    """
    labels = {}
    for judge in graph.nodes:
        step = judge.component
        if isinstance(step, Evaluator) and step.labels:
            is_raw = graph[judge.inputs["examples"].channel.node].component.role == ExampleGen.ROLE
            if is_raw and node in graph.up_to(judge.id).nodes:
                labels.update(dict.fromkeys(step.labels, step.verb))
    for step in _declared(graph, node):
        if step.features and step.features.label:
            labels[step.features.label] = step.verb
    return labels


def _roles(graph: Graph, node: Node) -> dict[str, Role]:
    """Return what declared features take the columns of this node for, where it matters."""
    roles = {}
    for step in _declared(graph, node):
        for parameter, kind in Features.TAKES.items():
            role = Role(f"{step.verb}: {parameter}=", kind is float)
            roles.update(dict.fromkeys(getattr(step.features, parameter), role))
    return roles


def _declared(graph: Graph, node: Node) -> list[Transform]:
    """Return the steps that make declared features of what this node reads."""
    return [
        other.component
        for other in graph.nodes
        if isinstance(other.component, Transform)
        and other.component.features
        and node in graph.up_to(other.id).nodes
    ]


def _splits_learned(graph: Graph) -> set[str]:
    """Return the splits that models are trained or judged on."""
    steps = [node.component for node in graph.nodes]
    return {
        *(split for step in steps if isinstance(step, Evaluator) for split in step.evaluated),
        *(
            split
            for step in steps
            if isinstance(step, TrainingSteps)
            for split in (*step.train_splits, *step.eval_splits)
        ),
    }


def files_of_csv(step: CsvExampleGen) -> list[list[Path]]:
    """Return the files of each pattern, as far as they can be looked at here."""
    if is_remote(step.path) or step.input_config:
        return []
    found = [spans.find(step.path, pattern, step.window).files for pattern in step.patterns]
    return [
        [path for path in files if step.files_are_named or _is_of_kind(step, path)]
        if all(path.is_file() and is_readable(path) for path in files)
        else []
        for files in found
    ]


def _is_of_kind(step: FileBasedExampleGen, path: Path) -> bool:
    if path.is_dir():
        return not isinstance(step, CsvExampleGen)  # which opens whatever it finds
    return re.sub(r"-\d+-of-\d+$", "", path.name.lower()).endswith(step.SUFFIXES)


def imported_files(graph: Graph, node: Node) -> Problems:
    """Databases in files and imported schemas, hyperparameters and models are there."""
    step = node.component
    if isinstance(step, ImportSchemaGen):
        if is_remote(step.schema_file):
            return
        if not Path(step.file).is_file():
            yield missing(
                f"{step.verb} reads the file {step.schema_file!r}", Path(step.schema_file)
            )
        elif not is_readable(Path(step.file)):
            yield unreadable(step.verb, Path(step.file))
    elif isinstance(step, SqlExampleGen):
        # SQLite would make an empty one.
        file = step.database_file
        if file and not Path(file).is_file():
            yield missing(f"{step.verb} reads the database file {file!r}", Path(file))
    elif isinstance(step, ImportedArtifact) and not is_remote(step.uri):
        folder = Path(step.uri)
        verb = step.verb
        if isinstance(step, ImportedStatistics):
            verb = f"{_readers(graph, node)[0].VERB}(against=…)"
        if isinstance(step, Importer):
            if not folder.exists():
                yield missing(f"{verb} reads {step.uri!r}", folder)
            return
        if not folder.is_dir():
            yield missing(f"{verb} reads the folder {step.uri!r}", folder)
        elif isinstance(step, ImportedHyperparameters) and len(list(folder.iterdir())) != 1:
            yield PipelineError(
                f"{step.verb} takes a folder with one file, and {step.uri!r} holds: "
                f"{content(folder, hidden=True)}.",
                hint="copy best_hyperparameters.txt into a folder of its own.",
            )
        elif isinstance(step, ImportedStatistics) and not [*folder.glob("Split-*/FeatureStats.pb")]:
            yield PipelineError(
                f"{verb} takes a folder of statistics, and {step.uri!r} holds none.",
                f"It holds: {content(folder)}.",
                hint="name what generate_statistics() wrote: "
                "'artifacts/…/StatisticsGen/statistics/<number>'.",
            )


def _readers(graph: Graph, node: Node) -> list[Component]:
    return [other.component for other in graph.nodes if node.id in other.upstream]
