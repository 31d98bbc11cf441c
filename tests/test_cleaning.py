"""Garbage goes, what somebody needs stays, and a kill in between leaves nothing half."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fluentml as fml
from fluentml.cli import app
from fluentml.errors import BackendError
from fluentml.graph import Settings
from tests.conftest import Run
from tests.messages import message_of

pytestmark = pytest.mark.tfx


def opened(root: Path, name: str = "p") -> Any:
    from fluentml.stores.connection import opened

    return opened(Settings(name=name, root=str(root)))


def live(store: Any) -> dict[str, int]:
    """Return the artifacts that caches and resolvers find, by the place under the root."""
    from ml_metadata import proto as mlmd

    artifacts = [a for a in store.get_artifacts() if a.state == mlmd.Artifact.LIVE]
    return {"/".join(Path(artifact.uri).parts[-3:]): artifact.id for artifact in artifacts}


def files(root: Path) -> list[str]:
    found = sorted(path for path in root.glob("[A-Z]*/[a-z]*/[0-9]*"))
    return [str(path.relative_to(root)) for path in found]


# -- after real runs -------------------------------------------------------------------------------


def write(root: Path, data: int) -> None:
    (root / "rows").mkdir(exist_ok=True)
    (root / "rows/a.csv").write_text("x\n" + "".join(f"{data + n}\n" for n in range(9)))
    # TFX tells a file's content by its time, in seconds.
    os.utime(root / "rows/a.csv", (data, data))


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory) -> tuple[fml.PipelineDef, Path]:
    """A chain that ran on three data sets and made two artifacts each time."""
    from tests.custom_component import Wait

    root = tmp_path_factory.mktemp("three")

    def add(data: int) -> fml.PipelineDef:
        write(root, data)
        chain = fml.PipelineDef("p", root=root).cache().from_csv(root / "rows")
        chain = chain.add_component(Wait, arguments={"file": ""})
        chain.run(quiet=True)
        return chain

    return [add(data) for data in (1, 2, 3)][-1], root


def test_old_runs_lose_their_files_and_keep_their_lineage(three_runs):
    from ml_metadata import proto as mlmd

    chain, root = three_runs
    folder = root / "p"
    store = opened(root)
    before = live(store)
    outside = root / "elsewhere"
    outside.mkdir()
    (outside / "kept").touch()
    # Links lead nowhere: neither the folder nor what stands beside it goes.
    (folder / "Wait/.system/stateful_working_dir/link").symlink_to(outside)
    (folder / "Linked").symlink_to(outside)
    (folder / "CsvExampleGen/examples/1/link").symlink_to(outside)

    expected = fml.gc(chain, keep=1, dry_run=True)
    assert live(store) == before
    assert expected.dry_run
    assert expected.artifacts == 4
    assert {*expected.bytes} == {"CsvExampleGen", "Wait", "(logs, code, leftovers)"}
    assert files(folder) == [
        f"{n}/{k}/{i}" for n, k, first in OUTPUTS for i in (first, first + 2, first + 4)
    ]

    freed = fml.gc(chain, keep=1)
    assert freed.bytes == expected.bytes
    assert freed.total > 0
    assert files(folder) == ["CsvExampleGen/examples/5", "Wait/half/6"]
    assert [*live(store)] == files(folder)
    states = {a.id: a.state for a in store.get_artifacts()}
    gone, kept = mlmd.Artifact.DELETED, mlmd.Artifact.LIVE
    assert [*states.values()] == [gone] * 4 + [kept] * 2
    assert len(store.get_executions()) == 6
    assert store.get_events_by_artifact_ids([1, 2])
    assert [path.stem for path in folder.glob("_runs/*.log")] == [*freed.kept_runs]
    assert [*outside.iterdir()] == [outside / "kept"]
    assert fml.gc(chain, keep=1).artifacts == 0

    # What is gone is computed anew, and what stayed is still a hit.
    again = chain.run(quiet=True)
    assert {node.state for node in again.nodes.values()} == {"cached"}
    write(root, 1)
    again = chain.run(quiet=True)
    assert {node.state for node in again.nodes.values()} == {"done"}
    assert all(Path(a.uri).exists() for n in again.nodes.values() for (a,) in n.outputs.values())


OUTPUTS = (("CsvExampleGen", "examples", 1), ("Wait", "half", 2))


def test_the_taxi_runs(first_run: Run, second_run: Run):
    """Only looked at: other tests need their artifacts."""
    freed = fml.gc(second_run.pipeline, keep=1, dry_run=True)
    assert freed.kept_runs == (second_run.result.run_id,)
    # The first model was blessed; what it predicted is no part of it.
    assert {*freed.bytes} == {"BulkInferrer", "Evaluator_AUC", "(logs, code, leftovers)"}
    assert freed.artifacts == 2


# -- what is needed --------------------------------------------------------------------------------


class Store:
    """A metadata store as TFX fills it, one execution after another, and the files to it."""

    def __init__(self, root: Path, name: str = "p") -> None:
        from ml_metadata import proto as mlmd

        self.mlmd, self.root, self.name = mlmd, root, name
        self.store = opened(root, name)
        (root / name / "_runs").mkdir(parents=True, exist_ok=True)
        self.made: dict[str, Any] = {}

    def run(self, run: str, *nodes: str, fails: bool = False) -> None:
        """Add a run, of nodes written "Node < read, read > Type key=1, Type"; the last may fail."""
        for number, node in enumerate(nodes):
            failed = fails and number == len(nodes) - 1
            made, _, wrote = node.partition(" > ")
            id, _, read = made.partition(" < ")
            self.execution(
                run,
                id,
                read.split(", ") if read else [],
                wrote.split(", ") if wrote else [],
                failed,
            )

    def execution(
        self, run: str, node: str, read: list[str], wrote: list[str], failed: bool
    ) -> None:
        mlmd, store = self.mlmd, self.store
        kind = store.put_execution_type(mlmd.ExecutionType(name=node))
        state = mlmd.Execution.FAILED if failed else mlmd.Execution.COMPLETE
        execution = mlmd.Execution(type_id=kind, last_known_state=state)
        names = {"pipeline": self.name, "pipeline_run": run, "node": f"{self.name}.{node}"}
        contexts = [
            mlmd.Context(type_id=store.put_context_type(mlmd.ContextType(name=kind)), name=name)
            for kind, name in names.items()
        ]
        pairs = [(self.made[key], event(mlmd.Event.INPUT, key.partition(":")[0])) for key in read]
        id, _, _ = store.put_execution(
            execution, pairs, contexts, reuse_context_if_already_exist=True
        )
        execution.id = id
        outputs = [self.artifact(node, id, text) for text in wrote]
        pairs = [(artifact, event(mlmd.Event.OUTPUT, key)) for key, artifact in outputs]
        _, artifacts, _ = store.put_execution(
            execution, pairs, contexts, reuse_context_if_already_exist=True
        )
        for (key, artifact), number in zip(outputs, artifacts, strict=True):
            artifact.id = number
            self.made[f"{key}:{run}"] = artifact

    def artifact(self, node: str, execution: int, text: str) -> tuple[str, Any]:
        kind, key, *flags = text.split()
        folder = self.root / self.name / node / key / str(execution)
        folder.mkdir(parents=True)
        (folder / "data").write_bytes(bytes(1000))
        number = self.store.put_artifact_type(self.mlmd.ArtifactType(name=kind))
        artifact = self.mlmd.Artifact(
            type_id=number, uri=str(folder), state=self.mlmd.Artifact.LIVE
        )
        for flag in flags:
            artifact.custom_properties[flag.rstrip("!")].int_value = int(flag.endswith("!"))
        return key, artifact

    def places(self) -> set[str]:
        """Return "key:run" of all artifacts that have their files."""
        return {key for key, artifact in self.made.items() if Path(artifact.uri).exists()}


def event(kind: int, key: str) -> Any:
    from ml_metadata import proto as mlmd

    return mlmd.Event(type=kind, path=mlmd.Event.Path(steps=[mlmd.Event.Path.Step(key=key)]))


def training(run: str, *, blessed: bool = False, pushed: bool = False) -> list[str]:
    bless, push = "!" * blessed, "!" * pushed
    return [
        "Gen > Examples examples",
        f"Stats < examples:{run} > ExampleStatistics statistics",
        f"Transform < examples:{run}, statistics:{run} > "
        "TransformGraph graph, Examples transformed, TransformCache cache",
        f"Trainer < transformed:{run}, graph:{run} > Model model, ModelRun model_run",
        f"Evaluator < model:{run}, examples:{run} > ModelEvaluation evaluation, "
        f"ModelBlessing blessing blessed{bless}",
        f"Pusher < model:{run}, blessing:{run} > PushedModel pushed_model pushed{push}",
    ]


ALL = {
    *("examples", "statistics", "graph", "transformed", "cache", "model", "model_run"),
    *("evaluation", "blessing", "pushed_model"),
}


def test_blessed_and_pushed_models_stay_and_what_one_looks_at(tmp_path):
    store = Store(tmp_path)
    store.run("1", *training("1"))
    store.run("2", *training("2", blessed=True))
    store.run("3", *training("3", pushed=True))
    store.run("4", *training("4"))
    freed = fml.gc(tmp_path / "p", keep=1)
    assert freed.kept_runs == ("4",)
    shown = ALL - {"examples", "transformed", "cache"}
    assert store.places() == {
        *(f"{key}:{run}" for key in shown for run in (2, 3)),
        *(f"{key}:4" for key in ALL),
    }
    assert freed.bytes["Gen"] == 3000


def test_runs_that_failed_do_not_count(tmp_path):
    store = Store(tmp_path)
    for run in ("1", "2", "3"):
        store.run(run, "Gen > Examples examples", f"Stats < examples:{run} > Statistics statistics")
    store.run("4", "Gen > Examples examples", "Stats < examples:4", fails=True)
    assert fml.gc(tmp_path / "p", keep=5, dry_run=True).artifacts == 0
    assert fml.gc(tmp_path / "p", keep=2).kept_runs == ("2", "3", "4")
    assert store.places() == {
        *("examples:2", "statistics:2", "examples:3", "statistics:3", "examples:4"),
    }


def test_what_a_node_made_last_stays_for_its_cache(tmp_path):
    """As long as the chain has that node, where the chain is known."""
    store = Store(tmp_path)
    store.run("1", "Gen > Examples examples", "StatisticsGen < examples:1 > Statistics statistics")
    store.run("2", "Gen > Examples examples")
    store.run("3", "Gen > Examples examples")
    chain = fml.PipelineDef("p", root=tmp_path).from_csv("rows")
    both = chain.generate_statistics()
    assert fml.gc(both, keep=1).artifacts == 1
    assert store.places() == {"examples:1", "statistics:1", "examples:3"}
    assert fml.gc(chain, keep=1).artifacts == 2
    assert store.places() == {"examples:3"}


def test_what_others_have_registered_stays(tmp_path):
    store = Store(tmp_path)
    for run in ("1", "2", "3", "4"):
        store.run(run, "Gen > Examples examples", f"T < examples:{run} > Model model")
    pinned = store.made["model:2"].uri
    chain = fml.PipelineDef("p", root=tmp_path).import_artifact(f"{pinned}", "Model", id="old")
    other = store.mlmd.Artifact(
        type_id=store.store.put_artifact_type(store.mlmd.ArtifactType(name="Model")),
        uri=store.made["model:3"].uri,
        state=store.mlmd.Artifact.LIVE,
    )
    store.store.put_artifacts([other])
    fml.gc(chain, keep=1)
    assert store.places() == {"model:2", "model:3", "examples:4", "model:4"}


def test_an_execution_of_another_runner_keeps_it_away(tmp_path):
    store = Store(tmp_path)
    store.run("1", "Gen > Examples examples")
    (execution,) = store.store.get_executions()
    execution.last_known_state = store.mlmd.Execution.RUNNING
    store.store.put_executions([execution])
    assert message_of(BackendError, fml.gc, tmp_path / "p").startswith(
        "Gen of the run 1 is RUNNING, in a process that is not known here.\nHint: "
    )


def test_logs_and_code_of_old_runs_go(tmp_path):
    store = Store(tmp_path)
    first, last = "20260101-000000-000001", "20260102-000000-000001"
    theirs = "p.manual__2026-01-01T00:00:00+00:00"
    for run in (first, theirs, last):
        store.run(run, "Gen > Examples examples")
    (execution,) = store.store.get_executions_by_id([3])
    execution.custom_properties["module_path"].string_value = "model@/p/_wheels/used.whl"
    store.store.put_executions([execution])
    long_ago = {
        "_runs": [f"{first}.log", f"{last}.log", "20251231-000000-000001.log", "notes.txt"],
        "_runs/": [f"{theirs}.run.json"],
        "_wheels": ["used.whl", "unused.whl"],
        "_modules": ["named/model.py", "old/model.py"],
        "Gen/.system/tuning": ["old/oracle.json"],
        "Gen/.system/executor_execution": ["1/.temp/half", "3/log"],
        "Gen/.system/stateful_working_dir": ["some/half"],
    }
    for folder, names in long_ago.items():
        for name in names:
            path = tmp_path / "p" / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
            for old in (path, path.parent):
                os.utime(old, (1, 1))
    for new in ("_modules/new/model.py", "Gen/.system/tuning/new/oracle.json"):
        (tmp_path / "p" / new).parent.mkdir()
        (tmp_path / "p" / new).touch()
    chain = fml.PipelineDef("p", root=tmp_path).from_csv("rows")
    fml.gc(chain.train(tmp_path / "p/_modules/named/model.py"), keep=1)
    left = {str(path.relative_to(tmp_path / "p")) for path in (tmp_path / "p").rglob("*.*")}
    assert left - {"Gen/.system", "metadata.db", "_runs/.lock"} == {
        *(f"_runs/{last}.log", "_runs/notes.txt", "_wheels/used.whl"),
        *("_modules/named/model.py", "_modules/new/model.py"),
        "Gen/.system/tuning/new/oracle.json",
    }
    assert (tmp_path / "p/Gen/.system/executor_execution/3/log").exists()
    assert not (tmp_path / "p/Gen/.system/executor_execution/1").exists()
    assert not (tmp_path / "p/Gen/.system/stateful_working_dir/some").exists()


# -- killed in between -----------------------------------------------------------------------------

KILLED = """
    import os, signal, sys
    import fluentml as fml
    from fluentml.stores import garbage
    remove, left = garbage.remove, [int(sys.argv[2])]
    def killing(root, path):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        remove(root, path)
    garbage.remove = killing
    fml.gc(sys.argv[1], keep=1)
"""


@pytest.mark.parametrize("after", [0, 1])
def test_killed_before_or_between_the_files(tmp_path, after):
    store = Store(tmp_path)
    for run in ("1", "2", "3"):
        store.run(run, "Gen > Examples examples")
    command = [sys.executable, "-c", textwrap.dedent(KILLED), tmp_path / "p", str(after)]
    assert subprocess.run(command).returncode == -9
    # Caches and resolvers find only what is whole.
    assert [*live(store.store)] == ["Gen/examples/3"]
    assert len(files(tmp_path / "p")) == 3 - after
    assert fml.gc(tmp_path / "p", keep=1).artifacts == 2 - after
    assert files(tmp_path / "p") == ["Gen/examples/3"]
    states = [artifact.state for artifact in store.store.get_artifacts()]
    assert states == [store.mlmd.Artifact.DELETED] * 2 + [store.mlmd.Artifact.LIVE]


# -- the command line ------------------------------------------------------------------------------


def test_the_command_line(tmp_path, monkeypatch):
    store = Store(tmp_path)
    for run in ("1", "2"):
        store.run(run, "Gen > Examples examples")
    folder = str(tmp_path / "p")
    run = CliRunner().invoke
    shown = run(app, ["gc", folder, "--keep", "1", "--dry-run"])
    assert shown.output.splitlines() == [
        "p: 1 run kept; the files of 1 artifact would go",
        "  Gen           0.0 MB",
        "  total         0.0 MB",
    ]
    done = json.loads(run(app, ["gc", folder, "--keep", "1", "--json"]).output)
    assert done["bytes"] == {"Gen": 1000}
    assert done["kept_runs"] == ["2"]
    assert store.places() == {"examples:2"}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere.py", "There is no file 'nowhere.py'."),
        (".", "gc() finds no 'metadata.db' in '.'.\nPipelines in it: 'p'.\nHint: name the folder"),
        (fml.PipelineDef("q"), "gc() finds no run of 'q' in "),
        (fml.PipelineDef("q", root="gs://b"), "gc() removes local folders, and 'gs://b/q' is none"),
    ],
)
def test_what_cannot_be_cleared_up(tmp_path, monkeypatch, target, said):
    Store(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(fml.FluentmlError) as error:
        fml.gc(target)
    assert str(error.value).startswith(said)


def test_some_runs_have_to_be_kept(tmp_path):
    with pytest.raises(fml.DefinitionError, match="got keep=0"):
        fml.gc(tmp_path, keep=0)
