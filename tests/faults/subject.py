"""The pipeline that the faults befall, and the process in which it runs.

`Subjects` starts processes that have TFX loaded already, each a fork of one that does nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import pwd
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

ROWS = "x,y\n" + "".join(f"{n},{n % 3}\n" for n in range(60))
POINTS = "points"
"""The file in which an undisturbed process writes at what moments it can be killed."""
STORE_WRITES = (
    "put_artifacts",
    "put_contexts",
    "put_execution",
    "put_executions",
    "put_parent_contexts",
)
FILE_WRITES = ("copy", "makedirs", "mkdir", "remove", "rename", "rmtree")
AUDITED = ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree")


def lay_out(folder: Path) -> Path:
    """Write what the pipeline reads."""
    (folder / "rows").mkdir(parents=True)
    (folder / "rows/a.csv").write_text(ROWS)
    return folder


def chain(folder: Path) -> Any:
    """Return a pipeline of which the cache takes next to nothing over."""
    import fluentml as fml
    from tests.small_steps import Compare, Study, Tell

    here = {"place": str(folder)}
    return (
        fml.PipelineDef("p", root=folder / "artifacts")
        .from_csv(folder / "rows")
        .add_component(Study, arguments=here, cache=False)
        .push_to(folder / "serving", inputs={"model": "Study.model"}, cache=False)
        .add_component(
            Compare, arguments=here, inputs={"old": "Study.model", "model": "Study.model"}
        )
        .on_exit(Tell, arguments=here)
    )


class Subjects:
    """Starts processes."""

    def __init__(self) -> None:
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.faults.loaded"])

    def start(self, folder: Path, **faults: Any) -> ForkServerProcess:
        """Start a run of the pipeline in a folder, or go on with one that there is."""
        process = self._context.Process(target=main, args=(str(folder), faults))
        process.start()
        return process

    def run(self, folder: Path, **faults: Any) -> tuple[int | None, str]:
        """Start one and wait for its end; return its exit code, and what it said of its failure."""
        with tempfile.TemporaryDirectory() as elsewhere:
            said = Path(elsewhere, "said")
            said.touch()
            for path in (said.parent, said):
                path.chmod(0o777)
            process = self.start(folder, said=str(said), **faults)
            process.join(300)
            return process.exitcode, said.read_text()


def main(folder: str, faults: dict[str, Any]) -> None:
    """Run the pipeline to its end, with the faults that are asked for."""
    os.chdir(folder)
    said = Path(faults.get("said", os.devnull))
    count = Points(folder, faults.get("dies_at"), tells=faults.get("tells_points", False))
    if user := faults.get("user"):
        os.setgid(pwd.getpwnam(user).pw_gid)
        os.setuid(pwd.getpwnam(user).pw_uid)
    if limit := faults.get("file_size"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    from fluentml.errors import FluentmlError

    try:
        with count:
            pipeline = chain(Path(folder))
            options = {"quiet": True, "workers": faults.get("workers", 0)}
            pipeline.run(**options) if faults.get("anew") else _go_on(pipeline, **options)
    except FluentmlError as error:
        said.write_text(str(error))
        sys.exit(1)
    except Exception:
        said.write_text(traceback.format_exc())
        sys.exit(2)


def _go_on(pipeline: Any, **options: Any) -> None:
    """Resume the last run; run it all where there is none, and nothing where it succeeded."""
    from fluentml.errors import BackendError

    try:
        pipeline.resume(**options)
    except BackendError as error:
        if "tells of no run" in str(error):
            pipeline.run(**options)
        elif "succeeded" not in str(error):
            raise


class Points:
    """The moments at which something is about to be written, or was: at one of them it dies."""

    def __init__(self, folder: str, dies_at: int | None, *, tells: bool) -> None:
        self._folder, self._dies_at, self._tells = folder, dies_at, tells
        self._seen: list[str] = []
        self._listens = False

    def __enter__(self) -> None:
        from ml_metadata.metadata_store import MetadataStore
        from tfx.dsl.io import fileio

        for name in STORE_WRITES:
            setattr(
                MetadataStore, name, self._around(f"store.{name}", getattr(MetadataStore, name))
            )
        for name in FILE_WRITES:
            setattr(fileio, name, self._around(f"fileio.{name}", getattr(fileio, name)))
        sys.addaudithook(self._audit)
        self._listens = True

    def __exit__(self, *error: object) -> None:
        self._listens = False
        if self._tells:
            Path(POINTS).write_text("\n".join(self._seen))

    def _around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kw: Any) -> Any:
            self._pass(f"{name} begins")
            result = call(*args, **kw)
            self._pass(f"{name} ended")
            return result

        return counted

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if not (self._listens and event in AUDITED and str(args[0]).startswith(self._folder)):
            return
        if event != "open" or args[2] & (os.O_WRONLY | os.O_RDWR):
            self._pass(f"{event} {Path(args[0]).name}")

    def _pass(self, point: str) -> None:
        if self._listens:
            self._seen.append(point)
            if len(self._seen) - 1 == self._dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
