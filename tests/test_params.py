"""Runtime parameters: declared where a value stands, given when the pipeline runs."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fluentml as fml
from fluentml.params import Param, checked
from tests.messages import message_of

P = fml.PipelineDef("p")


def test_a_step_holds_the_default_and_the_parameter():
    (step,) = P.train("m.py", train_steps=fml.param("train_steps", 1000)).components
    assert step.train_steps == 1000
    assert [*step.runtime_params()] == [Param("train_steps", 1000)]


def test_the_chain_with_values_is_the_chain_written_with_them():
    def chain(steps, share, features, gain):
        return (
            P.from_csv("d", split={"train": 2, "eval": 1})
            .generate_statistics(sample_rate=share, slices=["a", features])
            .infer_schema()
            .train("m.py", train_steps=steps, custom_config={"layers": [steps, {"deep": gain}]})
            .evaluate_model("y", metrics=["AUC"], thresholds={"AUC": gain})
            .bulk_infer(fml.from_csv("d", pattern=features))
        )

    def written(**values):
        return chain(*(fml.param(name, value) for name, value in values.items()))

    declared = written(steps=10, share=0.5, features="b", gain=0.8)
    assert declared.params == {"steps": 10, "share": 0.5, "features": "b", "gain": 0.8}
    assert declared.with_params({}) == chain(10, 0.5, "b", 0.8)
    given = {"steps": 7, "share": 1, "features": "c", "gain": "0.9"}
    assert declared.with_params(given) == chain(7, 1.0, "c", 0.9)
    assert declared.with_params(given).params == {}
    assert declared.with_params(given).graph == chain(7, 1.0, "c", 0.9).graph
    assert declared != declared.with_params({})


def test_they_survive_json():
    pipeline = P.from_csv("d", split={"train": fml.param("train", 2), "eval": 1})
    again = fml.Graph.from_json(pipeline.graph.to_json())
    assert again == pipeline.graph
    assert hash(again) == hash(pipeline.graph)
    (step,) = json.loads(pipeline.graph.to_json())["nodes"]
    assert step["component"]["params"] == {
        "split": {"train": {"param": "train", "default": 2}, "eval": 1}
    }


def test_the_plan_lists_them():
    pipeline = P.from_csv("d", pattern=fml.param("pattern", "*.csv"))
    assert pipeline.plan().splitlines()[-2:] == ["runtime parameters", "  pattern = '*.csv'"]


@pytest.mark.parametrize(
    ("default", "value", "taken"),
    [
        (1, "2", 2),
        (1.0, 2, 2.0),
        (1.0, "2e-3", 0.002),
        (True, "false", False),
        (True, False, False),
        ("a", "2", "2"),
    ],
)
def test_values_of_the_parameters_type(default, value, taken):
    result = Param("x", default).take(value)
    assert (result, type(result)) == (taken, type(taken))


@pytest.mark.parametrize(
    ("default", "value"),
    [(1, "two"), (1, 2.0), (1, True), (1.0, "x"), (1.0, None), (True, 1), (True, "yes"), ("a", 1)],
)
def test_values_of_another_type(default, value):
    text = message_of(fml.DefinitionError, Param("x", default).take, value)
    first, second, hint = text.splitlines()
    assert first.startswith("The parameter 'x' takes ")
    assert first.endswith(f", not {value!r}.")
    assert second == f"Its default: {default!r}."
    assert hint.startswith("Hint: give it ")


def test_a_name_that_the_chain_does_not_have():
    pipeline = P.train("m.py", train_steps=fml.param("train_steps", 1000))
    assert message_of(fml.DefinitionError, pipeline.run, params={"train_step": 5}) == (
        "The pipeline has no parameter 'train_step'.\n"
        "Its parameters: 'train_steps'.\n"
        "Hint: did you mean 'train_steps'?"
    )
    assert message_of(fml.DefinitionError, P.with_params, {"x": 5}) == (
        "The pipeline has no parameter 'x'.\n"
        "Its parameters: none.\n"
        "Hint: declare it where its value stands: param('x', <default>)."
    )


def test_a_value_that_the_step_cannot_use():
    pipeline = P.train("m.py", train_steps=fml.param("train_steps", 1000))
    assert message_of(fml.DefinitionError, pipeline.with_params, {"train_steps": 0}) == (
        "train() cannot use train_steps=0.\nHint: it takes 1 or more."
    )


def test_a_default_that_the_step_cannot_use():
    assert message_of(fml.DefinitionError, P.train, "m.py", train_steps=fml.param("n", 0)) == (
        "train() cannot use train_steps=param('n', 0).\nHint: it takes 1 or more."
    )


def test_one_name_for_two_values():
    pipeline = P.train("m.py", train_steps=fml.param("steps", 1000))
    text = message_of(fml.DefinitionError, pipeline.tune, "m.py", train_steps=fml.param("steps", 5))
    assert text == (
        "tune() has param('steps', 5), and the chain has param('steps', 1000) already.\n"
        "Hint: one name stands for one value: give both the same default, or two names."
    )
    same = pipeline.tune("m.py", train_steps=fml.param("steps", 1000))
    assert [step.train_steps for step in same.with_params({"steps": 2}).components] == [2, 2]


@pytest.mark.parametrize("name", ["", "a b", "1a"])
def test_names_that_are_none(name):
    assert message_of(fml.DefinitionError, fml.param, name, 1) == (
        f"param() got the name {name!r}.\nHint: take a Python name, such as 'train_steps'."
    )


@pytest.mark.parametrize("default", [None, [1], math], ids=repr)
def test_defaults_that_are_none(default):
    text = message_of(fml.DefinitionError, fml.param, "x", default)
    assert text.startswith(f"param('x') got the default {default!r}.")


def test_no_parameter_within_a_text():
    text = message_of(fml.DefinitionError, lambda: f"data/{fml.param('day', 'mon')}.csv")
    assert text == (
        "param('day', 'mon') stands inside a text, and its value is not known yet.\n"
        "Hint: make the whole text the parameter: param('name', 'the text')."
    )


def test_no_parameter_of_the_whole_pipeline():
    text = message_of(fml.DefinitionError, P.with_beam_pipeline_args, [fml.param("arg", "-x")])
    assert text.startswith("with_beam_pipeline_args() cannot use beam_pipeline_args=")


@given(st.dictionaries(st.sampled_from("abc"), st.integers()), st.integers())
def test_what_is_not_given_keeps_its_default(given_values, default):
    declared = {name: Param(name, default) for name in "abc"}
    assert checked(declared, given_values) == given_values
