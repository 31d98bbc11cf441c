"""fluent-tfx's published chains build here once the names of README's table are put in."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import fluentml as fml
from fluentml.verbs import Step
from tests.conftest import TAXI_MODEL
from tests.test_readme import README


class Call(NamedTuple):
    """A call in fluent-tfx's names."""

    verb: str
    positional: tuple[Any, ...]
    named: dict[str, Any]


class Built(NamedTuple):
    """What a function of `components` returns: a component, and where it reads each input from."""

    component: Any
    reads: dict[str, tuple[str, str]]


class Table(NamedTuple):
    """README's table: our names by theirs."""

    verbs: dict[str, str]
    arguments: dict[tuple[str, str], str]
    channels: dict[tuple[str, str], str]


def call(verb: str, *positional: Any, **named: Any) -> Call:
    return Call(verb, positional, named)


# -- README's table --------------------------------------------------------------------------------

CALL = re.compile(r"(?:ftfx\.|fml\.)?([\w.]+)\((\w*)=?\)")
CHANNEL = re.compile(r'components\["(\w+)"\]\.outputs\["(\w+)"\]')


SECTION = README.partition("## Coming from fluent-tfx\n")[2].partition("\n## ")[0]

SOURCE = ("input_config", "output_config")
STEPS = ("module_file", "train_args", "eval_args", "example_input")
FLUENT_TFX = {
    "PipelineDef": ("name", "bucket", "metadata_connection_config"),
    "with_sqlite_ml_metadata": (),
    "add_custom_component": ("name", "component"),
    "from_csv": ("uri", *SOURCE),
    "from_tfrecord": ("uri", *SOURCE),
    "from_bigquery": ("query", *SOURCE),
    "from_custom_example_gen_component": ("component",),
    "with_imported_schema": ("uri",),
    "generate_statistics": (),
    "infer_schema": ("infer_feature_shape",),
    "validate_input_data": ("exclude_splits",),
    "preprocess": ("module_file", "materialize"),
    "with_base_model": ("uri",),
    "with_hyperparameters": ("uri",),
    "tune": STEPS,
    "train": (*STEPS, "custom_executor_spec", "ai_platform_args", "custom_config"),
    "evaluate_model": ("eval_config", "example_input", "example_provider_component"),
    "infra_validate": ("serving_spec", "validation_spec", "request_spec", "example_input"),
    "push_to": ("relative_push_uri", "push_destination", "custom_config", "custom_executor_spec"),
    "bulk_infer": ("example_provider_component", "data_spec", "model_spec"),
    "cache": ("enable_cache",),
    "with_beam_pipeline_args": ("args",),
    "build": (),
}
"""What fluent-tfx's PipelineDef took, by verb."""


def rows() -> list[tuple[list[str], str]]:
    """Return the names of each row: fluent-tfx's, and what stands for them here."""
    cells = re.findall(r"^\| (`.*?`) \| `(.*?)` \|", SECTION, re.M)
    return [(re.findall(r"`(.*?)`", theirs), ours) for theirs, ours in cells]


def read_table() -> Table:
    table = Table({}, {}, {})
    for theirs, ours in rows():
        for name in theirs:
            if place := CHANNEL.fullmatch(name):
                table.channels[place[1], place[2]] = ours.strip('"')
            elif old := CALL.fullmatch(name):
                new = CALL.fullmatch(ours)
                table.verbs.setdefault(old[1], new[1] if new else old[1])
                if old[2]:
                    table.arguments[old[1], old[2]] = new[2] if new else ours.removesuffix("=")
    return table


VERBS, ARGUMENTS, CHANNELS = read_table()


def owner_of(verb: str) -> Any:
    return fml if verb.startswith(("input_builders.", "PipelineDef")) else fml.PipelineDef


def taken_by(verb: str) -> set[str]:
    """Return the parameters of what stands for a verb of fluent-tfx."""
    ours = getattr(owner_of(verb), VERBS.get(verb, verb))
    taken = set(inspect.signature(ours).parameters)
    return taken | Step.__annotations__.keys() if "step" in taken else taken


def test_the_table_was_read():
    assert len(rows()) > 12
    assert ("import fluent_tfx as ftfx", "import fluentml as fml") in [
        (theirs[0], ours) for theirs, ours in rows()
    ]
    assert VERBS["build"] == "to_tfx"
    assert ARGUMENTS["bulk_infer", "example_provider_component"] == "examples"
    assert CHANNELS["trainer", "model"] == "Trainer.model"


def test_each_row_is_needed_and_leads_somewhere():
    for verb, ours in VERBS.items():
        assert callable(getattr(owner_of(verb), ours))
        assert verb == ours or not hasattr(owner_of(verb), verb)
    for (verb, argument), ours in ARGUMENTS.items():
        assert ours in taken_by(verb)
        assert argument not in taken_by(verb)


def test_no_name_is_left_out():
    prose = "\n".join(line for line in SECTION.splitlines() if not line.startswith("|"))
    told = {(call[1], call[2]) for call in CALL.finditer(prose)}
    missing = set()
    for verb, arguments in FLUENT_TFX.items():
        if not hasattr(owner_of(verb), VERBS.get(verb, verb)):
            missing.add((verb, ""))
            continue
        renamed = {argument for argument in arguments if (verb, argument) in ARGUMENTS}
        missing |= {(verb, argument) for argument in {*arguments} - renamed - taken_by(verb)}
    assert told == missing


# -- the chains ------------------------------------------------------------------------------------


def translated(step: Call) -> Call:
    """Return the call in our names: what the table names is renamed, and nothing else."""
    named: dict[str, Any] = {}
    for argument, value in step.named.items():
        key = (step.verb, argument)
        bare = (step.verb.removeprefix("input_builders."), argument)
        name = ARGUMENTS.get(key) or ARGUMENTS.get(bare) or argument
        if isinstance(value, Built):
            named["inputs"] = {key: channel(*place) for key, place in value.reads.items()}
            value = value.component
        named[name] = made(translated(value)) if isinstance(value, Call) else value
    return Call(VERBS.get(step.verb, step.verb), step.positional, named)


def channel(component: str, output: str) -> str:
    """Return the channel in our names: that of the table, or one called in the same way."""
    node = "".join(word.capitalize() for word in component.split("_"))
    return CHANNELS.get((component, output), f"{node}.{output}")


def made(step: Call, owner: Any = fml) -> Any:
    return getattr(owner, step.verb)(*step.positional, **step.named)


def chained(steps: list[Call]) -> Any:
    result: Any = fml
    for step in steps:
        result = made(translated(step), result)
    return result


@pytest.fixture
def chains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taxi_rows: Path, unlabelled_rows: Path
) -> dict[str, list[Call]]:
    """The chains of fluent-tfx's usage guide and of its taxi example, on the taxi data."""
    from tensorflow_model_analysis.proto import config_pb2 as tfma
    from tfx.proto import infra_validator_pb2, trainer_pb2

    from tests.uri_components import CompareSchemas, TellUris

    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved/schema").mkdir(parents=True)
    (tmp_path / "saved/schema/schema.pbtxt").touch()
    bucket, data, code = str(tmp_path / "bucket"), str(taxi_rows), str(TAXI_MODEL)
    eval_config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(label_key="tips")], slicing_specs=[tfma.SlicingSpec()]
    )
    eval_config.metrics_specs.add().metrics.add(
        class_name="BinaryAccuracy",
        threshold=tfma.MetricThreshold(
            value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 0.01})
        ),
    )

    def steps(train: int, evaluation: int) -> dict[str, Any]:
        return {
            "train_args": trainer_pb2.TrainArgs(num_steps=train),
            "eval_args": trainer_pb2.EvalArgs(num_steps=evaluation),
        }

    def start(name: str) -> list[Call]:
        return [
            call("PipelineDef", name=name, bucket=bucket),
            call("with_sqlite_ml_metadata"),
            call("from_csv", data),
            call("generate_statistics"),
        ]

    def end() -> list[Call]:
        to_infer = call(
            "input_builders.from_csv", uri=str(unlabelled_rows), name="bulk_infer_example_gen"
        )
        reads = {
            "hyperparameters": ("tuner", "best_hyperparameters"),
            "model": ("trainer", "model"),
        }
        return [
            call("push_to", relative_push_uri="serving"),
            call("bulk_infer", example_provider_component=to_infer),
            call("add_custom_component", name="uris", component=Built(TellUris, reads)),
            call("build"),
        ]

    def model() -> list[Call]:
        return [
            call("preprocess", code),
            call("tune", code, **steps(5, 3)),
            call("train", code, **steps(10, 5)),
        ]

    both = {
        "schema_generated": ("schema_gen", "schema"),
        "schema_provided": ("user_schema_importer", "result"),
    }
    return {
        "generate_schema": [*start("schema_generation"), call("infer_schema"), call("build")],
        "custom_component_schema": [
            *start("custom_component_schema"),
            call("infer_schema"),
            call("with_imported_schema", str(tmp_path / "saved/schema")),
            call("add_custom_component", name="schemas", component=Built(CompareSchemas, both)),
            call("build"),
        ],
        "simple": [
            *start("simple"),
            call("infer_schema", infer_feature_shape=True),
            call("validate_input_data"),
            *model(),
            call("evaluate_model", eval_config=eval_config),
            call(
                "infra_validate",
                serving_spec=infra_validator_pb2.ServingSpec(
                    tensorflow_serving=infra_validator_pb2.TensorFlowServing(tags=["latest"]),
                    local_docker=infra_validator_pb2.LocalDockerConfig(),
                ),
                request_spec=infra_validator_pb2.RequestSpec(
                    tensorflow_serving=infra_validator_pb2.TensorFlowServingRequestSpec()
                ),
            ),
            *end(),
        ],
        "simple_e2e": [
            *start("simple_e2e"),
            call("infer_schema", infer_feature_shape=True),
            *model(),
            call(
                "evaluate_model",
                eval_config=eval_config,
                example_provider_component=call(
                    "input_builders.from_csv", data, name="eval_example_gen"
                ),
            ),
            *end(),
        ],
        "chicago_taxi": [
            call("PipelineDef", name="chicago_taxi_pipeline"),
            call("from_csv", uri=data),
            call("generate_statistics"),
            call("infer_schema"),
            call("preprocess", module_file=code),
            call("train", module_file=code, **steps(1000, 150)),
            call("evaluate_model", eval_config=eval_config),
            call("push_to", relative_push_uri="serving_model"),
            call("cache", enable_cache=True),
            call("with_sqlite_ml_metadata"),
            call("with_beam_pipeline_args", args=["--direct_num_workers=0"]),
            call("build"),
        ],
    }


READS = {
    "generate_schema": {"SchemaGen": ("StatisticsGen",)},
    "custom_component_schema": {"schemas": ("SchemaGen", "ImportSchemaGen")},
    "simple": {
        "Trainer": ("Transform", "SchemaGen", "Tuner"),
        "Evaluator": ("CsvExampleGen", "Trainer", "latest_blessed_model_resolver"),
        "Pusher": ("Trainer", "Evaluator", "InfraValidator"),
        "BulkInferrer": ("bulk_infer_example_gen", "Trainer", "Evaluator"),
    },
    "simple_e2e": {
        "Evaluator": ("eval_example_gen", "Trainer", "latest_blessed_model_resolver"),
        "Pusher": ("Trainer", "Evaluator"),
        "uris": ("Trainer", "Tuner"),
    },
    "chicago_taxi": {
        "Pusher": ("Trainer", "Evaluator"),
        "Transform": ("CsvExampleGen", "SchemaGen"),
    },
}


@pytest.mark.tfx
@pytest.mark.parametrize("name", READS)
def test_a_published_chain_is_sound_here(name: str, chains: dict[str, list[Call]]):
    *steps, build = chains[name]
    pipeline = chained(steps).check()
    wired = {node: pipeline.graph[node].upstream for node in READS[name]}
    assert wired == READS[name]
    built = made(translated(build), pipeline)
    assert {made.id for made in built.components} == {node.id for node in pipeline.graph.nodes}
    if name == "chicago_taxi":
        assert built.enable_cache
        assert built.beam_pipeline_args[-1] == "--direct_num_workers=0"
    else:
        assert built.pipeline_info.pipeline_root.startswith(str(Path("bucket").absolute()))
