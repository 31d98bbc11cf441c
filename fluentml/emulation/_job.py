"""A compiled job: read from its file, and checked before anything of it runs."""

from __future__ import annotations

import graphlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluentml.backends._repairs import task_groups
from fluentml.emulation._image import Image
from fluentml.emulation._places import Places, uris
from fluentml.errors import (
    CheckError,
    DefinitionError,
    LoadError,
    PipelineError,
    did_you_mean,
    listing,
)
from fluentml.params import Param, checked
from fluentml.sources import PathLike
from fluentml.spec import import_needed

SUFFIXES = (".json", ".yaml", ".yml")
_DEFAULTS = {"STRING": "", "NUMBER_INTEGER": 0, "NUMBER_DOUBLE": 0.0, "BOOLEAN": False}
_EXECUTORS = ("container", "importer", "resolver")
_IN_PROCESS = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"


@dataclass(frozen=True)
class Job:
    """A job with folders of this machine in it.

    Attributes:
        spec: Its pipeline spec.
        root: Where its outputs go.
        params: The values of its runtime parameters.
        is_vertex: Whether it is for Vertex AI; else it is for Kubeflow.
    """

    spec: Mapping[str, Any]
    root: Path
    params: Mapping[str, Any]
    is_vertex: bool

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self.spec["pipelineInfo"]["name"])

    def component(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Return the component of a task."""
        found: dict[str, Any] = self.spec["components"][task["componentRef"]["name"]]
        return found

    def executor(self, component: Mapping[str, Any]) -> dict[str, Any]:
        """Return the executor of a component."""
        found: dict[str, Any] = self.spec["deploymentSpec"]["executors"][component["executorLabel"]]
        return found


def read_job(
    path: PathLike, params: Mapping[str, Any], places: Mapping[str, PathLike], image: Image
) -> Job:
    """Return the job of a file, ready to run.

    Args:
        path: A PipelineJob as JSON, or a pipeline spec as JSON or YAML.
        params: Values of its runtime parameters.
        places: Folders in the place of its storage.
        image: The image that its containers run in.

    Raises:
        LoadError: The file holds no such job.
        DefinitionError: The job has no such parameter, or one has no value.
        CheckError: Something is wrong in it, or it has storage that no folder stands for.
    """
    read = _read(Path(path))
    is_vertex = "pipelineSpec" in read
    spec = read["pipelineSpec"] if is_vertex else read
    _refuse_old(Path(path), spec)
    runtime = read.get("runtimeConfig", {}) if is_vertex else {}
    values = _values(spec, {**runtime.get("parameterValues", {}), **params})
    root = runtime.get("gcsOutputDirectory") or spec.get("defaultPipelineRoot", "")
    here = Places(places)
    job = Job(here.here(spec), Path(here.here(root)), here.here(values), is_vertex)
    _refuse_unmapped(job, root)
    problems = [*_problems(job, image)]
    if problems:
        raise CheckError(job.name, problems)
    _run_beam_here(job)
    return job


def upstream(task: Mapping[str, Any]) -> set[str]:
    """Return the tasks that a task waits for."""
    inputs = task.get("inputs", {})
    given = [*inputs.get("artifacts", {}).values(), *inputs.get("parameters", {}).values()]
    makers = [
        source["producerTask"] for one in given for source in one.values() if _is_made(source)
    ]
    return {*task.get("dependentTasks", []), *makers}


def in_order(tasks: Mapping[str, Any]) -> list[str]:
    """Return the ids of tasks, each behind those that it waits for."""
    waits = {id: sorted(upstream(tasks[id])) for id in sorted(tasks)}
    return [*graphlib.TopologicalSorter(waits).static_order()]


def _is_made(source: Any) -> bool:
    return isinstance(source, Mapping) and "producerTask" in source


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        folder = path.parent
        others = [*folder.iterdir()] if folder.is_dir() else []
        names = sorted(other.name for other in others if other.suffix in SUFFIXES)
        raise LoadError(
            f"There is no file {str(path)!r}.",
            f"Compiled jobs may be: {listing(names, 'none')}.",
            hint=did_you_mean(path.name, names)
            or "write one: fluentml compile FILE --target vertex --out job.json.",
        )
    text = path.read_text(encoding="utf-8")
    try:
        read = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise LoadError(f"{str(path)!r} cannot be read: {reason}.", hint=_WRITE) from error
    whole = read.get("pipelineSpec", read) if isinstance(read, dict) else {}
    if not isinstance(whole, dict) or not {"root", "components", "deploymentSpec"} <= whole.keys():
        raise LoadError(
            f"{str(path)!r} is no compiled job: it has no pipeline spec of Kubeflow's.", hint=_WRITE
        )
    return dict(read)


_WRITE = "name what `fluentml compile` wrote: a PipelineJob, or a pipeline spec."


def _yaml(text: str) -> Any:
    yaml = import_needed("yaml")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _refuse_old(path: Path, spec: Mapping[str, Any]) -> None:
    version = str(spec.get("schemaVersion", ""))
    if not version.startswith("2.1"):
        raise LoadError(
            f"{str(path)!r} has the schema {version or 'of no version'!r}; 2.1 is what runs here.",
            hint="compile it with fluentml, or by TFX with use_pipeline_spec_2_1=True.",
        )


def _values(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    params = {
        name: Param(name, _DEFAULTS.get(one.get("parameterType", ""), ""))
        for name, one in declared.items()
    }
    defaults = {n: one["defaultValue"] for n, one in declared.items() if "defaultValue" in one}
    kept = {
        name: params[name].take(_as_typed(params[name], value)) for name, value in defaults.items()
    }
    values = {**kept, **checked(params, given)}
    missing = [n for n, one in declared.items() if n not in values and not one.get("isOptional")]
    if missing:
        raise DefinitionError(
            f"The job has no value for {listing(missing)}.",
            hint=f"give it: --param {missing[0]}=…, or params={{{missing[0]!r}: …}}.",
        )
    return values


def _as_typed(param: Param, value: Any) -> Any:
    """Return a value from JSON, in which a whole number may be written as 3.0."""
    return int(value) if type(param.default) is int and isinstance(value, float) else value


def _refuse_unmapped(job: Job, root: str) -> None:
    texts = [job.spec["root"], job.spec["deploymentSpec"], job.spec["components"], dict(job.params)]
    found = sorted({*uris(texts), *uris(str(job.root))})
    if not root:
        raise DefinitionError(
            "The job does not say where its outputs go.",
            hint="compile it with a root: kubeflow takes pipeline_root=, vertex staging_bucket=.",
        )
    if found:
        bucket = "/".join(found[0].split("/")[:3])
        raise CheckError(
            job.name,
            [
                PipelineError(
                    f"The job names {listing(found)}, and no folder stands for that here.",
                    hint=f'name one: --map {bucket}=FOLDER, or places={{"{bucket}": "folder"}}.',
                )
            ],
        )


def _problems(job: Job, image: Image) -> Iterator[PipelineError]:
    for tasks in task_groups(job.spec):
        for id, task in tasks.items():
            for other in sorted(upstream(task) - tasks.keys()):
                yield PipelineError(
                    f"{id} waits for the task {other!r}, which the job does not have.",
                    f"Its tasks: {listing(sorted(tasks))}.",
                    hint=did_you_mean(other, tasks) or "compile it anew, with fluentml.",
                )
            yield from _task_problems(job, id, task, image)
        try:
            in_order({id: task for id, task in tasks.items() if upstream(task) <= tasks.keys()})
        except graphlib.CycleError as error:
            yield PipelineError(f"Tasks wait for each other: {listing(error.args[1])}.")


def _task_problems(
    job: Job, id: str, task: Mapping[str, Any], image: Image
) -> Iterator[PipelineError]:
    odd = sorted({"artifactIterator", "parameterIterator"} & task.keys())
    component = job.spec["components"].get(task["componentRef"]["name"])
    if component is None:
        yield PipelineError(
            f"{id} is of the component {task['componentRef']['name']!r}, which is not in the job."
        )
        return
    if odd:
        yield PipelineError(f"{id} has {listing(odd)}: loops are not run here.")
    if "dag" in component:
        return
    executors = job.spec["deploymentSpec"]["executors"]
    label = component.get("executorLabel", "")
    kinds = [kind for kind in _EXECUTORS if kind in executors.get(label, {})]
    if not kinds:
        has = listing(executors.get(label, {}), "none")
        yield PipelineError(
            f"{id} has no executor that runs here: {has}.", f"Those that do: {listing(_EXECUTORS)}."
        )
    elif kinds == ["resolver"] and not job.is_vertex:
        yield PipelineError(
            f"{id} looks for artifacts of earlier runs, and Kubeflow's open-source backend runs "
            "containers and importers only.",
            hint="compile it for Vertex AI.",
        )
    yield from image.problems(id, executors.get(label, {}).get("container", {}))


def _run_beam_here(job: Job) -> None:
    """Have Beam run in the task's process: nothing of an emulation starts a job elsewhere."""
    for executor in job.spec["deploymentSpec"]["executors"].values():
        arguments = executor.get("container", {}).get("args", [])
        for place, argument in enumerate(arguments):
            if argument.startswith("--runner="):
                arguments[place] = _IN_PROCESS
