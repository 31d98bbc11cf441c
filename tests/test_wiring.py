import pytest

import fluentml as fml
from tests.messages import message_of
from tests.test_components import built, card

P = fml.PipelineDef("test")
DATA = P.from_csv("data")
RAW = DATA.generate_statistics().infer_schema()
FULL = RAW.preprocess("m.py").train("m.py")
BLESSING = {"label": "l", "metrics": ["AUC"], "thresholds": {"AUC": 0.8}}


def wires(pipeline, node):
    return {key: str(wire.channel) for key, wire in pipeline.graph[node].inputs.items()}


def reasons(pipeline, node):
    return {key: wire.reason for key, wire in pipeline.graph[node].inputs.items()}


def wiring_error(pipeline):
    return message_of(fml.WiringError, lambda: pipeline.graph)


# -- the defaults ----------------------------------------------------------------------------------


def test_the_whole_chain():
    pipeline = (
        FULL.validate_input_data()
        .tune("m.py")
        .evaluate_model(**BLESSING)
        .infra_validate()
        .push_to("serving")
        .bulk_infer(fml.from_csv("new"))
    )
    assert [node.id for node in pipeline.graph.nodes] == [
        "CsvExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "Transform",
        "ExampleValidator",
        "Tuner",
        "Trainer",
        "latest_blessed_model_resolver",
        "Evaluator",
        "InfraValidator",
        "Pusher",
        "BulkInferrer_examples",
        "BulkInferrer",
    ]
    assert wires(pipeline, "StatisticsGen") == {"examples": "CsvExampleGen.examples"}
    assert wires(pipeline, "SchemaGen") == {"statistics": "StatisticsGen.statistics"}
    assert wires(pipeline, "ExampleValidator") == {
        "statistics": "StatisticsGen.statistics",
        "schema": "SchemaGen.schema",
    }
    assert wires(pipeline, "Transform") == {
        "examples": "CsvExampleGen.examples",
        "schema": "SchemaGen.schema",
    }
    assert wires(pipeline, "Tuner") == {
        "examples": "Transform.transformed_examples",
        "schema": "SchemaGen.schema",
        "transform_graph": "Transform.transform_graph",
    }
    assert wires(pipeline, "Trainer") == {
        "examples": "Transform.transformed_examples",
        "transform_graph": "Transform.transform_graph",
        "schema": "SchemaGen.schema",
        "hyperparameters": "Tuner.best_hyperparameters",
    }
    assert wires(pipeline, "Evaluator") == {
        "examples": "CsvExampleGen.examples",
        "model": "Trainer.model",
        "baseline_model": "latest_blessed_model_resolver.model",
    }
    assert wires(pipeline, "InfraValidator") == {
        "model": "Trainer.model",
        "examples": "CsvExampleGen.examples",
    }
    assert wires(pipeline, "Pusher") == {
        "model": "Trainer.model",
        "model_blessing": "Evaluator.blessing",
        "infra_blessing": "InfraValidator.blessing",
    }
    assert wires(pipeline, "BulkInferrer") == {
        "examples": "BulkInferrer_examples.examples",
        "model": "Trainer.model",
        "model_blessing": "Evaluator.blessing",
    }


def test_training_reads_raw_examples_where_nothing_transforms_them():
    pipeline = DATA.train("m.py")
    assert wires(pipeline, "Trainer") == {"examples": "CsvExampleGen.examples"}
    assert reasons(pipeline, "Trainer") == {"examples": "made by from_csv(); no preprocess()"}


def test_training_prefers_transformed_examples():
    assert reasons(FULL, "Trainer")["examples"] == "preferred to CsvExampleGen.examples"


@pytest.mark.parametrize("first", [True, False])
def test_an_imported_schema_beats_the_inferred_one(first):
    def imported(pipeline):
        return pipeline.with_imported_schema("schema.pbtxt")

    start = imported(DATA) if first else DATA
    pipeline = start.generate_statistics().infer_schema().validate_input_data().preprocess("m.py")
    pipeline = (pipeline if first else imported(pipeline)).train("m.py")
    for reader in ("ExampleValidator", "Transform", "Trainer"):
        assert wires(pipeline, reader)["schema"] == "ImportSchemaGen.schema"
        assert reasons(pipeline, reader)["schema"] == "preferred to SchemaGen.schema"
    # The statistics are typed by it, and by no other: the inferred one is made from them.
    assert wires(pipeline, "StatisticsGen")["schema"] == "ImportSchemaGen.schema"
    assert "schema" not in wires(FULL, "StatisticsGen")


@pytest.mark.parametrize("source", ["SchemaGen", "ImportSchemaGen"])
def test_a_curated_schema_beats_the_one_it_is_made_of(source):
    pipeline = DATA.generate_statistics().curate_schema(label="tips").infer_schema()
    pipeline = pipeline.validate_input_data().preprocess("m.py")
    if source == "ImportSchemaGen":
        pipeline = pipeline.with_imported_schema("s.pbtxt")
        assert wires(pipeline, "StatisticsGen")["schema"] == "ImportSchemaGen.schema"
    assert wires(pipeline, "SchemaCuration") == {"schema": f"{source}.schema"}
    for reader in ("ExampleValidator", "Transform"):
        assert wires(pipeline, reader)["schema"] == "SchemaCuration.curated_schema"
        assert reasons(pipeline, reader)["schema"].startswith("preferred to ")


@pytest.mark.parametrize("first", [True, False])
def test_given_hyperparameters_beat_tuned_ones(first):
    pipeline = FULL.with_hyperparameters("best").tune("m.py")
    if not first:
        pipeline = FULL.tune("m.py").with_hyperparameters("best")
    assert wires(pipeline, "Trainer")["hyperparameters"] == "ImportedHyperparameters.result"
    assert reasons(pipeline, "Trainer")["hyperparameters"] == (
        "preferred to Tuner.best_hyperparameters"
    )


def test_a_base_model_reaches_training_and_tuning_and_is_no_model_to_push():
    pipeline = FULL.tune("m.py").with_base_model("base").push_to("s")
    assert wires(pipeline, "Trainer")["base_model"] == "ImportedModel.result"
    assert wires(pipeline, "Tuner")["base_model"] == "ImportedModel.result"
    assert wires(pipeline, "Pusher") == {"model": "Trainer.model"}


def test_a_warm_start_brings_the_last_model_along():
    pipeline = RAW.train("m.py", warm_start=True).train("m.py", id="Second", warm_start=True)
    for id in ("Trainer", "Second"):
        assert wires(pipeline, id)["base_model"] == f"{id}_last_model.model"
        assert reasons(pipeline, id)["base_model"] == "brought along by train()"
        assert pipeline.graph[f"{id}_last_model"].component.maker == id


def test_a_given_base_model_beats_the_last_one():
    pipeline = RAW.train("m.py", warm_start=True).with_base_model("base", id="Base")
    assert wires(pipeline, "Trainer")["base_model"] == "Base.result"
    assert "Trainer_last_model" not in [node.id for node in pipeline.graph.nodes]
    given = {"warm_start": True, "inputs": {"base_model": "Other.model"}}
    assert message_of(fml.DefinitionError, RAW.train, "m.py", **given) == (
        "train() takes warm_start= or inputs={'base_model': …}, not both."
    )


def test_the_evaluator_reads_raw_examples_and_brings_the_latest_blessed_model():
    pipeline = FULL.evaluate_model(**BLESSING)
    assert wires(pipeline, "Evaluator")["examples"] == "CsvExampleGen.examples"
    assert "latest_blessed_model_resolver" in [node.id for node in pipeline.graph.nodes]
    assert reasons(pipeline, "Evaluator")["baseline_model"] == ("brought along by evaluate_model()")


def test_an_evaluator_without_baseline_brings_nothing_along():
    pipeline = FULL.evaluate_model(**BLESSING, baseline=None)
    assert "baseline_model" not in wires(pipeline, "Evaluator")
    assert "latest_blessed_model_resolver" not in [node.id for node in pipeline.graph.nodes]


def test_a_named_baseline_takes_the_place_of_the_resolver():
    pipeline = FULL.with_base_model("base").evaluate_model(
        **BLESSING, inputs={"baseline_model": "ImportedModel.result"}
    )
    assert wires(pipeline, "Evaluator")["baseline_model"] == "ImportedModel.result"
    assert reasons(pipeline, "Evaluator")["baseline_model"] == "given with inputs="
    assert "latest_blessed_model_resolver" not in [node.id for node in pipeline.graph.nodes]


def test_two_evaluators_share_the_resolver():
    pipeline = FULL.evaluate_model(**BLESSING).evaluate_model(**BLESSING, id="Second")
    ids = [node.id for node in pipeline.graph.nodes]
    assert ids.count("latest_blessed_model_resolver") == 1


def test_drift_brings_the_previous_statistics_along():
    pipeline = RAW.validate_input_data(drift={"fare": 0.1})
    assert wires(pipeline, "ExampleValidator") == {
        "statistics": "StatisticsGen.statistics",
        "schema": "SchemaGen.schema",
        "previous_statistics": "ExampleValidator_previous_statistics.statistics",
    }
    resolver = pipeline.graph["ExampleValidator_previous_statistics"].component
    assert resolver.reader == "ExampleValidator"


def test_drift_against_a_folder_imports_it():
    pipeline = RAW.validate_input_data(drift={"fare": 0.1}, against="statistics/3", id="Pinned")
    assert wires(pipeline, "Pinned")["previous_statistics"] == "Pinned_previous_statistics.result"
    assert pipeline.graph["Pinned_previous_statistics"].component.uri == "statistics/3"


def test_statistics_to_compare_with_may_be_named():
    pipeline = RAW.generate_statistics(id="Other").validate_input_data(
        drift={"fare": 0.1},
        skew={"fare": 0.1},
        inputs={
            "previous_statistics": "Other.statistics",
            "serving_statistics": "Other.statistics",
        },
    )
    assert wires(pipeline, "ExampleValidator")["previous_statistics"] == "Other.statistics"
    assert wires(pipeline, "ExampleValidator")["serving_statistics"] == "Other.statistics"
    assert len(pipeline.graph.nodes) == 5


@pytest.mark.parametrize(
    ("start", "names"), [(FULL, ("transform_features",)), (DATA.train("m.py"), ())]
)
def test_the_evaluator_sees_transformed_features_where_there_are_any(start, names):
    step = start.evaluate_model(**BLESSING).graph["Evaluator"].component
    assert step.preprocessing_function_names == names
    step = start.evaluate_model(**BLESSING, preprocessing_function_names=["mine"]).graph[
        "Evaluator"
    ]
    assert step.component.preprocessing_function_names == ("mine",)


@pytest.mark.parametrize("order", ["eip", "epi", "iep", "ipe", "pei", "pie"])
def test_a_push_waits_for_every_gate_in_whatever_order_they_are_written(order):
    add = {
        "e": lambda pipeline: pipeline.evaluate_model(**BLESSING),
        "i": lambda pipeline: pipeline.infra_validate(),
        "p": lambda pipeline: pipeline.push_to("s"),
    }
    pipeline = FULL
    for letter in order:
        pipeline = add[letter](pipeline)
    assert wires(pipeline, "Pusher") == {
        "model": "Trainer.model",
        "model_blessing": "Evaluator.blessing",
        "infra_blessing": "InfraValidator.blessing",
    }
    assert pipeline.graph.nodes[-1].id == "Pusher"


def test_a_push_waits_only_for_blessings_of_its_own_model():
    pipeline = (
        FULL.train("b.py", id="B")
        .evaluate_model(**BLESSING)
        .evaluate_model(**BLESSING, id="EvaluateB", inputs={"model": "B.model"})
        .infra_validate()
        .push_to("a")
        .push_to("b", id="PushB", inputs={"model": "B.model"})
    )
    assert wires(pipeline, "Pusher")["model_blessing"] == "Evaluator.blessing"
    assert wires(pipeline, "PushB") == {
        "model": "B.model",
        "model_blessing": "EvaluateB.blessing",
    }
    assert reasons(pipeline, "PushB") == {
        "model": "given with inputs=",
        "model_blessing": "the gate of this model",
    }


def test_the_first_of_a_kind_is_the_default_of_the_rest():
    pipeline = DATA.from_csv("other", id="Other").generate_statistics()
    pipeline = pipeline.generate_statistics(
        id="OtherStatistics", inputs={"examples": "Other.examples"}
    )
    assert wires(pipeline, "StatisticsGen") == {"examples": "CsvExampleGen.examples"}
    assert wires(pipeline, "OtherStatistics") == {"examples": "Other.examples"}
    assert wires(pipeline.infer_schema(), "SchemaGen") == {"statistics": "StatisticsGen.statistics"}


def test_a_step_with_an_id_is_found_where_it_is_the_only_one():
    pipeline = P.from_csv("d", id="data").generate_statistics(id="stats").infer_schema()
    assert wires(pipeline, "stats") == {"examples": "data.examples"}
    assert wires(pipeline, "SchemaGen") == {"statistics": "stats.statistics"}


# -- channels given with inputs= -------------------------------------------------------------------


def test_a_given_channel_beats_the_default():
    for channel in ("CsvExampleGen.examples", fml.Channel(node="CsvExampleGen", output="examples")):
        pipeline = RAW.preprocess("m.py").train("m.py", inputs={"examples": channel})
        assert wires(pipeline, "Trainer")["examples"] == "CsvExampleGen.examples"
        assert reasons(pipeline, "Trainer")["examples"] == "given with inputs="


def test_an_input_without_default_is_wired_only_where_it_is_given():
    pipeline = FULL.evaluate_model(**BLESSING, inputs={"schema": "SchemaGen.schema"})
    assert wires(pipeline, "Evaluator")["schema"] == "SchemaGen.schema"
    assert reasons(pipeline, "Evaluator")["schema"] == "given with inputs="


def test_a_channel_of_a_node_that_is_not_there():
    pipeline = DATA.generate_statistics(inputs={"examples": "CsvExamplGen.examples"})
    assert wiring_error(pipeline) == (
        "generate_statistics() takes 'examples' from 'CsvExamplGen.examples', and the chain has "
        "no node 'CsvExamplGen'.\n"
        "Its nodes: 'CsvExampleGen', 'StatisticsGen'.\n"
        "Hint: did you mean 'CsvExampleGen'?"
    )


def test_a_channel_of_an_output_that_is_not_there():
    pipeline = DATA.generate_statistics(inputs={"examples": "CsvExampleGen.zzz"})
    assert wiring_error(pipeline) == (
        "generate_statistics() takes 'examples' from 'CsvExampleGen.zzz', and 'CsvExampleGen' has "
        "no output 'zzz'.\n"
        "Its outputs: 'examples'.\n"
        "Hint: take one of these."
    )


def test_a_channel_of_another_type():
    pipeline = RAW.train("m.py", inputs={"schema": "CsvExampleGen.examples"})
    assert wiring_error(pipeline) == (
        "train() takes 'schema' of type Schema, and 'CsvExampleGen.examples' is of type Examples.\n"
        "Channels of type Schema: 'SchemaGen.schema'.\n"
        "Hint: take one of these."
    )
    pipeline = DATA.train("m.py", inputs={"schema": "CsvExampleGen.examples"})
    assert wiring_error(pipeline).endswith(
        "Channels of type Schema: none.\nHint: add a step that makes one."
    )


# -- what cannot be wired --------------------------------------------------------------------------


def test_a_step_whose_input_nothing_produces():
    assert wiring_error(P.train("m.py")) == (
        "train() reads 'examples' (an Examples artifact), and no step of this pipeline produces "
        "it.\n"
        "Looked for: Transform.transformed_examples, ExampleGen.examples.\n"
        "Hint: start the chain with from_csv(...), from_tfrecord(...) or another from_… step."
    )


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (
            DATA.infer_schema(),
            "infer_schema() reads 'statistics' (an ExampleStatistics artifact), and no step of "
            "this pipeline produces it.\n"
            "Looked for: StatisticsGen.statistics.\n"
            "Hint: add generate_statistics() to the chain.",
        ),
        # Its own outputs are of that type too, and would help nobody.
        (
            DATA.preprocess("m.py"),
            "preprocess() reads 'schema' (a Schema artifact), and no step of this pipeline "
            "produces it.\n"
            "Looked for: SchemaCuration.curated_schema, ImportSchemaGen.schema, SchemaGen.schema.\n"
            "Hint: add infer_schema() to the chain.",
        ),
        (
            DATA.push_to("s"),
            "push_to() reads 'model' (a Model artifact), and no step of this pipeline produces "
            "it.\n"
            "Looked for: Trainer.model.\n"
            "Hint: add train() to the chain.",
        ),
        (
            P.with_base_model("m").push_to("s"),
            "push_to() reads 'model' (a Model artifact), and no step of this pipeline produces "
            "it.\n"
            "Looked for: Trainer.model.\n"
            "Hint: add train() to the chain. Or name a channel: "
            'inputs={"model": "ImportedModel.result"}.',
        ),
    ],
)
def test_a_missing_step_is_named_by_its_verb(pipeline, said):
    assert wiring_error(pipeline) == said


@pytest.mark.parametrize(
    ("pipeline", "names"),
    [
        (P.from_csv("a").from_tfrecord("b"), ("CsvExampleGen", "ImportExampleGen")),
        (P.from_csv("a", id="a").from_csv("b", id="b"), ("a", "b")),
    ],
)
def test_two_sources_of_examples(pipeline, names):
    one, two = names
    assert wiring_error(pipeline.generate_statistics()) == (
        f"generate_statistics() could read 'examples' from several channels: '{one}.examples', "
        f"'{two}.examples'.\n"
        f'Hint: choose one: inputs={{"examples": "{one}.examples"}}.'
    )


def test_two_evaluators_of_one_model_are_two_gates():
    pipeline = FULL.evaluate_model(**BLESSING).evaluate_model(**BLESSING, id="Second")
    assert wiring_error(pipeline.push_to("s")) == (
        "push_to() could read 'model_blessing' from several channels: 'Evaluator.blessing', "
        "'Second.blessing'.\n"
        'Hint: choose one: inputs={"model_blessing": "Evaluator.blessing"}.'
    )


def test_a_circle_names_its_steps_and_no_other():
    pipeline = (
        DATA.generate_statistics(inputs={"schema": "SchemaGen.schema"})
        .infer_schema()
        .preprocess("m.py")
        .train("m.py")
    )
    assert wiring_error(pipeline) == (
        "These steps read from each other in a circle: 'StatisticsGen', 'SchemaGen'.\n"
        "Hint: change one of their inputs=."
    )


def test_a_step_that_reads_from_itself():
    pipeline = RAW.preprocess(
        "m.py", inputs={"analyzer_cache": "Transform.updated_analyzer_cache"}
    ).train("m.py")
    assert wiring_error(pipeline) == (
        "These steps read from each other in a circle: 'Transform'.\n"
        "Hint: change one of their inputs=."
    )


@pytest.mark.parametrize(
    "pipeline",
    [
        P.from_csv("d", id="latest_blessed_model_resolver")
        .train("m.py")
        .evaluate_model(**BLESSING),
        P.from_csv("d")
        .train("m.py")
        .bulk_infer(fml.from_csv("e"))
        .train("m.py", id="BulkInferrer_examples"),
    ],
)
def test_a_step_with_the_id_of_one_that_another_brings_along(pipeline):
    text = wiring_error(pipeline)
    assert text.startswith("Two different steps have the id '")
    assert text.endswith("\nHint: give one of them another id=.")


def test_nothing_is_wired_to_nothing():
    assert P.graph.nodes == ()


# -- functions -------------------------------------------------------------------------------------


def test_a_function_reads_what_its_parameters_name():
    def report(examples, schema, statistics, transform_graph, model, anomalies): ...

    pipeline = FULL.validate_input_data().with_imported_schema("s").add_component(report)
    assert wires(pipeline, "report") == {
        "examples": "CsvExampleGen.examples",
        "schema": "ImportSchemaGen.schema",
        "statistics": "StatisticsGen.statistics",
        "transform_graph": "Transform.transform_graph",
        "model": "Trainer.model",
        "anomalies": "ExampleValidator.anomalies",
    }


def test_a_parameter_with_a_default_may_stay_unwired():
    def report(model, evaluation=None): ...

    assert wires(FULL.add_component(report), "report") == {"model": "Trainer.model"}
    judged = FULL.evaluate_model(**BLESSING).add_component(report)
    assert wires(judged, "report")["evaluation"] == "Evaluator.evaluation"


def test_a_parameter_may_be_given_a_channel():
    pipeline = FULL.add_component(
        lambda anything: anything,
        id="Report",
        inputs={"anything": "Transform.post_transform_stats"},
    )
    assert wires(pipeline, "Report") == {"anything": "Transform.post_transform_stats"}


def test_a_parameter_that_names_no_output():
    assert wiring_error(DATA.add_component(lambda exampels: 1, id="Report")) == (
        "add_component(Report) asks for 'exampels', and no step of this pipeline has such an "
        "output.\n"
        "There are: 'examples' (CsvExampleGen).\n"
        'Hint: rename it, or name the channel: inputs={"exampels": "Node.output"}.'
    )
    assert wiring_error(P.add_component(lambda any: 1, id="Report")) == (
        "add_component(Report) asks for 'any', and no step of this pipeline has such an output.\n"
        "There are: none.\n"
        'Hint: rename it, or name the channel: inputs={"any": "Node.output"}.'
    )


def test_a_parameter_whose_step_is_missing():
    assert wiring_error(DATA.add_component(card)) == (
        "add_component(card) asks for 'model', and no step of this pipeline has such an output.\n"
        "There are: 'examples' (CsvExampleGen).\n"
        "Hint: add train() to the chain."
    )


def test_a_parameter_that_names_outputs_of_several_steps():
    pipeline = FULL.evaluate_model(**BLESSING).infra_validate()
    text = wiring_error(pipeline.add_component(lambda blessing: 1, id="Report"))
    assert text == (
        "add_component(Report) could read 'blessing' from several channels: 'Evaluator.blessing', "
        "'InfraValidator.blessing'.\n"
        'Hint: choose one: inputs={"blessing": "Evaluator.blessing"}.'
    )


def test_the_outputs_of_a_function_are_known_only_when_it_is_called():
    pipeline = FULL.add_component(lambda model: model, id="Shrink").push_to(
        "s", inputs={"model": "Shrink.small"}
    )
    assert wires(pipeline, "Pusher") == {"model": "Shrink.small"}


def test_a_built_component_with_the_id_of_a_kind_stands_in_for_it():
    pipeline = DATA.add_component(built("Trainer", {"model": "Model"})).push_to("s")
    assert wires(pipeline, "Pusher") == {"model": "Trainer.model"}


def test_a_built_component_with_another_id_is_named_in_the_hint():
    pipeline = P.add_component(built("Gen", {"examples": "Examples"})).generate_statistics()
    assert wiring_error(pipeline).endswith(
        ' Or name a channel: inputs={"examples": "Gen.examples"}.'
    )
