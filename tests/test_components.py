import functools
from types import SimpleNamespace

import pytest

import fluentml as fml
from fluentml.components import CustomComponent
from tests.messages import message_of

P = fml.PipelineDef("test")

# -- sources of examples ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({}, 'is {}; name at least one split, for example {"train": 1}.'),
        (["train"], "is ['train']; name at least one split, for example {\"train\": 1}."),
        (
            {"train": 0},
            "gives 'train' the value 0; it takes hash buckets (1 or more) or a file pattern.",
        ),
        (
            {"train": -1},
            "gives 'train' the value -1; it takes hash buckets (1 or more) or a file pattern.",
        ),
        (
            {"train": 0.7, "eval": 0.3},
            "gives 'train' the value 0.7; it takes hash buckets (1 or more) or a file pattern.",
        ),
        (
            {"train": ""},
            "gives 'train' the value ''; it takes hash buckets (1 or more) or a file pattern.",
        ),
        (
            {"train": 1, "eval": "e*"},
            "is {'train': 1, 'eval': 'e*'}; it takes hash buckets or a file pattern for each, not "
            "both.",
        ),
    ],
)
def test_a_split_that_makes_no_sense(split, said):
    text = message_of(fml.DefinitionError, P.from_csv, "d", split=split)
    assert text == f"from_csv(): split= {said}"


def test_splits_are_buckets_or_files():
    by_default = fml.from_csv("d")
    assert by_default.split_names == ("train", "eval")
    assert by_default == fml.from_csv("d", split={"train": 2, "eval": 1})
    assert not by_default.splits_are_files
    assert fml.from_tfrecord("d", split={"a": "a*", "b": "b*"}).splits_are_files


@pytest.mark.tfx
def test_a_split_and_its_proto_together_are_refused():
    from tfx.proto import example_gen_pb2

    text = message_of(
        fml.DefinitionError,
        P.from_csv,
        "d",
        split={"train": 1},
        input_config=example_gen_pb2.Input(),
    )
    assert text == ("from_csv() takes split= or the protos input_config=/output_config=, not both.")


# -- training --------------------------------------------------------------------------------------


@pytest.mark.tfx
@pytest.mark.parametrize(
    ("phase", "plain"),
    [
        ("train", {"train_steps": 3}),
        ("train", {"train_splits": ["a"]}),
        ("eval", {"eval_steps": 3}),
        ("eval", {"eval_splits": ["a"]}),
    ],
)
def test_steps_and_their_proto_together_are_refused(phase, plain):
    from tfx.proto import trainer_pb2

    message = {"train": trainer_pb2.TrainArgs, "eval": trainer_pb2.EvalArgs}[phase]
    given = {**plain, f"{phase}_args": message(num_steps=1)}
    for verb in ("train", "tune"):
        text = message_of(fml.DefinitionError, getattr(P, verb), "m.py", **given)
        assert text == (
            f"{verb}() takes {phase}_steps= and {phase}_splits=, or the proto {phase}_args=, "
            "not both."
        )


@pytest.mark.parametrize("steps", [0, -1, "ten", 1.5])
def test_steps_are_whole_numbers_from_one_on(steps):
    for parameter in ("train_steps", "eval_steps"):
        text = message_of(fml.DefinitionError, P.train, "m.py", **{parameter: steps})
        assert f"{parameter}={steps!r}" in text


# -- the evaluator ---------------------------------------------------------------------------------


def evaluate(*args, **parameters):
    return P.evaluate_model(*args, **parameters).components[0]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"metrics": ["auc"]},
            "evaluate_model() knows no metric 'auc'.\n"
            "It takes the metrics of TensorFlow Model Analysis and Keras by class name.\n"
            "Hint: did you mean 'AUC'?",
        ),
        (
            {"metrics": ["Zzzzzz"]},
            "evaluate_model() knows no metric 'Zzzzzz'.\n"
            "It takes the metrics of TensorFlow Model Analysis and Keras by class name.\n"
            'Hint: name the module of yours: metric("Zzzzzz", module="package.module").',
        ),
        (
            {"metrics": ["MeanIoU"]},
            "evaluate_model() cannot compute 'MeanIoU' without settings.\n"
            "It needs: 'num_classes'.\n"
            'Hint: write fluentml.metric("MeanIoU", num_classes=…).',
        ),
        (
            {"metrics": ["AUC"], "thresholds": {"BinaryAccuracy": 0.8}},
            "evaluate_model() has a threshold on 'BinaryAccuracy', which it does not compute.\n"
            "It computes: 'AUC'.\n"
            "Hint: add 'BinaryAccuracy' to metrics=, or drop its threshold.",
        ),
        (
            {"metrics": ["AUC", "Recall"], "thresholds": {"auc": 0.8}},
            "evaluate_model() has a threshold on 'auc', which it does not compute.\n"
            "It computes: 'AUC', 'Recall'.\n"
            "Hint: did you mean 'AUC'?",
        ),
        (
            {"metrics": ["AUC"], "min_improvement": {"Recall": 0.0}},
            "evaluate_model() has a threshold on 'Recall', which it does not compute.\n"
            "It computes: 'AUC'.\n"
            "Hint: add 'Recall' to metrics=, or drop its threshold.",
        ),
        (
            {"metrics": ["Calibration"], "thresholds": {"Calibration": 1}},
            "evaluate_model() has a threshold on 'Calibration', which is neither better high "
            "nor better low.\n"
            'Hint: say which side is good: thresholds={"Calibration": (">=", …)}.',
        ),
        (
            {"metrics": ["AUC"], "thresholds": {"Yellow:AUC": 0.7}},
            "evaluate_model() has the key 'Yellow:AUC'; a slice is written 'feature=value:Metric'.",
        ),
        (
            {"metrics": ["AUC"], "min_improvement": -0.01},
            "evaluate_model() has min_improvement= for every metric with a threshold, and there "
            'are none; name the metric: min_improvement={"AUC": -0.01}.',
        ),
        ({}, 'evaluate_model() needs metrics=, for example metrics=["AUC"].'),
        (
            {"metrics": ["AUC"], "slices": "trip_start_hour"},
            'evaluate_model(): slices= takes a list of features, for example ["hour"], '
            "not 'trip_start_hour'.",
        ),
        (
            {"metrics": ["AUC"], "slices": 3},
            'evaluate_model(): slices= takes a list of features, for example ["hour"], not 3.',
        ),
    ],
)
def test_what_an_evaluator_cannot_do(parameters, said):
    assert message_of(fml.DefinitionError, evaluate, "label", **parameters) == said


def test_an_evaluator_needs_a_label():
    assert message_of(fml.DefinitionError, evaluate, metrics=["AUC"]) == (
        'evaluate_model() needs label=, the feature to predict, for example label="tips_xf".'
    )


def test_slices_are_features_or_groups_of_them():
    step = evaluate("l", metrics=["AUC"], slices=["hour", ("company", "payment"), ["a", "b"]])
    assert step.slices == (("hour",), ("company", "payment"), ("a", "b"))


def test_only_thresholds_bless():
    assert not evaluate("l", metrics=["AUC"]).can_bless
    assert evaluate("l", metrics=["AUC"], thresholds={"AUC": 0.8}).can_bless
    assert evaluate("l", metrics=["AUC"], min_improvement={"AUC": 0}).can_bless


@pytest.mark.tfx
@pytest.mark.parametrize(
    "plain",
    [
        {"label": "l"},
        {"metrics": ["AUC"]},
        {"thresholds": {"AUC": 1}},
        {"slices": ["a"]},
        {"min_improvement": 0.1},
        {"preprocessing_function_names": ["f"]},
    ],
    ids=lambda plain: next(iter(plain)),
)
def test_an_eval_config_and_plain_values_together_are_refused(plain):
    from tensorflow_model_analysis.proto import config_pb2

    config = config_pb2.EvalConfig()
    assert message_of(fml.DefinitionError, evaluate, eval_config=config, **plain) == (
        "evaluate_model() takes label=, metrics=, … or the proto eval_config=, not both."
    )


@pytest.mark.tfx
def test_an_eval_config_blesses_when_it_has_a_threshold():
    from tensorflow_model_analysis.proto import config_pb2 as pb

    assert not evaluate(eval_config=pb.EvalConfig()).can_bless
    metric = pb.MetricConfig(class_name="AUC", threshold=pb.MetricThreshold())
    metric.threshold.value_threshold.lower_bound.value = 0.5
    config = pb.EvalConfig(metrics_specs=[pb.MetricsSpec(metrics=[metric])])
    assert evaluate(eval_config=config).can_bless


# -- the infra validator ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"signatures": ()}, "signatures=().\nHint: it takes at least 1."),
        ({"signatures": "predict"}, "signatures='predict'.\nHint: it takes a list."),
        ({"examples": 0}, "examples=0.\nHint: it takes 1 or more."),
        ({"warmup_requests": -1}, "warmup_requests=-1.\nHint: it takes 0 or more."),
        ({"max_latency_ms": 0}, "max_latency_ms=0.\nHint: it takes more than 0."),
        ({"max_memory_mb": "much"}, "max_memory_mb='much'.\nHint: it takes a number."),
        ({"percentile": 0.95}, "percentile=0.95.\nHint: it takes 50 or more."),
        ({"percentile": 101}, "percentile=101.\nHint: it takes 100 or less."),
        ({"timeout_s": float("inf")}, "timeout_s=inf.\nHint: it takes a finite number."),
    ],
)
def test_a_budget_that_makes_no_sense(parameters, said):
    text = message_of(fml.DefinitionError, P.infra_validate, **parameters)
    assert text == f"infra_validate() cannot use {said}"


@pytest.mark.tfx
def test_a_serving_spec_and_plain_values_together_are_refused():
    from tfx.proto import infra_validator_pb2 as pb

    serving_spec = pb.ServingSpec(local_docker=pb.LocalDockerConfig())
    call = P.infra_validate
    assert message_of(fml.DefinitionError, call, serving_spec=serving_spec, max_startup_s=3) == (
        "infra_validate() takes max_startup_s=, or TFX's serving_spec=, not both."
    )
    assert message_of(fml.DefinitionError, call, validation_spec=pb.ValidationSpec()) == (
        "infra_validate() takes validation_spec= only with serving_spec=, which says where "
        "TensorFlow Serving runs."
    )


@pytest.mark.tfx
def test_only_a_docker_engine_of_this_machine_is_looked_for():
    from tfx.proto import infra_validator_pb2 as pb

    def needs_docker(**platform):
        (step,) = P.infra_validate(serving_spec=pb.ServingSpec(**platform)).components
        return step.needs_docker

    assert not P.infra_validate().components[0].needs_docker
    assert needs_docker(local_docker=pb.LocalDockerConfig())
    assert not needs_docker(local_docker=pb.LocalDockerConfig(client_base_url="tcp://far:2375"))
    assert not needs_docker(kubernetes=pb.KubernetesConfig())


# -- the pusher and the bulk inferrer --------------------------------------------------------------


@pytest.mark.parametrize("destination", [None, ""])
def test_a_push_needs_a_destination(destination):
    assert message_of(fml.DefinitionError, P.push_to, destination) == (
        "push_to() has no destination.\n"
        'Hint: name the folder that the model server watches: push_to("serving/taxi").'
    )


@pytest.mark.tfx
def test_a_push_has_one_destination():
    from tfx.proto import pusher_pb2

    message = pusher_pb2.PushDestination()
    assert message_of(fml.DefinitionError, P.push_to, "s", push_destination=message) == (
        "push_to() takes a folder or the proto push_destination=, not both."
    )


@pytest.mark.parametrize(
    "given", [{}, {"examples": fml.from_csv("d"), "inputs": {"examples": "CsvExampleGen.examples"}}]
)
def test_a_bulk_inference_has_one_data_set(given):
    assert message_of(fml.DefinitionError, P.bulk_infer, **given) == (
        "bulk_infer() needs one data set to predict for.\n"
        'Hint: name it: bulk_infer(fluentml.from_csv("to_predict/")), or a channel of the chain: '
        'bulk_infer(inputs={"examples": "…"}).'
    )


def evaluation(**parameters):
    return P.evaluate_model("label", metrics=["AUC"], **parameters)


@pytest.mark.parametrize("verb", [P.bulk_infer, evaluation], ids=["bulk_infer", "evaluate_model"])
def test_a_data_set_of_its_own_is_a_source_of_examples(verb):
    name = verb(examples=fml.from_csv("d")).components[0].verb
    assert message_of(fml.DefinitionError, verb, examples="new/") == (
        f"{name} takes a step that reads the data set, not 'new/'.\n"
        "Hint: write examples=fluentml.from_csv('new/'), or another fluentml.from_… step."
    )
    chain = fml.PipelineDef("x").from_csv("d")
    assert message_of(fml.DefinitionError, verb, examples=chain) == (
        f"{name} takes a step that reads the data set, not {chain!r}.\n"
        "Hint: pass fluentml.from_csv(…) or another fluentml.from_… step."
    )
    assert message_of(fml.DefinitionError, verb, examples=P.train("m.py").components[0]) == (
        f"{name} cannot read train(): it is no source of examples.\n"
        "Hint: pass fluentml.from_csv(…) or another fluentml.from_… step."
    )


def test_an_evaluation_has_one_data_set():
    given = {"examples": fml.from_csv("d"), "inputs": {"examples": "CsvExampleGen.examples"}}
    assert message_of(fml.DefinitionError, evaluation, **given) == (
        "evaluate_model() takes examples= or inputs={'examples': …}, not both."
    )


# -- inputs= ---------------------------------------------------------------------------------------


def test_an_unknown_input_key():
    text = message_of(
        fml.DefinitionError, P.train, "m.py", inputs={"example": "CsvExampleGen.examples"}
    )
    assert text == (
        "train() has no input 'example'.\n"
        "It reads: 'examples', 'transform_graph', 'schema', 'base_model', 'hyperparameters'.\n"
        "Hint: did you mean 'examples'?"
    )
    far = message_of(fml.DefinitionError, P.infer_schema, inputs={"zzz": "CsvExampleGen.examples"})
    assert far == (
        "infer_schema() has no input 'zzz'.\nIt reads: 'statistics'.\nHint: take one of these keys."
    )


# -- functions and built components ----------------------------------------------------------------


def card(model, evaluation=None, *rest, deep, **more): ...


def custom(source, **parameters):
    return P.add_component(source, **parameters).components[0]


def test_a_function_is_a_node_whose_parameters_are_inputs():
    step = custom(card)
    assert (step.id, step.verb, step.role) == ("card", "add_component(card)", "card")
    assert {key: spec.optional for key, spec in step.reads().items()} == {
        "model": False,
        "evaluation": True,
        "deep": False,
    }
    assert step.provides() is None


def test_a_lambda_needs_an_id():
    assert message_of(fml.DefinitionError, P.add_component, lambda model: model) == (
        "add_component() has no name for the node of a lambda or partial.\n"
        "Hint: pass id=, or a function with a name."
    )
    assert custom(lambda model: model, id="Card").id == "Card"


def test_a_partial_and_a_callable_object_are_functions_too():
    step = custom(functools.partial(card, deep=1), id="Card")
    assert "model" in step.reads()

    class Builder:
        def __call__(self, model): ...

    assert list(custom(Builder(), id="Card").reads()) == ["model"]


@pytest.mark.parametrize("thing", ["Trainer", None, 3], ids=repr)
def test_what_is_neither_component_nor_function(thing):
    assert message_of(fml.DefinitionError, P.add_component, thing) == (
        f"add_component() takes a TFX component or a function, not {thing!r}.\n"
        "Hint: a function's parameters name the channels that it gets: "
        "add_component(lambda model: MyComponent(model=model), id='MyComponent')."
    )


def test_a_function_that_hides_its_parameters():
    assert message_of(fml.DefinitionError, P.add_component, int, id="Int") == (
        "add_component() cannot tell the parameters of <class 'int'>.\n"
        "Hint: pass a function written in Python: its parameters name the channels."
    )


def test_a_function_gets_only_its_own_parameters():
    text = message_of(fml.DefinitionError, P.add_component, card, inputs={"modle": "Trainer.model"})
    assert text == (
        "add_component(card) has no input 'modle'.\n"
        "It reads: 'model', 'evaluation', 'deep'.\n"
        "Hint: did you mean 'model'?"
    )


@pytest.mark.parametrize("bad", [{"id": "a b"}, {"inputs": {"model": 3}}, {"inputs": "x"}])
def test_bad_parameters_of_a_function_are_definition_errors(bad):
    text = message_of(fml.DefinitionError, P.add_component, card, **bad)
    assert text.startswith("add_component()")


def built(id, outputs, **inputs):
    """Return something like a TFX component: what fluentml looks at, and no more."""
    channels = {
        key: SimpleNamespace(producer_component_id=text.partition(".")[0], output_key="out")
        for key, text in inputs.items()
    }
    made = {key: SimpleNamespace(type_name=type) for key, type in outputs.items()}
    return SimpleNamespace(executor_spec=1, id=id, inputs=channels, outputs=made)


def test_a_built_component_brings_its_channels_and_outputs():
    pipeline = P.add_component(built("Maker", {"out": "Model"})).add_component(
        built("Reader", {}, model="Maker.out")
    )
    wire = pipeline.graph["Reader"].inputs["model"]
    assert (str(wire.channel), wire.reason) == ("Maker.out", "built so")


@pytest.mark.parametrize(
    "more", [{"id": "Other"}, {"inputs": {"model": "Trainer.model"}}, {"arguments": {"a": 1}}]
)
def test_a_built_component_takes_nothing_more(more):
    assert message_of(fml.DefinitionError, P.add_component, built("Maker", {}), **more) == (
        f"add_component() cannot give {next(iter(more))}= to 'Maker', which is built.\n"
        "Hint: pass its class, or a function that builds it from channels."
    )


def test_a_function_that_returns_no_component():
    step = custom(lambda model: None, id="Card")
    assert message_of(fml.DefinitionError, step.to_tfx, {"model": 1}) == (
        "add_component(Card): the function returned None, which is no TFX component.\n"
        "Hint: return the component that it builds."
    )


def test_a_function_from_json_is_imported_again():
    step = custom(card)
    again = CustomComponent.model_validate({**step.model_dump(mode="json")})
    assert again == step
    assert again.source.value() is card


def test_a_function_from_json_that_cannot_be_imported():
    step = CustomComponent(id="Card", source="nowhere.to_be:found", parameters={"model": False})
    assert message_of(fml.LoadError, step.to_tfx, {"model": 1}) == (
        "'nowhere.to_be:found', which the graph names, cannot be imported here.\n"
        "Hint: put it into a module that both sides can import."
    )


def test_a_built_component_does_not_survive_json():
    step = CustomComponent(id="Card", source="types:SimpleNamespace", form="built")
    assert message_of(fml.LoadError, step.to_tfx, {}) == (
        "add_component(Card): JSON keeps the class of a component that was built, "
        "not the component.\n"
        "Hint: add the class, or lower the pipeline where it is built."
    )


def test_an_improvement_needs_something_to_improve_on():
    with pytest.raises(fml.DefinitionError) as error:
        fml.PipelineDef("p").evaluate_model(
            "y", metrics=["AUC"], min_improvement={"AUC": 0.1}, baseline=None
        )
    assert str(error.value).splitlines() == [
        "evaluate_model() has min_improvement= and nothing to improve on.",
        'Hint: leave baseline= out, or name a model: inputs={"baseline_model": "…"}.',
    ]


# -- the example validator -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"drift": {"fare": 10}},
            "validate_input_data(): drift= gives 'fare' the threshold 10; "
            "a distance lies between 0 (alike) and 1.",
        ),
        (
            {"skew": {"fare": 0}},
            "validate_input_data(): skew= gives 'fare' the threshold 0; "
            "a distance lies between 0 (alike) and 1.",
        ),
        (
            {"against": "statistics/3"},
            'validate_input_data() has against= and no drift=, for example drift={"fare": 0.1}.',
        ),
        (
            {"fail_on": "drift"},
            "validate_input_data() has fail_on='drift' and measures none.\n"
            'Hint: say what to measure, drift={"fare": 0.1}, or write fail_on="anomalies".',
        ),
        (
            {"fail_on": "skew"},
            "validate_input_data() cannot use fail_on='skew'.\n"
            "Hint: it takes 'anomalies' or 'drift'.",
        ),
        (
            {"inputs": {"serving_statistics": "S.statistics"}},
            "validate_input_data() reads 'serving_statistics' only with skew=.",
        ),
        (
            {
                "drift": {"fare": 0.1},
                "against": "statistics/3",
                "inputs": {"previous_statistics": "S.statistics"},
            },
            "validate_input_data() takes against= or inputs={'previous_statistics': …}, not both.",
        ),
    ],
)
def test_a_validation_that_makes_no_sense(parameters, said):
    assert message_of(fml.DefinitionError, P.validate_input_data, **parameters) == said


def test_only_what_tfx_cannot_do_is_left_to_ours():
    def is_stock(**parameters):
        return P.validate_input_data(**parameters).components[0].is_stock

    assert is_stock()
    assert is_stock(exclude_splits=["eval"])
    assert not is_stock(fail_on="anomalies")
    assert not is_stock(environment="SERVING")
    assert not is_stock(drift={"fare": 0.1})
    assert not is_stock(skew={"fare": 0.1})


# -- the curated schema ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, 'changes nothing; say what, for example required=["fare"].'),
        (
            {"required": ["fare"], "optional": ["fare"]},
            "has 'fare' as required and as optional.",
        ),
    ],
)
def test_a_curation_that_makes_no_sense(parameters, said):
    text = message_of(fml.DefinitionError, P.curate_schema, **parameters)
    assert text == f"curate_schema() {said}"


@pytest.mark.parametrize("domain", [[], "Cash", 3, ["a", 1], (1, 2, 3), (None, None), {"a": 1}])
def test_a_domain_that_is_none(domain):
    text = message_of(fml.DefinitionError, P.curate_schema, domains={"fare": domain})
    assert text == (
        f"curate_schema(): domains= gives 'fare' {domain!r}; text has a list of values, and "
        "numbers have (least, greatest), of which one may be None."
    )


def test_an_empty_range():
    text = message_of(fml.DefinitionError, P.curate_schema, domains={"fare": (2, 1)})
    assert text == "curate_schema(): domains= gives 'fare' the range (2, 1), which is empty."


def test_domains_keep_their_types():
    domains = {"who": ["a", "b"], "fare": (0.5, None), "hour": (0, 23)}
    step = P.curate_schema(domains=domains).components[0]
    again = type(step).model_validate_json(step.model_dump_json())
    assert again == step
    assert again.domains == {"who": ("a", "b"), "fare": (0.5, None), "hour": (0, 23)}
    assert [type(bound) for bound in again.domains["hour"]] == [int, int]


# -- statistics ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"sample_rate": 10},
            "(): sample_rate= is 10; it is a share of the examples, above 0 and at most 1.",
        ),
        (
            {"slices": "hour"},
            "(): slices= takes a list of features, for example [\"hour\"], not 'hour'.",
        ),
        ({"stats_options": 3}, "(): stats_options= takes a tfdv.StatsOptions, not int."),
        (
            {"slices": ["hour"], "stats_options": "{}"},
            "() takes sample_rate= and slices=, or stats_options=, not both.",
        ),
    ],
)
def test_statistics_that_make_no_sense(parameters, said):
    text = message_of(fml.DefinitionError, P.generate_statistics, **parameters)
    assert text == f"generate_statistics{said}"
