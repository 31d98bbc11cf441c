import json

import pytest

import fluentml as fml
from fluentml.graph import Settings
from tests.messages import message_of

P = fml.PipelineDef("test")
SMALL = P.from_csv("data").generate_statistics().infer_schema()
BIG = (
    SMALL.cache()
    .with_beam_pipeline_args(["--direct_num_workers=1"])
    .with_metadata("somewhere.db")
    .validate_input_data()
    .preprocess("m.py", custom_config={"bins": [1, 2], "nested": {"a": None}})
    .tune("m.py", train_steps=3)
    .train("m.py", train_steps=10, eval_steps=2)
    .evaluate_model(
        "label",
        metrics=["AUC", "MeanSquaredError"],
        thresholds={"AUC": 0.8},
        slices=["hour", ("hour", "day")],
        baseline=None,
    )
    .infra_validate()
    .push_to("gs://bucket/serving")
    .bulk_infer(fml.from_csv("new", split={"all": 1}))
)


@pytest.mark.parametrize("pipeline", [P, SMALL, BIG], ids=["empty", "small", "big"])
def test_a_graph_goes_to_json_and_back(pipeline):
    graph = pipeline.graph
    again = fml.Graph.from_json(graph.to_json())
    assert again == graph
    assert hash(again) == hash(graph)
    assert again.to_json() == graph.to_json()


def test_json_holds_no_defaults_and_plain_values_only():
    graph = json.loads(SMALL.graph.to_json())
    assert graph["settings"] == {"name": "test"}
    assert graph["nodes"][1] == {
        "component": {"kind": "StatisticsGen", "id": "StatisticsGen"},
        "inputs": {
            "examples": {"channel": "CsvExampleGen.examples", "reason": "made by from_csv()"}
        },
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda graph: graph.pop("settings"), "settings: Field required."),
        (
            lambda graph: graph["nodes"][0]["component"].update(kind="Foo"),
            "nodes.0.component: names the kind 'Foo', which this fluentml does not know.",
        ),
        (
            lambda graph: graph["nodes"][0]["component"].pop("kind"),
            "nodes.0.component: names the kind None, which this fluentml does not know.",
        ),
        (
            lambda graph: graph["nodes"][0]["component"].update(foo=1),
            "nodes.0.component.foo: Extra inputs are not permitted.",
        ),
        (
            lambda graph: graph["nodes"][0].update(component={"kind": "Pusher"}),
            "nodes.0.component: push_to() has no destination.",
        ),
        (
            lambda graph: graph["nodes"].pop(0),
            "the text: has no 'CsvExampleGen' before 'StatisticsGen', which reads from it.",
        ),
        (
            lambda graph: graph["nodes"].reverse(),
            "the text: has no 'StatisticsGen' before 'SchemaGen', which reads from it.",
        ),
        (
            lambda graph: graph["nodes"].append(graph["nodes"][0]),
            "the text: has the node 'CsvExampleGen' twice.",
        ),
    ],
)
def test_json_that_is_no_graph(change, said):
    graph = json.loads(SMALL.graph.to_json())
    change(graph)
    assert message_of(fml.LoadError, fml.Graph.from_json, json.dumps(graph)) == (
        f"This is not a fluentml graph: {said}\n"
        "Hint: pass what Graph.to_json() or `fluentml graph --format json` wrote."
    )


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '"x"', "pipeline = 1"])
def test_text_that_is_no_graph(text):
    said = message_of(fml.LoadError, fml.Graph.from_json, text)
    assert said.startswith("This is not a fluentml graph: the text: ")


@pytest.mark.parametrize("kind", [[], {}])
def test_a_kind_that_is_no_text(kind):
    graph = json.loads(SMALL.graph.to_json())
    graph["nodes"][0]["component"]["kind"] = kind
    assert f"names the kind {kind!r}" in message_of(
        fml.LoadError, fml.Graph.from_json, json.dumps(graph)
    )


def test_infinite_values_survive_json():
    graph = SMALL.train("m.py", custom_config={"limit": float("inf")}).graph
    assert fml.Graph.from_json(graph.to_json()) == graph


def test_a_node_by_its_id():
    assert BIG.graph["Trainer"].component.train_steps == 10
    assert BIG.graph["Trainer"].upstream == ("Transform", "SchemaGen", "Tuner")


@pytest.mark.parametrize("look", [fml.Graph.__getitem__, fml.Graph.up_to])
def test_a_node_that_is_not_there(look):
    assert message_of(fml.WiringError, look, SMALL.graph, "SchemGen") == (
        "Pipeline 'test' has no node 'SchemGen'.\n"
        "Its nodes: 'CsvExampleGen', 'StatisticsGen', 'SchemaGen'.\n"
        "Hint: did you mean 'SchemaGen'?"
    )
    assert message_of(fml.WiringError, look, P.graph, "any") == (
        "Pipeline 'test' has no node 'any'.\nIts nodes: nothing.\nHint: take one of these ids."
    )


def test_a_graph_up_to_a_node_holds_what_that_needs_and_no_more():
    ids = [node.id for node in BIG.graph.up_to("Transform").nodes]
    assert ids == ["CsvExampleGen", "StatisticsGen", "SchemaGen", "Transform"]
    assert BIG.graph.up_to("Transform").settings == BIG.graph.settings
    assert [node.id for node in BIG.graph.up_to("CsvExampleGen").nodes] == ["CsvExampleGen"]


def test_edges():
    assert [(str(channel), node, key) for channel, node, key in SMALL.graph.edges()] == [
        ("CsvExampleGen.examples", "StatisticsGen", "examples"),
        ("StatisticsGen.statistics", "SchemaGen", "statistics"),
    ]


def test_the_drawing_for_a_terminal():
    assert SMALL.graph.to_text() == (
        "test\n  CsvExampleGen\n  StatisticsGen  ← CsvExampleGen\n  SchemaGen      ← StatisticsGen"
    )
    assert P.graph.to_text() == "test"


def test_the_mermaid_drawing():
    assert SMALL.preprocess("m.py").train("m.py").graph.to_mermaid() == (
        "flowchart TD\n"
        '  CsvExampleGen["CsvExampleGen"]\n'
        '  StatisticsGen["StatisticsGen"]\n'
        '  SchemaGen["SchemaGen"]\n'
        '  Transform["Transform"]\n'
        '  Trainer["Trainer"]\n'
        "  CsvExampleGen -->|examples| StatisticsGen\n"
        "  StatisticsGen -->|statistics| SchemaGen\n"
        "  CsvExampleGen -->|examples| Transform\n"
        "  SchemaGen -->|schema| Transform\n"
        "  Transform -->|transformed_examples, transform_graph| Trainer\n"
        "  SchemaGen -->|schema| Trainer"
    )


def test_the_plan_says_why():
    pipeline = SMALL.train("m.py", id="Mine", inputs={"schema": "SchemaGen.schema"})
    assert pipeline.plan() == (
        "CsvExampleGen\n"
        "\n"
        "StatisticsGen\n"
        "  examples  ← CsvExampleGen.examples  made by from_csv()\n"
        "\n"
        "SchemaGen\n"
        "  statistics  ← StatisticsGen.statistics  made by generate_statistics()\n"
        "\n"
        "Mine  (Trainer)\n"
        "  examples  ← CsvExampleGen.examples  made by from_csv(); no preprocess()\n"
        "  schema    ← SchemaGen.schema        given with inputs="
    )


@pytest.mark.parametrize(
    ("root", "pipeline_root", "is_remote"),
    [
        ("gs://bucket/runs", "gs://bucket/runs/test", True),
        ("gs://bucket/runs/", "gs://bucket/runs/test", True),
        ("s3://bucket", "s3://bucket/test", True),
        ("/runs", "/runs/test", False),
        ("/", "/test", False),
    ],
)
def test_the_pipeline_root(root, pipeline_root, is_remote):
    settings = fml.PipelineDef("test", root=root).graph.settings
    assert (settings.pipeline_root, settings.is_remote) == (pipeline_root, is_remote)


def test_a_relative_root_is_taken_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Settings(name="a").pipeline_root == str(tmp_path / "artifacts/a")


def test_mermaid_s_own_words_are_no_ids():
    drawn = fml.PipelineDef("p").from_csv("d", id="end").generate_statistics().graph.to_mermaid()
    assert '  end_["end"]' in drawn
    assert "  end_ -->|examples| StatisticsGen" in drawn


class TestAVerbNamesItsStep:
    CHAIN = fml.PipelineDef("p").from_csv("data").generate_statistics().infer_schema()

    def test_where_one_step_has_it(self):
        assert self.CHAIN.graph["infer_schema"].id == "SchemaGen"
        assert [node.id for node in self.CHAIN.graph.up_to("generate_statistics").nodes] == [
            "CsvExampleGen",
            "StatisticsGen",
        ]
        placed = self.CHAIN.on("infer_schema", cpu=2)
        assert placed.graph.settings.on == self.CHAIN.on("SchemaGen", cpu=2).graph.settings.on

    def test_not_where_several_have_it(self):
        chain = fml.PipelineDef("p").from_csv("a").from_csv("b", id="Other")
        with pytest.raises(fml.WiringError) as caught:
            chain.graph["from_csv"]
        assert str(caught.value) == (
            "Pipeline 'p' has several nodes 'from_csv'.\nThey are: 'CsvExampleGen', 'Other'.\n"
            "Hint: take one of these ids."
        )

    def test_not_beside_its_id(self):
        chain = self.CHAIN.on("infer_schema", cpu=2).on("SchemaGen", memory="1Gi")
        with pytest.raises(fml.WiringError, match="are of the same node"):
            _ = chain.graph
