"""Whatever chain of verbs comes along: it is wired soundly, or refused in our own words."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fluentml as fml

P = fml.PipelineDef("any")

NAMES = ("CsvExampleGen", "StatisticsGen", "SchemaGen", "Transform", "Trainer", "Evaluator", "Two")
OUTPUTS = ("examples", "statistics", "schema", "model", "blessing", "transformed_examples", "no")
CHANNELS = st.builds("{}.{}".format, st.sampled_from(NAMES), st.sampled_from(OUTPUTS))
KEYS = ("examples", "schema", "model", "statistics", "model_blessing", "baseline_model")

METRICS = (
    *("AUC", "Recall", "MeanSquaredError", "ExampleCount"),
    fml.metric("RecallAtPrecision", precision=0.9, name="r"),
    fml.metric("FairnessIndicators", thresholds=[0.5]),
    fml.metric("Mine", module="m"),
)


def on_model(model): ...


def on_model_and_schema(model, schema): ...


def verb(name, *arguments, may_read=True, **parameters):
    """Return calls of a verb: with drawn parameters, and now and then an id or channels."""
    given = {key: st.sampled_from(values) for key, values in parameters.items()}
    if may_read:
        given["inputs"] = st.one_of(
            st.none(),
            st.none(),
            st.none(),
            st.dictionaries(st.sampled_from(KEYS), CHANNELS, max_size=2),
        )
    given["id"] = st.sampled_from([None, None, None, "Two", "Three"])
    given["when"] = st.sampled_from(
        [None, None, None, None, on_model, on_model_and_schema, fml.metric("AUC") > 0.5]
    )
    return st.tuples(st.just(name), st.just(arguments), st.fixed_dictionaries(given))


BASE = (
    P.from_csv("d")
    .generate_statistics()
    .infer_schema()
    .train("m.py")
    .evaluate_model("label", metrics=["AUC"])
)


def any_function(examples=None, model=None, schema=None): ...


def report(final_status, title): ...


CALLS = st.one_of(
    verb("from_csv", "d", may_read=False, split=[None, {"train": 1}, {"a": "a*", "b": "b*"}]),
    verb("from_tfrecord", "d", may_read=False, pattern=[None, "{SPAN}"], spans=[None, 3, (1, 9)]),
    verb("from_bigquery", "SELECT 1", may_read=False, split=[None, {"train": 1}]),
    verb("generate_statistics", exclude_splits=[(), ("eval",)]),
    verb("infer_schema", infer_feature_shape=[True, False]),
    verb("with_imported_schema", "s", may_read=False),
    verb("validate_input_data"),
    verb(
        "compare_examples",
        identifiers=[("id",)],
        against=[None, fml.from_csv("new")],
        split_pairs=[(), [("train", "eval")]],
    ),
    verb(
        "compare_statistics",
        against=[None, "previous_run", "s", fml.from_csv("new")],
        thresholds=[{"a": 0.1}],
        split_pairs=[(), [("train", "eval")]],
    ),
    verb(
        "preprocess",
        "m.py",
        custom_config=[None, {"a": [1, {"b": None}]}],
        splits_to_transform=[None, ("train", "eval")],
        analyzer_cache=[None, True, False],
        disable_statistics=[False, True],
    ),
    verb(
        "preprocess",
        numeric=[("a",), ("a", "b")],
        categorical=[("c",), {"c": 3}, {"a": 2}],
        label=[None, "label"],
    ),
    verb(
        "tune",
        "m.py",
        train_steps=[None, 3, fml.param("steps", 5)],
        parallel_trials=[1, 2, fml.param("parallel", 2)],
    ),
    verb("with_hyperparameters", "h", may_read=False),
    verb("with_base_model", "b", may_read=False),
    verb(
        "train",
        "m.py",
        train_steps=[None, 3],
        train_splits=[("train",), ("a", "b")],
        warm_start=[False, True, fml.param("warm", True)],
    ),
    verb(
        "evaluate_model",
        "label",
        metrics=[("AUC",), METRICS],
        thresholds=[None, {"AUC": 0.8}],
        min_improvement=[None, {"AUC": 0.0}],
        baseline=["latest_blessed", "latest", None],
        example_weight=[None, "weight"],
        slices=[(), ("a", ("b", "c"))],
        examples=[None, None, fml.from_csv("holdout")],
    ),
    verb("infra_validate", signatures=[("serving_default", "other")], max_latency_ms=[None, 9.5]),
    verb(
        "push_to",
        "serving",
        require_push=[False, True],
        formats=[(), (), ("tflite", "hub")],
        custom_config=[None, {"a": 1}],
    ),
    verb("push_to", bigquery_ml=[{"project": "p", "dataset": "d", "model": "m"}]),
    verb("bulk_infer", fml.from_csv("new"), write_to=[None, "p.csv"]),
    verb("add_component", any_function),
    verb("import_artifact", "a", may_read=False, type=["Model", "Examples", "Schema"]),
    verb("resolve", "latest", may_read=False, artifacts=[{"model": "Model"}, {"no": "Schema"}]),
    verb("resolve", "latest_blessed", may_read=False),
    verb("on_exit", report, may_read=False, arguments=[{"title": "t"}]),
    verb("notify", may_read=False, slack=["${URL}"], only=[None, "failure"]),
)


CHAINS = st.tuples(st.sampled_from([P, BASE]), st.lists(CALLS, max_size=10))


def built(start, calls):
    """Return the chain of those calls that it accepts."""
    pipeline = start
    for name, arguments, parameters in calls:
        try:
            pipeline = getattr(pipeline, name)(*arguments, **parameters)
        except fml.DefinitionError:
            continue
    return pipeline


def wired(pipeline):
    try:
        return pipeline.graph
    except fml.WiringError as error:
        told = str(error)
    assert "Hint: " in told.splitlines()[-1]
    return None


quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(CHAINS)
def test_wiring_is_sound_or_refused(chain):
    pipeline = built(*chain)
    graph = wired(pipeline)
    if graph is None:
        return
    seen = {}
    for node in graph.nodes:
        assert node.id not in seen
        reads = node.component.needs()
        assert {key for key, spec in reads.items() if not spec.optional} <= node.inputs.keys()
        assert node.inputs.keys() <= reads.keys()
        for key, wire in node.inputs.items():
            assert wire.reason
            outputs = seen[wire.channel.node].component.provides()
            if outputs is not None:
                assert reads[key].type in ("", outputs[wire.channel.output])
            asked = node.component.inputs.get(key)
            assert asked in (None, wire.channel)
        seen[node.id] = node
    assert {component.id for component in pipeline.components} <= seen.keys()


@quick
@given(CHAINS)
def test_a_wired_chain_survives_json(chain):
    graph = wired(built(*chain))
    if graph is not None:
        again = fml.Graph.from_json(graph.to_json())
        assert again == graph
        assert hash(again) == hash(graph)
        assert again.to_json() == graph.to_json()
        assert again.to_text() == graph.to_text()
        assert again.to_plan() == graph.to_plan()
        assert again.to_mermaid() == graph.to_mermaid()


@quick
@given(st.data())
def test_the_order_of_the_calls_means_nothing(data):
    steps = built(*data.draw(CHAINS)).components
    shuffled = data.draw(st.permutations(steps))

    def chained(components):
        pipeline = P
        for component in components:
            pipeline = pipeline.add(component)
        return pipeline

    one, other = wired(chained(steps)), wired(chained(shuffled))
    assert (one is None) == (other is None)
    if one is not None:
        assert {node.id: node.component for node in one.nodes} == {
            node.id: node.component for node in other.nodes
        }
        assert set(one.edges()) == set(other.edges())


@quick
@given(CHAINS)
def test_a_graph_up_to_a_node_is_closed(chain):
    graph = wired(built(*chain))
    for node in graph.nodes if graph else ():
        part = graph.up_to(node.id)
        ids = [other.id for other in part.nodes]
        assert ids[-1] == node.id
        assert all(needed in ids for other in part.nodes for needed in other.upstream)


@quick
@given(CHAINS)
def test_check_raises_only_our_errors(chain):
    with contextlib.suppress(fml.PipelineError):
        built(*chain).check()


@given(st.text(max_size=12))
def test_any_text_is_a_good_name_or_a_definition_error(text):
    with contextlib.suppress(fml.DefinitionError):
        assert fml.PipelineDef(text).settings.name == text


@pytest.mark.parametrize("text", ["a", "taxi-2", "A_1", "0"])
def test_good_names(text):
    assert fml.PipelineDef(text).settings.name == text
