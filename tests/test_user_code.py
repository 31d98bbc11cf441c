"""User code at run time: shipped without setuptools and pip, cached by what it imports."""

from __future__ import annotations

import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.results import RunResult

pytestmark = pytest.mark.tfx

SCRIPT = """import bounds_u
import fluentml as fml

LEAST = 1


def schema_fn(schema):
    return bounds_u.bounded(schema, LEAST)


def broken(schema):
    return bounds_u.bounded(schema, "one")


def pipeline(function):
    return (
        fml.PipelineDef("u")
        .cache()
        .from_csv("data")
        .generate_statistics()
        .infer_schema()
        .curate_schema(function)
        .curate_schema("model_u.py", id="Second", inputs={"schema": "SchemaGen.schema"})
    )
"""

BOUNDS = """def bounded(schema, least):
    for feature in schema.feature:
        feature.int_domain.min = least
    return schema
"""

MODEL = """import bounds_u


def schema_fn(schema):
    return bounds_u.bounded(schema, 2)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """The folder of a script, a module file, and a file that both import."""
    folder = tmp_path_factory.mktemp("u")
    (folder / "data").mkdir()
    (folder / "data" / "rows.csv").write_text("a,b\n" + "3,4\n5,6\n" * 10)
    for name, text in (("script", SCRIPT), ("bounds_u", BOUNDS), ("model_u", MODEL)):
        (folder / f"{name}.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # As Python does for a script.
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield folder


def run(name: str = "schema_fn") -> RunResult:
    names = runpy.run_path("script.py", run_name="__main__")
    return names["pipeline"](names[name]).run(quiet=True, workers=0)


def states(result: RunResult) -> list[str]:
    return [result.nodes[id].state for id in ("SchemaCuration", "Second")]


def least(result: RunResult) -> list[int]:
    """Return the bounds in the two schemas."""
    from tfx.utils import io_utils

    reader = io_utils.SchemaReader()
    uris = [result.artifacts(f"{id}.curated_schema")[0].uri for id in ("SchemaCuration", "Second")]
    schemas = [reader.read(f"{uri}/schema.pbtxt") for uri in uris]
    return [schema.feature[0].int_domain.min for schema in schemas]


@pytest.fixture(scope="module")
def first(folder: Path) -> tuple[RunResult, list[str]]:
    """A run, and the processes that it started."""
    started = []
    popen = subprocess.Popen.__init__

    def noted(self, args, *rest, **options):
        started.append(str(args))
        popen(self, args, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", noted)
        return run(), started


def test_functions_run_as_module_files_do(first):
    assert states(first[0]) == ["done", "done"]
    assert least(first[0]) == [1, 2]


def test_no_process_of_setuptools_or_pip(first):
    assert [command for command in first[1] if "pip" in command or "wheel" in command] == []


def test_an_unrelated_file_changes_nothing(first, folder: Path):
    (folder / "unrelated.py").write_text("x = 1\n")
    (folder / "script.py").write_text("UNRELATED = 1\n\n" + SCRIPT)
    assert states(run()) == ["cached", "cached"]


def test_a_file_that_is_imported_does(first, folder: Path):
    (folder / "bounds_u.py").write_text(BOUNDS.replace("= least", "= least + 10"))
    result = run()
    assert states(result) == ["done", "done"]
    # The new code has run, though this process knew the old.
    assert least(result) == [11, 12]


def test_a_failure_names_the_lines_of_the_script(first, folder: Path):
    (folder / "script.py").write_text(SCRIPT)
    (folder / "bounds_u.py").write_text("\n" + BOUNDS)
    with pytest.raises(fml.RunError) as caught:
        run("broken")
    assert caught.value.details[:-2] == (
        '  script.py:12 in broken\n    return bounds_u.bounded(schema, "one")',
        "  bounds_u.py:4 in bounded\n    feature.int_domain.min = least",
    )


def test_the_wheel_is_the_one_of_tfx(folder: Path, tmp_path: Path):
    from tfx.components.util import udf_utils

    from fluentml.local import wheels

    (tmp_path / "alone.py").write_text("x = 1\n")
    arguments = ("My.Step-1", str(tmp_path / "alone.py"))
    theirs, their_module = udf_utils.package_user_module_file(*arguments, str(tmp_path / "theirs"))
    with wheels.in_process():
        ours, our_module = udf_utils.package_user_module_file(*arguments, str(tmp_path / "ours"))
        unpacked = udf_utils.install_to_temp_directory(ours)
    assert our_module.replace("/ours/", "/theirs/") == their_module
    with zipfile.ZipFile(ours) as wheel:
        assert wheel.testzip() is None
    by_pip = udf_utils.install_to_temp_directory(ours)
    for folder in (unpacked, by_pip, udf_utils.install_to_temp_directory(theirs)):
        assert (Path(folder) / "alone.py").read_text() == "x = 1\n"


def test_what_else_a_step_installs_is_left_to_pip(monkeypatch: pytest.MonkeyPatch):
    from tfx.components.util import udf_utils

    from fluentml.executors import user_wheels

    stock = udf_utils.install_to_temp_directory
    monkeypatch.setattr(user_wheels, "_STOCK_INSTALL", lambda name, folder: f"{name} {folder}")
    with user_wheels.unpacked():
        assert udf_utils.install_to_temp_directory("six==1.16", "there") == "six==1.16 there"
    assert udf_utils.install_to_temp_directory is stock
