"""Every example builds the graph that lies in `golden/`; `make golden` rewrites them."""

from __future__ import annotations

import inspect
import json
import re
import site
from pathlib import Path

import pytest
from platformdirs import user_cache_path

import fluentml as fml
from fluentml.backends import get_backend
from fluentml.components import Evaluator
from fluentml.graph import Graph
from fluentml.loading import load
from fluentml.verbs import Verbs
from tests.conftest import EXAMPLES

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py") if "pipeline = (" in path.read_text())

pytestmark = pytest.mark.tfx  # the examples' data come with TFX


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in another folder: an example keeps data frames and functions under its root."""
    monkeypatch.chdir(tmp_path)


def test_there_are_examples():
    assert {"taxi", "iris", "everything"} <= set(NAMES)


def test_everything_uses_every_verb_once():
    code = (EXAMPLES / "everything.py").read_text()
    verbs = [name for name in vars_of(Verbs) if name != "add"]
    assert {verb: len(re.findall(rf"^    \.{verb}\(", code, re.M)) for verb in verbs} == (
        dict.fromkeys(verbs, 1)
    )


def vars_of(kind: type) -> list[str]:
    """Return the public methods that a class and its bases define."""
    return sorted(
        {
            name
            for base in kind.__mro__[:-1]
            for name, value in vars(base).items()
            if inspect.isfunction(value) and not name.startswith("_")
        }
    )


@pytest.mark.parametrize("name", NAMES)
def test_example_graph(name: str, request: pytest.FixtureRequest):
    graph = load(str(EXAMPLES / f"{name}.py")).graph
    text = _without_places(graph.to_json()) + "\n"
    golden = GOLDEN / f"{name}.graph.json"
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert golden.exists(), "no golden file: make golden"
    assert text == golden.read_text(), "the graph changed: look at the diff after make golden"


@pytest.mark.parametrize("name", NAMES)
def test_golden_is_a_graph(name: str):
    text = (GOLDEN / f"{name}.graph.json").read_text()
    assert Graph.from_json(text).to_json() + "\n" == text


@pytest.mark.parametrize("name", NAMES)
def test_example_has_no_problem(name: str):
    load(str(EXAMPLES / f"{name}.py")).check()


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
@pytest.mark.parametrize("name", NAMES)
def test_example_compiled(name: str, target: str, tmp_path: Path, request: pytest.FixtureRequest):
    """With its data in a bucket, an example is compiled, or it is said why it cannot be."""
    pipeline = load(str(EXAMPLES / f"{name}.py"))
    made = get_backend(target, image="example.com/image:1")
    try:
        if name != "everything":
            pipeline = _in_a_bucket(pipeline, has_baseline=target != "kubeflow")
        text = pipeline.compile(made, tmp_path / "compiled").read_text()
        suffix = {"vertex": "vertex.json", "kubeflow": "kubeflow.yaml"}[target]
    except fml.CheckError as error:
        text, suffix = f"{error}\n", f"{target}.refused.txt"
    text = re.sub(r"tfx-\d+\.\d+\.\d+", "tfx-version", _without_places(text))
    golden = GOLDEN / f"{name}.{suffix}"
    if request.config.getoption("--update-golden"):
        for old in GOLDEN.glob(f"{name}.{target}.*"):
            old.unlink()
        golden.write_text(text)
    assert golden.exists(), "no golden file: make golden"
    assert text == golden.read_text(), "look at the diff after make golden"


@pytest.mark.parametrize("target", ["airflow", "beam"])
@pytest.mark.parametrize("name", NAMES)
def test_example_as_python(name: str, target: str, tmp_path: Path, request: pytest.FixtureRequest):
    pipeline = load(str(EXAMPLES / f"{name}.py"))
    places = {"folder": "/srv/project", "python": "/srv/project/.venv/bin/python"}
    made = get_backend(target, **(places if target == "airflow" else {}))
    try:
        text, suffix = pipeline.compile(made, tmp_path / "compiled.py").read_text(), "py"
    except fml.CheckError as error:
        text, suffix = f"{error}\n", "refused.txt"
    golden = GOLDEN / f"{name}.{target}.{suffix}"
    if request.config.getoption("--update-golden"):
        for old in GOLDEN.glob(f"{name}.{target}.*"):
            old.unlink()
        golden.write_text(_without_places(text))
    assert golden.exists(), "no golden file: make golden"
    assert _without_places(text) == golden.read_text(), "look at the diff after make golden"


COMPILED = sorted(path.name for path in GOLDEN.glob("*.vertex.json"))
COMPILED += sorted(path.name for path in GOLDEN.glob("*.kubeflow.yaml"))


@pytest.mark.parametrize("file", COMPILED)
def test_golden_is_what_the_protobufs_say(file: str):
    import yaml
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    spec = yaml.safe_load((GOLDEN / file).read_text())  # JSON is YAML
    spec = spec.get("pipelineSpec", spec)
    message = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    deployment = json_format.MessageToDict(message.deployment_spec)
    json_format.ParseDict(deployment, pipeline_spec_pb2.PipelineDeploymentConfig())
    tasks = message.root.dag.tasks
    assert set(tasks["Pusher"].dependent_tasks) <= set(tasks)


def _in_a_bucket(pipeline: fml.PipelineDef, *, has_baseline: bool) -> fml.PipelineDef:
    """Return the chain with its root, data and served model in a bucket."""
    moved = fml.PipelineDef(pipeline.settings.name.replace("_", "-"), root="gs://bucket/root")
    for component in pipeline.components:
        places = {field for field in ("path", "destination") if getattr(component, field, None)}
        changes: dict[str, str | None] = {field: f"gs://bucket/{field}" for field in places}
        if isinstance(component, Evaluator) and not has_baseline:
            changes["baseline"] = None
        moved = moved.add(component.model_copy(update=changes))
    return moved


def _without_places(text: str) -> str:
    """Return the graph's JSON without what differs from machine to machine."""
    places = {
        "{packages}": site.getsitepackages()[0],
        "{examples}": str(EXAMPLES),
        "{cache}": str(user_cache_path("fluentml")),
    }
    for name, place in places.items():
        text = text.replace(json.dumps(place)[1:-1], name)
    # Named by content, and pyarrow writes its version into it.
    return re.sub(r"""(["'/])[0-9a-f]{16}\.parquet""", r"\1content.parquet", text)
