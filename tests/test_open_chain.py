"""Artifacts from elsewhere, lookups, conditions, exit steps, executors: building and wiring."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import fluentml as fml
from fluentml.components._artifact_types import STANDARD
from tests.messages import message_of, problems_of

P = fml.PipelineDef("p")
CHAIN = P.from_csv("d").generate_statistics().infer_schema().train("m.py").push_to("serving")


class FakeExecutor:
    """Something like a TFX executor: what fluentml looks at, and no more."""

    def Do(self, input_dict, output_dict, exec_properties): ...  # noqa: N802


class FakeStrategy:
    """Something like a TFX resolver strategy."""

    def resolve_artifacts(self, store, input_dict): ...


class FakeArtifact:
    TYPE_NAME = "ModelCard"


def fake_class(inputs=None, outputs=None, parameters=None, **takes):
    """Return something like the class that TFX's @component makes."""

    def declared(types):
        return {
            name: SimpleNamespace(
                type=SimpleNamespace(TYPE_NAME=kind.rstrip("?")), optional="?" in kind
            )
            for name, kind in (types or {}).items()
        }

    class Card:
        SPEC_CLASS = SimpleNamespace(
            INPUTS=declared(inputs),
            OUTPUTS=declared(outputs),
            PARAMETERS={
                name: SimpleNamespace(optional=optional)
                for name, optional in (parameters or {}).items()
            },
        )
        EXECUTOR_SPEC = None

        def __init__(self, **kwargs): ...

    return Card


# -- artifacts from elsewhere ----------------------------------------------------------------------


def test_an_imported_artifact_is_read_where_it_is_named():
    pipeline = CHAIN.import_artifact("old", "Model", id="old").push_to(
        "elsewhere", inputs={"model": "old.result"}, id="PushOld"
    )
    assert pipeline.graph["PushOld"].upstream == ("old",)
    assert pipeline.graph["Pusher"].upstream == ("Trainer",)


def test_artifact_types():
    mine = P.import_artifact("cards", FakeArtifact)
    assert mine.graph["Importer"].component.provides() == {"result": "ModelCard"}
    again = fml.Graph.from_json(mine.graph.to_json())
    assert again == mine.graph
    text = message_of(fml.DefinitionError, P.import_artifact, "x", "Schma")
    assert text.startswith("There is no artifact type 'Schma'.\nTFX's own: 'Boolean', ")
    assert text.endswith("Hint: did you mean 'Schema'?")


@pytest.mark.tfx
def test_the_names_of_artifact_types_are_tfxs():
    from tfx.types import standard_artifacts
    from tfx.types.artifact import Artifact

    kinds = [
        name
        for name, kind in vars(standard_artifacts).items()
        if isinstance(kind, type) and issubclass(kind, Artifact) and not name.startswith("_")
    ]
    abstract = {"Artifact", "ValueArtifact"}
    assert sorted({*kinds} - abstract) == sorted(STANDARD)


def test_an_imported_artifact_is_there():
    with pytest.raises(fml.CheckError) as error:
        P.import_artifact("nowhere", "Model").check()
    assert "import_artifact() reads 'nowhere', and it does not exist." in str(error.value)


# -- lookups ---------------------------------------------------------------------------------------


def test_resolved_artifacts_are_read_where_they_are_named():
    pipeline = P.from_csv("d").resolve("latest", {"model": "Model", "schema": "Schema"})
    pipeline = pipeline.train(
        "m.py", inputs={"base_model": "Resolver.model", "schema": "Resolver.schema"}
    )
    wires = pipeline.graph["Trainer"].inputs
    assert {key: str(wire.channel) for key, wire in wires.items()} == {
        "examples": "CsvExampleGen.examples",
        "base_model": "Resolver.model",
        "schema": "Resolver.schema",
    }
    assert fml.Graph.from_json(pipeline.graph.to_json()) == pipeline.graph


def test_the_latest_blessed_model_needs_no_more_words():
    (step,) = P.resolve("latest_blessed").components
    assert step.provides() == {"model": "Model", "model_blessing": "ModelBlessing"}


def test_a_strategy_of_the_users():
    (step,) = P.resolve(FakeStrategy, {"card": FakeArtifact}, config={"n": 1}).components
    assert step.strategy.value() is FakeStrategy
    assert step.provides() == {"card": "ModelCard"}


def test_what_cannot_be_resolved():
    assert message_of(fml.DefinitionError, P.resolve, "latest") == (
        'resolve() needs artifacts=, what to look for, for example artifacts={"model": "Model"}.'
    )
    assert message_of(fml.DefinitionError, P.resolve, "lates", {"model": "Model"}) == (
        "resolve() knows no strategy 'lates'.\n"
        "It knows: 'latest', 'latest_blessed'.\n"
        "Hint: did you mean 'latest'?"
    )


# -- conditions ------------------------------------------------------------------------------------


def test_a_condition_is_wired_by_its_parameters():
    gated = P.from_csv("d").train("m.py").push_to("s", when=lambda model: model)
    wires = gated.graph["Pusher"].inputs
    assert str(wires["when.model"].channel) == "Trainer.model"
    assert wires["when.model"].reason == "made by train()"
    assert "runs when <lambda>" in gated.plan()


def test_a_condition_on_an_output_of_that_name():
    pipeline = CHAIN.add_component(fake_class(outputs={"score": "Float"}), id="Score")
    pipeline = pipeline.push_to("t", when=lambda score: score, id="Second")
    assert "Score" in pipeline.graph["Second"].upstream
    explicit = CHAIN.push_to(
        "t", when=lambda score: score, inputs={"when.score": "Trainer.model"}, id="Second"
    )
    assert str(explicit.graph["Second"].inputs["when.score"].channel) == "Trainer.model"


EVALUATED = CHAIN.evaluate_model("y", metrics=["AUC", "Recall"], thresholds={"AUC": 0.5})


def test_a_metric_compared_with_a_number():
    both = (fml.metric("AUC") > 0.9) & (fml.metric("Recall") <= fml.param("most", 0.99))
    pipeline = EVALUATED.push_to("t", when=both, id="Second")
    wires = pipeline.graph["Second"].inputs
    assert str(wires["when.AUC"].channel) == "Evaluator_AUC.value"
    assert str(wires["when.Recall"].channel) == "Evaluator_Recall.value"
    assert wires["when.AUC"].reason == "brought along by push_to()"
    assert pipeline.graph["Evaluator_AUC"].upstream == ("Evaluator",)
    assert "runs when AUC > 0.9 and Recall <= 0.99" in pipeline.plan()
    assert pipeline.params == {"most": 0.99}
    bound = pipeline.with_params({"most": 0.5})
    assert bound.graph["Second"].component.when.parts[1].bound == 0.5
    assert fml.Graph.from_json(pipeline.graph.to_json()) == pipeline.graph


def test_two_steps_share_the_value_of_a_metric():
    pipeline = EVALUATED.push_to("t", when=fml.metric("AUC") > 0.9, id="Second")
    pipeline = pipeline.push_to("u", when=fml.metric("AUC") < 0.5, id="Third")
    assert [node.id for node in pipeline.graph.nodes].count("Evaluator_AUC") == 1


def test_the_evaluation_of_another_step():
    pipeline = P.from_csv("d").train("m.py").evaluate_model("y", metrics=["AUC"], baseline=None)
    pipeline = pipeline.evaluate_model("y", metrics=["AUC"], baseline=None, id="Other")
    condition = (fml.metric("AUC") >= 0.9).of("Other")
    graph = pipeline.add_component(lambda model: 1, when=condition, id="Card").graph
    assert graph["Other_AUC"].upstream == ("Other",)


def test_why_a_condition_does_not_hold():
    both = (fml.metric("AUC") > 0.9) & (fml.metric("Recall") >= 0.5)
    assert both.why_not({"AUC": 0.8731, "Recall": 0.6}) == "AUC is 0.8731, not > 0.9"
    assert both.why_not({"AUC": 0.8, "Recall": 0.4}) == (
        "AUC is 0.8, not > 0.9, and Recall is 0.4, not >= 0.5"
    )


def test_a_condition_on_a_metric_that_is_not_computed():
    problem = (
        "A condition looks at the metric 'Precision', and evaluate_model() does not compute it.\n"
        "It computes: 'AUC', 'Recall'.\n"
        "Hint: add it: evaluate_model(…, metrics=[…, 'Precision'])."
    )
    assert problem in problems_of(
        EVALUATED.push_to("t", when=fml.metric("Precision") > 0.9, id="Second")
    )
    assert problem not in problems_of(
        EVALUATED.push_to("t", when=fml.metric("Recall") > 0.9, id="Second")
    )


def test_a_condition_looks_at_one_number():
    fairness = fml.metric("FairnessIndicators", thresholds=[0.5])
    text = message_of(fml.DefinitionError, lambda: fairness > 0.5)
    assert text.startswith("metric('FairnessIndicators') computes ")
    assert message_of(fml.DefinitionError, lambda: fml.metric("AUC") > "high").startswith(
        "metric() cannot use bound='high'."
    )


def test_what_is_no_condition():
    text = message_of(fml.DefinitionError, CHAIN.push_to, "t", when=True, id="Second")
    assert text.startswith('push_to(): when= is True; write metric("AUC") > 0.85, or a function')
    text = message_of(fml.DefinitionError, CHAIN.push_to, "t", when=lambda: True, id="Second")
    assert text.startswith("push_to(): when= is a function without parameters")
    text = message_of(
        fml.WiringError,
        lambda: CHAIN.push_to("t", when=lambda nothing: nothing, id="Second").graph,
    )
    assert text.splitlines()[0] == (
        "push_to() asks for 'when.nothing', and no step of this pipeline has such an output."
    )


# -- executors -------------------------------------------------------------------------------------


def test_an_executor_by_class_or_by_path():
    by_class = P.from_csv("d", executor=FakeExecutor)
    by_path = P.from_csv("d", executor=f"{FakeExecutor.__module__}.FakeExecutor")
    assert by_class == by_path
    assert by_path.components[0].executor.value() is FakeExecutor
    assert fml.Graph.from_json(by_class.graph.to_json()) == by_class.graph


@pytest.mark.parametrize("wrong", ["Executor", FakeStrategy, 3], ids=repr)
def test_what_is_no_executor(wrong):
    text = message_of(fml.DefinitionError, P.from_csv, "d", executor=wrong)
    assert text.startswith(f"from_csv(): executor= is {wrong!r}; ")


# -- classes of components -------------------------------------------------------------------------


def test_a_class_is_wired_by_name_and_type():
    card = fake_class(
        {"model": "Model", "schema": "Schema?", "notes": "String?"}, {"card": "String"}
    )
    pipeline = CHAIN.add_component(card)
    wires = pipeline.graph["Card"].inputs
    assert {key: str(wire.channel) for key, wire in wires.items()} == {
        "model": "Trainer.model",
        "schema": "SchemaGen.schema",
    }
    # An output of that name and of another type does not count.
    more = pipeline.add_component(fake_class({"card": "Model"}), id="Reader")
    assert message_of(fml.WiringError, lambda: more.graph) == (
        "add_component(Reader) reads 'card' (a Model artifact), and no step of this pipeline "
        "produces it.\n"
        "Looked for: *.card.\n"
        "Hint: name an output so, or say which to read. "
        'Or name a channel: inputs={"card": "Trainer.model"}.'
    )


def test_arguments_of_a_class():
    card = fake_class({"model": "Model"}, parameters={"title": False, "size": True})
    (*_, step) = CHAIN.add_component(card, arguments={"title": "t"}).components
    assert step.arguments == {"title": "t"}
    assert message_of(fml.DefinitionError, CHAIN.add_component, card) == (
        "add_component(Card) needs 'title'.\n"
        "Its parameters: 'title', 'size'; its inputs: 'model'.\n"
        'Hint: give its parameters as arguments={"title": …}.'
    )
    text = message_of(
        fml.DefinitionError, CHAIN.add_component, card, arguments={"title": "t", "sise": 3}
    )
    assert text == (
        "add_component(Card) has no parameter 'sise'.\n"
        "Its parameters: 'title', 'size'; its inputs: 'model'.\n"
        "Hint: did you mean 'size'?"
    )


def test_arguments_of_a_function():
    def card(model, title): ...

    (*_, step) = CHAIN.add_component(card, arguments={"title": "t"}).components
    assert [*step.reads()] == ["model"]
    assert message_of(fml.DefinitionError, CHAIN.add_component, card, arguments={"titel": 1}) == (
        "add_component(card) has no parameter 'titel'.\n"
        "Its parameters: 'model', 'title'.\n"
        "Hint: did you mean 'title'?"
    )


# -- what no verb takes ----------------------------------------------------------------------------


def test_a_parameter_that_the_verb_does_not_have():
    text = message_of(fml.DefinitionError, P.train, "m.py", train_step=3)
    first, second, hint = text.splitlines()
    assert first == "train() has no parameter 'train_step'."
    assert second.startswith("It takes: 'id', 'inputs', 'when', 'executor', 'cache', ")
    assert hint == "Hint: did you mean 'train_steps' or 'train_splits' or 'train_args'?"
    text = message_of(fml.DefinitionError, P.add_component, lambda model: 1, id="A", wen=3)
    assert text == "add_component() has no parameter 'wen'.\nHint: did you mean 'when'?"


# -- at the end of a run ---------------------------------------------------------------------------


def test_exit_steps_stand_at_the_end_and_read_nothing():
    def report(final_status, file): ...

    early = P.notify(webhook="https://example.com").on_exit(report, arguments={"file": "f"})
    pipeline = early.from_csv("d").generate_statistics()
    ids = [node.id for node in pipeline.graph.nodes]
    assert ids == ["CsvExampleGen", "StatisticsGen", "Notifier", "report"]
    assert [node.id for node in pipeline.graph.up_to("StatisticsGen").nodes] == ids[:2]
    assert "  at the end of every run, however it went" in pipeline.plan()
    assert fml.Graph.from_json(pipeline.graph.to_json()) == pipeline.graph


def test_an_exit_step_reads_no_channel():
    def report(model, final_status): ...

    assert message_of(fml.DefinitionError, CHAIN.on_exit, report) == (
        "on_exit(report) asks for 'model', and an exit step reads no channel: what makes it may "
        "have failed.\n"
        "It can ask for: 'final_status', 'summary'.\n"
        "Hint: drop that parameter, or give its value as arguments={…}."
    )
    text = message_of(fml.DefinitionError, CHAIN.on_exit, fake_class({"model": "Model"}))
    assert text.startswith("on_exit(Card) asks for 'model', and an exit step reads no channel")
    (*_, step) = CHAIN.on_exit(fake_class(parameters={"final_status": False})).components
    assert step.arguments == {"final_status": ""}


def test_an_exit_step_has_no_condition():
    text = message_of(
        fml.DefinitionError, CHAIN.notify, slack="${URL}", when=lambda model_blessing: True
    )
    assert text.startswith("notify() has when=, and what that looks at may have failed")


def test_nobody_to_notify():
    assert message_of(fml.DefinitionError, P.notify) == (
        "notify() tells nobody.\n"
        'Hint: say whom: slack="${SLACK_WEBHOOK_URL}", webhook=…, or email=… with smtp=….'
    )
    text = message_of(fml.DefinitionError, P.notify, email="a@example.com")
    assert text == "notify() takes email= and smtp= together."


SECRET = "wJalrXUtnFEMI"


@pytest.mark.parametrize(
    "places",
    [
        {"slack": f"https://hooks.slack.com/services/{SECRET}"},
        {"webhook": f"https://example.com/hook?token={SECRET}"},
        {"webhook": f"https://example.com/hook?a=b&api_key={SECRET}"},
        {"webhook": f"https://me:{SECRET}@example.com/"},
        {"email": "a@example.com", "smtp": f"smtp://me:{SECRET}@example.com:587"},
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(places):
    text = message_of(fml.DefinitionError, P.notify, **places)
    assert text.startswith("notify() got a URL with a secret in it")
    assert SECRET not in text
    named = {key: value.replace(SECRET, "${SECRET}") for key, value in places.items()}
    if "slack" in named:
        named = {"slack": "${SECRET}"}
    assert P.notify(**named).graph["Notifier"]


@pytest.mark.parametrize("key", ["slack", "webhook"])
def test_what_is_no_url(key):
    text = message_of(fml.DefinitionError, P.notify, **{key: "example.com"})
    assert text.startswith(f"notify() got a {key}= that is no URL.")
