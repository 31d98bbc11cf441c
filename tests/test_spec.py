import json
from pathlib import Path

import pytest
from pydantic import ValidationError

import fluentml as fml
from fluentml.component import Component
from fluentml.spec import Channel, FrozenDict, Proto, absolute, is_remote, thaw
from tests.messages import message_of


def test_a_frozen_dict_compares_hashes_and_shows_like_a_dict():
    one, two = FrozenDict({"a": 1, "b": 2}), FrozenDict({"b": 2, "a": 1})
    assert one == two == {"a": 1, "b": 2}
    assert hash(one) == hash(two)
    assert repr(one) == "{'a': 1, 'b': 2}"
    assert one != FrozenDict({"a": 1})
    assert len(FrozenDict()) == 0


def test_a_frozen_dict_keeps_no_tie_to_the_dict_it_was_made_of():
    source = {"a": 1}
    frozen = FrozenDict(source)
    source["a"] = 2
    assert frozen["a"] == 1
    with pytest.raises(TypeError):
        frozen["a"] = 3


def test_specs_are_frozen_and_refuse_unknown_fields():
    step = fml.from_csv("data")
    with pytest.raises(ValidationError):
        step.path = "other"
    with pytest.raises(ValidationError):
        type(step)(path="data", paht="data")


def test_specs_hash_and_compare_by_value():
    nested = {"units": [64, {"rate": 0.1}], "name": None}
    one = fml.PipelineDef("a").train("m.py", custom_config=nested).components[0]
    two = fml.PipelineDef("b").train("m.py", custom_config=dict(nested)).components[0]
    assert one == two
    assert hash(one) == hash(two)
    assert one != fml.PipelineDef("a").train("m.py", custom_config={}).components[0]


def test_nested_plain_values_come_back_as_they_were_given():
    nested = {"a": [1, [2.5, {"b": True}], None], "c": {"d": "e"}}
    step = fml.PipelineDef("a").train("m.py", custom_config=nested).components[0]
    assert thaw(step.custom_config) == nested
    assert isinstance(thaw(step.custom_config)["a"], list)


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"bytes", lambda: 1], ids=lambda value: type(value).__name__
)
def test_only_plain_values_are_kept(value):
    text = message_of(
        fml.DefinitionError, fml.PipelineDef("a").train, "m.py", custom_config={"a": [value]}
    )
    assert text == (
        f"train(): custom_config= takes plain values (text, numbers, lists, dicts), not {value!r}."
    )


def test_a_channel_is_written_node_dot_output():
    channel = Channel.model_validate("a.b.examples")
    assert (channel.node, channel.output, str(channel)) == ("a.b", "examples", "a.b.examples")
    assert channel == Channel(node="a.b", output="examples")
    assert json.loads(channel.model_dump_json()) == "a.b.examples"


@pytest.mark.parametrize("text", ["Trainer", "", ".model", "a b.model"])
def test_what_is_no_channel_is_refused(text):
    with pytest.raises(ValidationError):
        Channel.model_validate(text)


@pytest.mark.parametrize("id", ["CsvExampleGen", "a", "_a", "my-csv_2", "v1.2"])
def test_good_ids(id):
    assert fml.PipelineDef("a").from_csv("d", id=id).components[0].id == id


@pytest.mark.parametrize("id", ["1a", "a b", "a/b", "-a", ".", "a\n", "ä"])
def test_bad_ids(id):
    text = message_of(fml.DefinitionError, fml.PipelineDef("a").from_csv, "d", id=id)
    assert text.startswith(f"from_csv(): id= is {id!r}; an id starts with a letter")


def test_no_id_means_the_class_name():
    pipeline = fml.PipelineDef("a")
    assert pipeline.from_csv("d", id="").components[0].id == "CsvExampleGen"
    assert pipeline.from_csv("d", id=None).components[0].is_primary
    assert not pipeline.from_csv("d", id="other").components[0].is_primary


def test_local_paths_become_absolute_and_uris_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute("data/x") == str(tmp_path / "data/x")
    assert absolute("gs://bucket/x") == "gs://bucket/x"
    assert is_remote("gs://bucket")
    assert not is_remote("/data")


def test_paths_are_text_or_path_objects():
    assert fml.from_csv(Path("data")) == fml.from_csv("data")


def test_every_component_class_is_known_by_its_name():
    assert all(kind.__name__ == name for name, kind in Component.KINDS.items())
    # What the sources of the inputs name exists.
    roles = {kind.ROLE or name for name, kind in Component.KINDS.items()}
    outputs = {
        f"{kind.ROLE or name}.{output}"
        for name, kind in Component.KINDS.items()
        for output in kind.OUTPUTS
    }
    for kind in Component.KINDS.values():
        for spec in kind.INPUTS.values():
            for source in spec.sources:
                assert source.partition(".")[0] in roles
                assert source in outputs


def test_the_sources_of_an_input_have_its_artifact_type():
    makers = {
        f"{kind.ROLE or name}.{output}": type
        for name, kind in Component.KINDS.items()
        for output, type in kind.OUTPUTS.items()
    }
    for kind in Component.KINDS.values():
        for spec in kind.INPUTS.values():
            assert {makers[source] for source in spec.sources} <= {spec.type}


def test_what_is_no_message_is_refused():
    text = message_of(fml.DefinitionError, fml.PipelineDef("a").train, "m.py", train_args=3)
    assert "tfx.components.trainer.TrainArgs" in text
    assert text.endswith("not int.")


def test_a_dict_is_no_message():
    text = message_of(
        fml.DefinitionError, fml.PipelineDef("a").train, "m.py", train_args={"num_steps": 3}
    )
    assert text == (
        "train(): train_args= takes a message of the type tfx.components.trainer.TrainArgs, "
        "not dict."
    )


@pytest.mark.tfx
def test_a_message_is_kept_as_text_and_comes_back_equal():
    from tfx.proto import trainer_pb2

    message = trainer_pb2.TrainArgs(num_steps=3, splits=["a", "b"])
    kept = Proto.of(message)
    assert kept == Proto.of(trainer_pb2.TrainArgs(num_steps=3, splits=["a", "b"]))
    assert hash(kept) == hash(Proto.model_validate_json(kept.model_dump_json()))
    assert kept.message() == message


@pytest.mark.tfx
def test_a_message_of_another_type_is_refused():
    from tfx.proto import trainer_pb2

    text = message_of(
        fml.DefinitionError,
        fml.PipelineDef("a").train,
        "m.py",
        train_args=trainer_pb2.EvalArgs(num_steps=3),
    )
    assert text.endswith("not tfx.components.trainer.EvalArgs.")
