import importlib.util
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.backends.local import LocalBackend
from tests.messages import message_of

P = fml.PipelineDef("test")

# -- the chain as a value --------------------------------------------------------------------------


def test_a_prefix_grows_into_two_pipelines():
    prefix = P.from_csv("d").generate_statistics()
    one, two = prefix.infer_schema(), prefix.with_imported_schema("s")
    assert [step.id for step in prefix.components] == ["CsvExampleGen", "StatisticsGen"]
    assert one.components[:-1] == two.components[:-1] == prefix.components
    assert one != two
    # Its graph, once wired, stays its own.
    assert len(prefix.graph.nodes) == 2
    assert len(prefix.infer_schema().graph.nodes) == 3


def test_settings_are_part_of_the_value_and_change_nothing_behind():
    assert P.cache() != P
    assert (P.settings.cache, P.cache(False).settings.cache) == (None, False)
    assert P.cache().cache(False) == P.cache(False) != P
    assert P.with_metadata("m.db").with_metadata() == P
    assert P.cache().with_metadata("m.db").with_beam_pipeline_args(["--a"]).settings == (
        P.with_beam_pipeline_args(["--a"]).with_metadata(Path("m.db")).cache().settings
    )


def test_pipelines_compare_and_hash_by_value():
    def build():
        return P.from_csv("d", split={"a": 1}).train(
            "m.py", custom_config={"a": [1, {"b": 2}]}, train_steps=3
        )

    assert build() == build()
    assert hash(build()) == hash(build())
    assert len({build(), build(), P}) == 2
    assert build() != "test"
    assert fml.PipelineDef("test", root="elsewhere") != P


def test_verbs_keep_the_class():
    class Mine(fml.PipelineDef):
        def both(self):
            return self.generate_statistics().infer_schema()

    assert type(Mine("a").from_csv("d").both().cache()) is Mine


def test_what_it_shows():
    assert repr(P.from_csv("d").train("m.py")) == "PipelineDef('test').from_csv().train()"


def test_roots_are_folders_or_uris():
    assert fml.PipelineDef("a", root=Path("runs")).settings.root == "runs"
    assert fml.PipelineDef("a", root="gs://bucket/runs").settings.is_remote


@pytest.mark.parametrize("name", ["", " ", "a b", "_a", "-a", "a/b", "a.b", "..", "a\n", "ä"])
def test_a_bad_name(name):
    text = message_of(fml.DefinitionError, fml.PipelineDef, name)
    assert text.startswith(f"PipelineDef() got the name {name!r}.\nHint: ")


@pytest.mark.parametrize(
    ("call", "id", "kind"),
    [
        (lambda p: p.from_csv("d"), "CsvExampleGen", "CsvExampleGen"),
        (lambda p: p.push_to("s", id="Mine"), "Mine", "Pusher"),
        (lambda p: p.train("m.py"), "Trainer", "Trainer"),
    ],
)
def test_a_second_step_of_a_kind_needs_an_id(call, id, kind):
    verb = call(P).components[0].verb
    assert message_of(fml.DefinitionError, call, call(P)) == (
        f'{verb} is in the chain already, as {id!r}.\nHint: name the second one: id="{kind}_2".'
    )


def test_a_second_step_with_an_id():
    pipeline = P.from_csv("d").from_csv("e", id="CsvExampleGen_2")
    assert [step.id for step in pipeline.components] == ["CsvExampleGen", "CsvExampleGen_2"]


# -- parameters that do not fit --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: P.train("m.py", train_steps=0),
            "train() cannot use train_steps=0.\nHint: it takes 1 or more.",
        ),
        (
            lambda: P.train("m.py", train_steps="ten"),
            "train() cannot use train_steps='ten'.\nHint: it takes a whole number.",
        ),
        (
            lambda: P.tune("m.py", eval_steps=1.5),
            "tune() cannot use eval_steps=1.5.\nHint: it takes a whole number.",
        ),
        (
            lambda: P.tune("m.py", parallel_trials=0),
            "tune() cannot use parallel_trials=0.\nHint: it takes 1 or more.",
        ),
        (
            lambda: P.train("m.py", train_splits="train"),
            "train() cannot use train_splits='train'.\nHint: it takes a list.",
        ),
        (
            lambda: P.train("m.py", custom_config=[1]),
            "train() cannot use custom_config=[1].\nHint: it takes a dict.",
        ),
        (
            lambda: P.train("m.py", inputs={"examples": 3}),
            "train() cannot use inputs={'examples': 3}.\n"
            'Hint: it takes channels by input key: {"examples": "Node.output"}.',
        ),
        (
            lambda: P.train("m.py", inputs={"examples": "CsvExampleGen"}),
            "train(): 'examples' in inputs= names the channel 'CsvExampleGen'; one is written "
            "'Node.output'.",
        ),
        (lambda: P.from_csv(None), "from_csv() cannot use path=None.\nHint: it takes text."),
        (lambda: fml.from_csv(3), "from_csv() cannot use path=3.\nHint: it takes text."),
        (
            lambda: P.infer_schema(infer_feature_shape="maybe"),
            "infer_schema() cannot use infer_feature_shape='maybe'.\nHint: it takes True or False.",
        ),
        (
            lambda: P.evaluate_model("l", metrics="AUC"),
            "evaluate_model() cannot use metrics='AUC'.\nHint: it takes a list.",
        ),
        (
            lambda: P.evaluate_model("l", metrics=["AUC"], thresholds={"AUC": "high"}),
            "evaluate_model() cannot use thresholds={'AUC': 'high'}.\nHint: it takes a number.",
        ),
        (
            lambda: P.evaluate_model("l", metrics=["AUC"], thresholds={"AUC": float("nan")}),
            "evaluate_model() cannot use thresholds={'AUC': nan}.\nHint: it takes a finite number.",
        ),
        (lambda: P.cache("foo"), "cache() cannot use cache='foo'.\nHint: it takes True or False."),
        (
            lambda: P.with_beam_pipeline_args([1]),
            "with_beam_pipeline_args() cannot use beam_pipeline_args=[1].\nHint: it takes text.",
        ),
        (
            lambda: P.with_beam_pipeline_args(None),
            "with_beam_pipeline_args() cannot use beam_pipeline_args=None.\nHint: it takes a list.",
        ),
        (
            lambda: P.with_metadata(3),
            "with_metadata(): metadata= takes a message of the type ml_metadata.ConnectionConfig, "
            "not int.",
        ),
    ],
)
def test_a_parameter_that_does_not_fit(call, said):
    assert message_of(fml.DefinitionError, call) == said


def test_beam_arguments_as_one_text():
    assert message_of(fml.DefinitionError, P.with_beam_pipeline_args, "--runner=X") == (
        "with_beam_pipeline_args() takes a list, not the text '--runner=X'.\n"
        "Hint: write ['--runner=X']."
    )


# -- running ---------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    return fml.PipelineDef("test", root=tmp_path / "root").from_csv(tmp_path)


def test_check_returns_the_chain(small):
    assert small.check() is small


def test_check_raises_everything_it_found(tmp_path):
    pipeline = P.from_csv(tmp_path / "no").train(tmp_path / "no.py")
    with pytest.raises(fml.CheckError) as caught:
        pipeline.check()
    assert len(caught.value.problems) == 2
    assert all(isinstance(problem, fml.PipelineError) for problem in caught.value.problems)


def test_run_checks_first(tmp_path):
    with pytest.raises(fml.CheckError):
        P.from_csv(tmp_path / "no").run()


BACKENDS = "The backends: 'airflow', 'beam', 'kubeflow', 'local', 'vertex'."


def test_an_unknown_backend(small):
    assert message_of(fml.BackendError, small.run, "locl") == (
        f"There is no backend 'locl'.\n{BACKENDS}\nHint: did you mean 'local'?"
    )
    assert message_of(fml.BackendError, small.run, "zzz") == (
        f"There is no backend 'zzz'.\n{BACKENDS}\nHint: take one of these."
    )


@pytest.mark.parametrize("backend", [LocalBackend, None, 3], ids=repr)
def test_what_is_no_backend(small, backend):
    assert message_of(fml.BackendError, small.run, backend) == (
        f"A backend is a name or an object such as LocalBackend(), not {backend!r}.\n"
        'Hint: write run("local"), or run(LocalBackend(quiet=True)).'
    )


def test_run_to_an_unknown_node(small):
    assert message_of(fml.WiringError, small.run, to="CsvExamplGen") == (
        "Pipeline 'test' has no node 'CsvExamplGen'.\n"
        "Its nodes: 'CsvExampleGen'.\n"
        "Hint: did you mean 'CsvExampleGen'?"
    )


@pytest.mark.skipif(importlib.util.find_spec("tfx") is not None, reason="TFX is installed")
def test_without_tfx_a_run_says_how_to_get_it(small):
    from fluentml.doctor import tfx_advice

    assert message_of(fml.MissingDependencyError, small.run) == (
        f"This call needs 'tfx', which is not installed.\nHint: {tfx_advice()}"
    )
    assert message_of(fml.MissingDependencyError, small.to_tfx) == (
        f"This call needs 'tfx', which is not installed.\nHint: {tfx_advice()}"
    )
