"""What Beam's in-process runner is spared is there to be spared, and changes nothing else."""

import argparse
import base64
import bz2
import gettext

import pytest

from fluentml.lowering import IN_PROCESS_RUNNER

pytestmark = pytest.mark.tfx

PACKED = bz2.compress(b"a")[:4]


def test_beam_still_packs_functions_by_what_we_replace():
    from apache_beam.internal import pickler

    from fluentml.local.beam import RawPickles, light

    assert base64.b64decode(pickler.dumps(len))[:4] == PACKED
    with light([IN_PROCESS_RUNNER]):
        assert base64.b64decode(pickler.dumps(len)).startswith(RawPickles.MARK)
    assert base64.b64decode(pickler.dumps(len))[:4] == PACKED


def test_what_was_packed_before_is_unpacked():
    from apache_beam.internal import pickler

    from fluentml.local.beam import light

    before = pickler.dumps({"a": 1})
    with light([IN_PROCESS_RUNNER]):
        assert pickler.loads(before) == pickler.loads(pickler.dumps({"a": 1})) == {"a": 1}


def test_argparse_asks_for_a_translation_once(monkeypatch):
    from fluentml.local.beam import light

    asked = []
    monkeypatch.setattr(gettext, "gettext", lambda text: asked.append(text) or text)
    with light([IN_PROCESS_RUNNER]):
        for _ in range(3):
            argparse.ArgumentParser()
    assert asked
    assert len(asked) == len(set(asked))


def test_a_method_is_inspected_once_and_a_function_each_time(monkeypatch):
    import apache_beam as beam
    from apache_beam.runners.common import MethodWrapper
    from apache_beam.transforms import core

    from fluentml.local.beam import light

    asked = []
    stock = core.get_function_args_defaults
    monkeypatch.setattr(
        core, "get_function_args_defaults", lambda method: asked.append(method) or stock(method)
    )

    class Two(beam.DoFn):
        def process(self, element, other=3):
            return [element, other]

    with light([IN_PROCESS_RUNNER]):
        first, second = (MethodWrapper(Two(), "process") for _ in range(2))
        assert first.args == second.args == ["element", "other"]
        assert first.defaults == second.defaults == [3]
        assert [method.__func__ for method in asked] == [Two.process]
        functions = lambda x, y=1: (x, y), lambda z: z
        one, other = (MethodWrapper(beam.Map(each).fn, "process") for each in functions)
    assert one.args[:2] == ["x", "y"]
    assert other.args[0] == "z"
    assert "y" not in other.args


def test_states_are_found_and_submodules_called():
    import concurrent.futures

    import apache_beam as beam
    from apache_beam.coders import VarIntCoder
    from apache_beam.internal import pickler
    from apache_beam.transforms import userstate

    from fluentml.local.beam import light

    class Plain(beam.DoFn):
        def process(self, element):
            yield element

    bag = beam.DoFn.StateParam(userstate.BagStateSpec("seen", VarIntCoder()))

    class Stateful(beam.DoFn):
        def process(self, pair, seen=bag):
            yield pair

    with light([IN_PROCESS_RUNNER]):
        plain, stateful = Plain(), Stateful()
        for _ in range(2):
            assert not userstate.is_stateful_dofn(plain)
            assert userstate.is_stateful_dofn(stateful)
        make = pickler.loads(pickler.dumps(lambda: concurrent.futures.Future()))
        assert isinstance(make(), concurrent.futures.Future)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--runner=DataflowRunner"],
        [IN_PROCESS_RUNNER, "--direct_running_mode=multi_processing", "--direct_num_workers=2"],
    ],
)
def test_workers_elsewhere_get_what_they_can_read(arguments):
    from apache_beam.internal import cloudpickle_pickler

    from fluentml.local.beam import light

    with light(arguments):
        assert cloudpickle_pickler.bz2 is bz2
