"""README's tables come from the code, and what they say was seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fluentml as fml
from fluentml import cli
from fluentml.component import Component
from fluentml.components import MetricCondition
from fluentml.support import checks_list, gaps_table, on_table, support_table, supported
from fluentml.verbs import Verbs
from tests.code_lines import by_hand_and_here
from tests.whole_suite import never_run

README = Path(__file__).parents[1] / "README.md"
OURS = [kind for kind in Component.KINDS.values() if kind.__module__.startswith("fluentml.")]


@pytest.mark.parametrize(
    ("name", "render"),
    [
        ("verbs", support_table),
        ("checks", checks_list),
        ("by-hand", by_hand_and_here),
        ("gaps", gaps_table),
        ("on", on_table),
    ],
)
def test_readme_has_the_table(name: str, render: Any, request: pytest.FixtureRequest):
    block = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.S)
    text = README.read_text()
    if request.config.getoption("--update-golden"):
        text = block.sub(lambda _: f"{render()}\n", text)
        README.write_text(text)
    (found,) = block.findall(text)
    assert found == f"{render()}\n", "the code says something else: make golden"


def test_readme_names_every_verb():
    text = README.read_text()
    for verb in dir(Verbs):
        if verb[0] != "_" and callable(getattr(Verbs, verb)) and verb != "add":
            assert re.search(rf"\b{verb}\b", text), verb


def test_every_kind_with_a_verb_has_a_row():
    assert sorted(row.verb for row in supported()) == sorted(
        f"`{kind.VERB}`" for kind in OURS if kind.VERB
    )
    assert all(row.does and row.lowered_to and row.runs_here for row in supported())


def test_the_command_line_shows_the_same():
    done = CliRunner().invoke(cli.app, ["verbs"])
    assert done.exit_code == 0
    for row in supported():
        assert f"{row.verb.strip('`')} " in done.output


@pytest.mark.tfx
def test_steps_are_lowered_to_what_the_table_says(tmp_path: Path):
    from fluentml.lowering import lower_exit

    seen: dict[str, set[str]] = {}
    for pipeline in samples(tmp_path):
        lowered = [pipeline.to_tfx()]
        lowered += [
            lower_exit(pipeline.graph, node, {})
            for node in pipeline.graph.nodes
            if node.component.AT_EXIT
        ]
        made = {component.id: component for part in lowered for component in part.components}
        for node in pipeline.graph.nodes:
            kind = type(node.component)
            said = kind.LOWERED_TO or kind.__name__
            if said != "any TFX component":
                seen.setdefault(kind.__name__, set()).add(what_it_is(made[node.id]))
                assert what_it_is(made[node.id]) in said
    for kind in OURS:
        forms = seen.get(kind.__name__, set())
        assert ("ours" in kind.LOWERED_TO) == ("ours" in forms)
        assert ("our executor" in kind.LOWERED_TO) == any("our executor" in form for form in forms)
        if kind.VERB and kind.LOWERED_TO != "any TFX component":
            assert kind.__name__ in seen


def what_it_is(component: Any) -> str:
    """Return what a lowered component is, in the table's words."""
    kind = type(component)
    if kind.__module__.startswith("fluentml."):
        return "ours"
    executor = getattr(getattr(component, "executor_spec", None), "class_path", "")
    return f"{kind.__name__}, our executor" if executor.startswith("fluentml.") else kind.__name__


def samples(folder: Path) -> list[fml.PipelineDef]:
    """Return chains that hold every step, in each of its forms."""
    import pandas as pd
    from tfx.proto import infra_validator_pb2 as pb

    P = fml.PipelineDef("p", root=folder)
    served = pb.ServingSpec(
        tensorflow_serving=pb.TensorFlowServing(tags=["latest"]),
        local_docker=pb.LocalDockerConfig(),
    )
    good = MetricCondition(metric="AUC", key="auc", comparison=">", bound=0.9)
    whole = (
        P.from_csv("d")
        .generate_statistics()
        .infer_schema()
        .with_imported_schema("s.pbtxt")
        .curate_schema(label="label")
        .validate_input_data()
        .validate_input_data(drift={"a": 0.1}, id="Drift")
        .validate_input_data(drift={"a": 0.1}, against="statistics", id="Pinned")
        .compare_examples(fml.from_csv("new"), identifiers=["a"])
        .compare_statistics(fml.from_csv("new"), thresholds={"a": 0.1})
        .compare_statistics("previous_run", thresholds={"a": 0.1}, id="Daily")
        .preprocess("m.py", analyzer_cache=True)
        .tune("m.py")
        .with_hyperparameters("h")
        .with_base_model("b")
        .train("m.py")
        .evaluate_model("label", metrics=["AUC"], thresholds={"AUC": 0.8})
        .infra_validate()
        .bulk_infer(fml.from_csv("new"), when=good)
        .import_artifact("m", "Model")
        .resolve("latest", {"model": "Model"})
        .notify(webhook="https://example.com")
    )
    return [
        whole.push_to("serving"),
        whole.push_to("serving", require_push=True),
        whole.push_to("serving", formats=("hub",), when=good),
        whole.push_to(vertex={"project": "p", "region": "r", "endpoint": "e", "image": "i"}),
        whole.push_to(bigquery_ml={"project": "p", "dataset": "d", "model": "m"}),
        P.from_csv("d").train("m.py").bulk_infer(fml.from_csv("new"), write_to="p.csv"),
        P.from_csv("d").train("m.py").infra_validate(serving_spec=served),
        P.from_csv("d").train("m.py").evaluate_model("l", metrics=["AUC"], baseline="latest"),
        *(getattr(P, verb)("d") for verb in ("from_tfrecord", "from_parquet", "from_avro")),
        *(
            getattr(P, verb)("d", pattern="{SPAN}", spans=3)
            for verb in ("from_csv", "from_tfrecord", "from_parquet", "from_avro")
        ),
        P.from_bigquery("SELECT 1"),
        P.from_csv("d").tune("m.py", parallel_trials=2).train("m.py", warm_start=True),
        P.from_dataframe(pd.DataFrame({"a": [1]})),
        P.from_sql("sqlite:///d.db", "SELECT 1"),
    ]


def test_what_no_test_runs_is_named():
    """The rest of the suite tells whether there is something; `whole_suite` looks."""
    everything = {kind.__name__ for kind in OURS}
    assert never_run(everything) == []
    assert never_run(everything - {"Trainer", "BigQueryExampleGen"}) == ["Trainer"]
