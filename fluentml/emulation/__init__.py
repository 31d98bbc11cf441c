"""A compiled job executed here: what Vertex AI or Kubeflow would do with it, before it costs money.

Each container is a process, with the executor input that it would get there, and folders of this
machine stand for the storage that the job names. Custom jobs of Vertex AI that a step starts run
here too. What is not emulated: the machines that nodes ask for, accounts and their rights,
endpoints and BigQuery ML, to which nothing is pushed, and Dataflow, in whose place Beam runs in the
task's process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluentml.backends import Backend
from fluentml.backends._repairs import task_groups
from fluentml.emulation._image import Image
from fluentml.emulation._job import SUFFIXES as SUFFIXES
from fluentml.emulation._job import Job, read_job
from fluentml.emulation._metadata import Metadata
from fluentml.errors import DefinitionError
from fluentml.image import write_image
from fluentml.pipeline import PipelineDef
from fluentml.sources import PathLike
from fluentml.spec import import_needed

if TYPE_CHECKING:
    from fluentml.results import RunResult

PROJECT = "emulated"
"""What stands for the number of the Google Cloud project in the paths of outputs."""


def emulate(
    job: PathLike | PipelineDef,
    target: Backend | None = None,
    *,
    places: Mapping[str, PathLike],
    params: Mapping[str, Any] | None = None,
    image_folder: PathLike | None = None,
    cache: bool = True,
    quiet: bool = False,
) -> RunResult:
    """Run a compiled job on this machine, each of its containers as a process.

    Outputs lie where they would lie there, `{root}/{project}/{job}/{task}_{number}/{output}`, and
    the log of a task beside them, in `task.log`.

    Args:
        job: What `compile` wrote, for Vertex AI or Kubeflow; or a pipeline, to be compiled first.
        target: What a pipeline is compiled for: `Vertex(image=…, staging_bucket=…)`.
        places: Folders of this machine by the storage that they stand for:
            `{"gs://bucket": "cloud"}`.
        params: Values of runtime parameters; others keep their defaults.
        image_folder: What `fluentml image` wrote for the pipeline, whose modules the containers
            take; everything else of their image is what is installed here. A pipeline's own is
            written anew, under its root.
        cache: Whether a task whose `cachingOptions` say so takes over what an earlier job made.
        quiet: Print nothing.

    Raises:
        LoadError: The file holds no job.
        CheckError: Something in the job is wrong, or it names storage for which no folder stands.
        DefinitionError: The job has no such parameter, or one has no value.
        MissingDependencyError: TFX is not installed.
        RunError: A task failed; its `result` holds what ran.
    """
    if not isinstance(job, PipelineDef):
        return _emulate(job, Image(image_folder), places, params or {}, cache, quiet)
    if target is None:
        raise DefinitionError(
            "emulate() got a pipeline, and no target to compile it for.",
            hint='name one: emulate(pipeline, Vertex(image="…", staging_bucket="gs://…"), …).',
        )
    with tempfile.TemporaryDirectory() as folder:
        file = job.compile(target, Path(folder) / "job.yaml")
        written = image_folder or write_image(job.graph, Path(folder) / "image").parent
        return _emulate(file, Image(written), places, params or {}, cache, quiet)


def _emulate(
    file: PathLike,
    image: Image,
    places: Mapping[str, PathLike],
    params: Mapping[str, Any],
    cache: bool,
    quiet: bool,
) -> RunResult:
    job = read_job(file, params, places, image)
    import_needed("tfx")
    from fluentml.emulation._processes import Processes
    from fluentml.emulation._run import Run
    from fluentml.emulation._tasks import Tasks
    from fluentml.local.capture import captured
    from fluentml.local.progress import Progress

    folder = job.root / PROJECT / f"{job.name}-{datetime.now():%Y%m%d%H%M%S%f}"
    folder.mkdir(parents=True)
    log = folder / "job.log"
    with captured(log) as stream, Processes(log) as processes:
        progress = Progress(stream, _names(job), quiet=quiet)
        progress.say(f"{job.name}  job {folder.name}")
        tasks = Tasks(job, folder, Metadata(folder, job.name), processes, image, cache)
        result = Run(tasks, progress, log).result()
        if result.summary():
            progress.say(f"\n{result.summary()}")
        progress.say(f"logs: {folder}")
    return result


def _names(job: Job) -> Iterator[str]:
    for tasks in task_groups(job.spec):
        yield from tasks
