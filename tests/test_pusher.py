"""A push into a folder: whole versions only, a new one each time, the old ones stay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from fluentml.errors import RunError

pytestmark = pytest.mark.tfx


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "serving"


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """A Model artifact with many files, which takes a while to copy."""
    from tfx.types import standard_artifacts

    folder = tmp_path / "model/Format-Serving"
    (folder / "variables").mkdir(parents=True)
    for number in range(100):
        (folder / f"variables/{number}").write_bytes(bytes(10_000))
    (folder / "saved_model.pb").write_bytes(b"graph")
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder.parent)
    return artifact


def push(model: Any, serving: Path, executor: Any = None, **blessed: int) -> Any:
    """Return the PushedModel artifact that the executor leaves; `blessed` is by input key."""
    from google.protobuf import json_format
    from tfx.proto import pusher_pb2
    from tfx.types import standard_artifacts

    from fluentml.executors.pusher import Executor

    destination = pusher_pb2.PushDestination()
    destination.filesystem.base_directory = str(serving)
    inputs = {"model": [model]}
    for key, flag in blessed.items():
        blessing = standard_artifacts.ModelBlessing()
        blessing.set_int_custom_property("blessed", flag)
        inputs[key] = [blessing]
    pushed = standard_artifacts.PushedModel()
    pushed.uri = f"{model.uri}/../pushed"
    (executor or Executor)().Do(
        inputs,
        {"pushed_model": [pushed]},
        {"push_destination": json_format.MessageToJson(destination), "custom_config": "null"},
    )
    return pushed


def versions(serving: Path) -> list[int]:
    return sorted(int(entry.name) for entry in serving.iterdir())


def test_properties_are_those_that_tfx_writes(tmp_path: Path, model, serving: Path):
    from tfx.components.pusher import executor

    ours = push(model, serving, model_blessing=1, infra_blessing=1)
    theirs = push(model, tmp_path / "theirs", executor.Executor, model_blessing=1, infra_blessing=1)
    (version,) = versions(serving)
    assert abs(version - time.time()) < 60
    assert ours.get_int_custom_property("pushed") == 1
    assert ours.get_string_custom_property("pushed_destination") == str(serving / str(version))
    assert ours.get_string_custom_property("pushed_version") == str(version)
    assert kinds(ours) == kinds(theirs)
    plain = Path(theirs.get_string_custom_property("pushed_destination"))
    pushed = serving / str(version)
    assert files(pushed) == files(plain) == files(Path(model.uri, "Format-Serving"))
    assert pushed.stat().st_mode == plain.stat().st_mode


def kinds(artifact: Any) -> dict[str, str]:
    properties = artifact.mlmd_artifact.custom_properties
    return {name: value.WhichOneof("value") for name, value in properties.items()}


def files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


def test_a_second_push_within_the_second_is_the_next_version(model, serving: Path):
    for _ in range(3):
        push(model, serving)
    first, second, third = versions(serving)
    assert (second, third) == (first + 1, first + 2)
    for version in (first, second, third):
        assert (serving / f"{version}/saved_model.pb").exists()


def test_a_new_version_is_the_greatest_even_if_the_clock_was_wrong(model, serving: Path):
    (serving / "99999999999").mkdir(parents=True)
    push(model, serving)
    assert versions(serving) == [99999999999, 100000000000]


def test_two_that_publish_at_once_do_not_collide(tmp_path: Path, serving: Path):
    from fluentml.executors.pusher import publish

    serving.mkdir()
    start = threading.Barrier(8)

    def one(number: int) -> None:
        folder = tmp_path / f"new-{number}"
        folder.mkdir()
        (folder / "saved_model.pb").write_text(str(number))
        start.wait()
        publish(folder, serving)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there = versions(serving)
    assert len(there) == 8
    texts = {(serving / f"{version}/saved_model.pb").read_text() for version in there}
    assert texts == set("01234567")


def test_a_reader_never_sees_half_a_version(model, serving: Path):
    pushing, looks, halves = threading.Event(), 0, set()
    serving.mkdir()

    def watch() -> None:
        nonlocal looks
        while not pushing.is_set():
            looks += 1
            for entry in serving.iterdir():
                if entry.name.isdecimal():
                    whole = (entry / "saved_model.pb").exists()
                    if not whole or len([*(entry / "variables").iterdir()]) < 100:
                        halves.add(entry.name)

    reader = threading.Thread(target=watch)
    reader.start()
    try:
        for _ in range(5):
            push(model, serving)
    finally:
        pushing.set()
        reader.join()
    assert len(versions(serving)) == 5
    assert looks > 50
    assert halves == set()


def test_a_copy_that_fails_leaves_nothing(model, serving: Path, monkeypatch):
    push(model, serving)
    before = versions(serving)
    from tfx.utils import io_utils

    def full(*args: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(io_utils, "copy_file", full)  # of saved_model.pb, the last
    with pytest.raises(OSError, match="No space left"):
        push(model, serving)
    assert [entry.name for entry in serving.iterdir()] == [str(version) for version in before]


def test_a_process_killed_in_mid_copy_leaves_nothing_to_see(model, serving: Path):
    program = f"""
        import os, signal
        from types import SimpleNamespace
        from tfx.types import standard_artifacts
        from tfx.utils import io_utils
        from pathlib import Path
        from tests.test_pusher import push
        io_utils.copy_file = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
        model = standard_artifacts.Model()
        model.uri = {model.uri!r}
        push(model, Path({str(serving)!r}))
    """
    repository = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=repository)
    assert done.returncode == -9
    (hidden,) = serving.iterdir()
    assert hidden.name.startswith(".")
    push(model, serving)
    # The next push sweeps up after it.
    assert len(versions(serving)) == 1


def test_only_what_nobody_copies_any_more_is_swept(model, serving: Path):
    from fluentml.executors.pusher import HOST

    ended = subprocess.Popen(["true"])
    ended.wait()
    names = {
        "alive": f".pushing-{HOST}-{os.getpid()}-abc",
        "dead": f".pushing-{HOST}-{ended.pid}-abc",
        "elsewhere": f".pushing-{HOST}x-{ended.pid}-abc",
        "old": f".pushing-{HOST}x-1-abc",
        "other": ".something-else",
    }
    for name in names.values():
        (serving / name / "1").mkdir(parents=True)
    two_days_ago = time.time() - 2 * 24 * 60 * 60
    os.utime(serving / names["old"], (two_days_ago, two_days_ago))
    os.utime(serving / names["other"], (two_days_ago, two_days_ago))
    push(model, serving)
    hidden = {entry.name for entry in serving.iterdir() if not entry.name.isdecimal()}
    assert hidden == {names["alive"], names["elsewhere"], names["other"]}


def test_a_push_after_a_rollback_is_newer_than_all(model, serving: Path):
    (serving / "99999999998").mkdir(parents=True)
    (serving / "99999999999").mkdir()
    fml.rollback(serving)
    push(model, serving)
    assert fml.rollback(serving).withdrawn == (100000000000,)
    push(model, serving)
    kept = {entry.name for entry in (serving / ".rolled-back").iterdir()}
    assert kept == {"99999999999", "100000000000"}
    assert (serving / "100000000001/saved_model.pb").exists()


@pytest.mark.parametrize("refusing", ["model_blessing", "infra_blessing"])
def test_a_model_without_a_blessing_leaves_no_trace(model, serving: Path, refusing: str):
    blessings = {"model_blessing": 1, "infra_blessing": 1, refusing: 0}
    pushed = push(model, serving, **blessings)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not serving.exists()


# -- in a run --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> fml.PipelineDef:
    """A chain whose model is none, so that no infra validator blesses it."""
    folder = tmp_path_factory.mktemp("chain")
    (folder / "data").mkdir()
    rows = "".join(f"{number},2\n" for number in range(50))
    (folder / "data/rows.csv").write_text(f"x,y\n{rows}")
    (folder / "my_model.py").write_text(
        "import os\ndef run_fn(fn_args):\n    os.makedirs(fn_args.serving_model_dir)\n"
    )
    return (
        fml.PipelineDef("p", root=folder / "artifacts")
        .cache()
        .from_csv(folder / "data")
        .train(folder / "my_model.py")
        .infra_validate()
    )


def test_a_refusal_says_which_gate_and_why(chain: fml.PipelineDef, tmp_path: Path):
    result = chain.push_to(tmp_path / "serving").run(quiet=True)
    assert result.succeeded
    (validation,) = result.infra_validations
    (reason,) = validation.reasons
    assert reason.startswith("loading the model failed: OSError: SavedModel file does not exist")
    assert (validation.blessed, validation.startup_s, validation.latency_ms) == (False, None, {})
    assert result.nodes["InfraValidator"].note == "not blessed"
    assert result.summary().splitlines() == [
        f"NOT BLESSED because {reason}",
        "NOT PUSHED because infra_validate() did not bless the model",
    ]
    assert result.to_dict()["infra_validations"][0]["reasons"] == (reason,)


@pytest.mark.parametrize("required", [{}, {"require_push": True}], ids=repr)
def test_an_executor_of_ones_own_gets_its_values(tmp_path: Path, required: dict[str, bool]):
    chain = fml.PipelineDef("p").from_csv(tmp_path).train("m.py")
    pushed = chain.push_to(tmp_path, custom_config={"places": ["a", "b"]}, **required)
    (*_, pusher) = pushed.to_tfx().components
    config = json.loads(pusher.exec_properties["custom_config"])
    assert config == {"places": ["a", "b"], **required}


def test_a_required_push_fails_the_run(chain: fml.PipelineDef, tmp_path: Path):
    with pytest.raises(RunError) as caught:
        chain.push_to(tmp_path / "serving", require_push=True).run(quiet=True)
    error = caught.value
    what, reason, *_, hint = str(error).splitlines()
    assert what == (
        "Pusher failed: a push is required, and infra_validate() did not bless the model."
    )
    assert reason.startswith("  loading the model failed: OSError: ")
    assert hint == (
        "Hint: mend the model, or leave require_push= out: then the run just pushes nothing."
    )
    assert error.result.nodes["Pusher"].state == "failed"
    assert not (tmp_path / "serving").exists()


def test_a_required_push_fails_under_any_runner(chain: fml.PipelineDef, tmp_path: Path):
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    from fluentml.executors.pusher import NotPushedError

    with pytest.raises(NotPushedError) as caught:
        LocalDagRunner().run(chain.push_to(tmp_path / "serving", require_push=True).to_tfx())
    assert str(caught.value) == "Nothing was pushed: the model lacks its infra_blessing."
