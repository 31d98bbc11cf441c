"""What has not changed does not run again, and it takes no TensorFlow to know that."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.local import keys
from fluentml.results import RunResult
from fluentml.serving import rollback
from tests.messages import message_of

pytestmark = pytest.mark.tfx

SCHEMA = 'feature {{ name: "{name}" type: INT }}\n'
EDITS = """
from naming import NAME

def schema_fn(schema):
    schema.feature[0].name = NAME
    return schema
"""


class Place:
    """A folder with what a small chain reads: a schema, code that edits it, and a model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "model").mkdir(parents=True)
        (folder / "model/saved_model.pb").write_text("a model")
        (folder / "schema.pbtxt").write_text(SCHEMA.format(name="x"))
        (folder / "edits.py").write_text(EDITS)
        (folder / "naming.py").write_text("NAME = 'y'\n")

    def chain(self, required: tuple[str, ...] = (), **step) -> fml.PipelineDef:
        return (
            fml.PipelineDef("small", root=self.folder / "artifacts")
            .with_imported_schema(self.folder / "schema.pbtxt")
            .curate_schema(self.folder / "edits.py", required=required, **step)
            .import_artifact(self.folder / "model", "Model", id="Model")
            .push_to(self.folder / "serving", inputs={"model": "Model.result"})
        )

    def run(self, **options) -> RunResult:
        return self.chain().run(quiet=True, **options)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


def states(result: RunResult) -> dict[str, str]:
    return {node.id: node.state for node in result.nodes.values()}


def ran(result: RunResult) -> dict[str, str]:
    """Return why each node ran that did."""
    return {n.id: ", ".join(n.changed) for n in result.nodes.values() if n.state == "done"}


CACHED = dict.fromkeys(["ImportSchemaGen", "SchemaCuration", "Model", "Pusher"], "cached")


# -- nothing has changed ---------------------------------------------------------------------------


def test_a_cached_node_stands_in_the_metadata_as_tfx_writes_it(place: Place, tmp_path: Path):
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    from fluentml.local import wheels

    place.run()
    assert states(place.run()) == CACHED
    by_tfx = Place(tmp_path / "by_tfx")
    with wheels.in_process():
        for _ in range(2):
            LocalDagRunner().run(by_tfx.chain().cache().to_tfx())
    ours, theirs = lineage(place), lineage(by_tfx)
    assert len(theirs) == 8
    assert ours == theirs


def lineage(place: Place) -> list[dict]:
    """Return every execution, with no number or folder that differs from run to run."""
    from fluentml.local.store import Store

    store = Store(place.chain().settings).mlmd

    def plain(value) -> str:
        text = str(getattr(value, value.WhichOneof("value")))
        return text.replace(str(place.folder), "…")

    def of(execution) -> dict:
        events = store.get_events_by_execution_ids([execution.id])
        contexts = store.get_contexts_by_execution(execution.id)
        runs = [context.id for context in contexts if context.type == "pipeline_run"]
        return {
            "type": execution.type,
            "state": execution.last_known_state,
            "properties": {k: plain(v) for k, v in execution.properties.items()},
            "custom": {k: plain(v) for k, v in execution.custom_properties.items()},
            "contexts": sorted(
                (c.type, c.name if c.type in ("pipeline", "node") else "…") for c in contexts
            ),
            "parents": [
                parent.name for run in runs for parent in store.get_parent_contexts_by_context(run)
            ],
            "events": sorted((e.type, e.path.steps[0].key, kind_of(e.artifact_id)) for e in events),
        }

    def kind_of(artifact_id: int) -> str:
        (artifact,) = store.get_artifacts_by_id([artifact_id])
        return artifact.type

    # Independent nodes have no order.
    executions = sorted(store.get_executions(), key=lambda e: (e.type, e.id))
    return [of(execution) for execution in executions]


# -- something has changed -------------------------------------------------------------------------


def edit_schema(place: Place) -> None:
    (place.folder / "schema.pbtxt").write_text(SCHEMA.format(name="other"))


def edit_code(place: Place) -> None:
    (place.folder / "edits.py").write_text(EDITS + "# more\n")


def edit_import(place: Place) -> None:
    (place.folder / "naming.py").write_text("NAME = 'z'\n")


def edit_model(place: Place) -> None:
    (place.folder / "model/saved_model.pb").write_text("another model")


def delete_artifact(place: Place) -> None:
    shutil.rmtree(place.folder / "artifacts/small/SchemaCuration/curated_schema")


def delete_part_of_artifact(place: Place) -> None:
    next((place.folder / "artifacts/small/ImportSchemaGen").rglob("schema.pbtxt")).unlink()


def delete_push(place: Place) -> None:
    shutil.rmtree(place.folder / "serving")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (edit_schema, {"ImportSchemaGen": "{}/schema.pbtxt changed", "SchemaCuration": "schema"}),
        (edit_code, {"SchemaCuration": "edits.py changed"}),
        (edit_import, {"SchemaCuration": "naming.py changed"}),
        (edit_model, {"Model": "{}/model changed", "Pusher": "model changed"}),
        (delete_artifact, {"SchemaCuration": "its curated_schema was deleted or changed"}),
        (
            delete_part_of_artifact,
            {"ImportSchemaGen": "its schema was deleted or changed", "SchemaCuration": "schema"},
        ),
        (delete_push, {"Pusher": "{}/serving/"}),
    ],
)
def test_what_changed_runs_and_says_why(
    place: Place, change: Callable[[Place], None], expected: dict[str, str]
):
    place.run()
    change(place)
    again = place.run()
    reasons = ran(again)
    assert reasons.keys() == expected.keys()
    for node, words in expected.items():
        assert reasons[node].startswith(words.format(place.folder))
    assert states(place.run()) == CACHED


def test_a_parameter_tells_its_values(place: Place):
    place.run()
    changed = place.chain(required=("x",)).run(quiet=True)
    assert ran(changed) == {"SchemaCuration": "required added"}
    # What it was before has not been forgotten.
    assert states(place.run()) == CACHED
    old = {"parameter train_steps": "100", "code a.py": "1", "input model": "[1]", "input x": "[2]"}
    new = {"parameter train_steps": "200", "code a.py": "2", "input model": "[3]", "input y": "[2]"}
    assert keys.Key(new).changes(old) == (
        "train_steps 100 → 200",
        "a.py, model changed",
        "y added",
        "x gone",
    )


def test_another_library_makes_another_result(place: Place, monkeypatch: pytest.MonkeyPatch):
    place.run()
    others = {**keys.versions(), "tfx": "9.9"}
    before = keys.versions()["tfx"]
    monkeypatch.setattr(keys, "versions", lambda: others)
    reasons = ran(place.run())
    assert reasons.keys() == CACHED.keys()
    assert all(reason.endswith(f"tfx {before} → 9.9") for reason in reasons.values())


def test_a_version_that_was_rolled_back_is_not_pushed_again(place: Place):
    place.run()
    edit_model(place)
    place.run()
    rollback(place.folder / "serving")
    assert states(place.run()) == CACHED


def test_a_condition_that_does_not_hold_is_known_too(place: Place):
    def has_version(model):
        return model.future()[0].custom_property("version") == 1

    chain = place.chain().push_to(
        place.folder / "never",
        id="Never",
        when=has_version,
        inputs={"model": "Model.result", "when.model": "Model.result"},
    )
    first, again = chain.run(quiet=True), chain.run(quiet=True)
    assert states(again) == {**CACHED, "Never": "skipped"}
    assert first.nodes["Never"].note == again.nodes["Never"].note != ""
    assert again.summary() == first.summary()


# -- nothing is to be taken over -------------------------------------------------------------------


def test_a_node_can_be_made_to_run(place: Place):
    place.run()
    assert ran(place.run(refresh=["SchemaCuration"])) == {"SchemaCuration": "asked for"}
    assert ran(place.run(refresh=["Model"])) == {"Model": "asked for", "Pusher": "model changed"}
    assert ran(place.chain(cache=False).run(quiet=True)) == {"SchemaCuration": "not cached"}
    for off in (place.run(cache=False), place.chain().cache(False).run(quiet=True)):
        assert {*states(off).values()} == {"done"}
    assert states(place.run()) == CACHED
    text = message_of(fml.WiringError, place.run, refresh=["Trainer"])
    assert text.startswith("Pipeline 'small' has no node 'Trainer'.")


def test_a_database_is_asked_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/numbers.db")
    chain = fml.PipelineDef("p", root=tmp_path / "a")
    query = "SELECT 1 AS x UNION ALL SELECT 2"
    for cached, expected in ((None, "done"), (None, "done"), (True, "cached")):
        result = chain.from_sql("${DATABASE_URL}", query, cache=cached).run(quiet=True)
        assert states(result) == {"SqlExampleGen": expected}
    assert "what it reads may have changed" in chain.from_sql("${DATABASE_URL}", query).plan()


def test_the_plan_tells_what_a_run_would_do(place: Place):
    assert "HIT" not in place.chain().plan()
    place.run()
    edit_import(place)
    blocks = [block.splitlines() for block in place.chain().plan().split("\n\n")]
    told = {block[0].split()[0]: block[-1].strip() for block in blocks}
    assert told == {
        "ImportSchemaGen": "HIT",
        "SchemaCuration": "MISS, naming.py changed",
        "Model": "HIT",
        "Pusher": "HIT",
    }
