import pytest

import fluentml as fml
from fluentml.errors import did_you_mean, listing


def test_the_message_is_what_details_and_a_hint_in_the_last_line():
    error = fml.PipelineError("It failed.", "There are: 'a'.", "  file.py:3", hint="do that.")
    assert str(error) == "It failed.\nThere are: 'a'.\n  file.py:3\nHint: do that."
    assert (error.what, error.hint, error.place) == ("It failed.", "do that.", None)


def test_without_a_hint_there_is_no_such_line():
    assert str(fml.PipelineError("It failed.")) == "It failed."


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (fml.DefinitionError, (fml.PipelineError, ValueError)),
        (fml.WiringError, (fml.PipelineError, ValueError)),
        (fml.CheckError, (fml.PipelineError, ValueError)),
        (fml.LoadError, (ValueError,)),
        (fml.BackendError, (RuntimeError,)),
        (fml.MissingDependencyError, (ImportError,)),
        (fml.RunError, (RuntimeError,)),
    ],
)
def test_errors_double_as_builtins(error, bases):
    assert issubclass(error, (fml.FluentmlError, *bases))
    assert all(issubclass(error, base) for base in bases)


def test_a_check_error_counts_and_holds_its_problems():
    one = fml.PipelineError("First.", hint="mend it.")
    two = fml.PipelineError("Second.")
    assert str(fml.CheckError("taxi", [one])) == (
        "1 problem in pipeline 'taxi':\n\nFirst.\nHint: mend it."
    )
    both = fml.CheckError("taxi", iter([one, two]))
    assert both.problems == (one, two)
    assert str(both) == ("2 problems in pipeline 'taxi':\n\nFirst.\nHint: mend it.\n\nSecond.")


@pytest.mark.parametrize(
    ("word", "choices", "hint"),
    [
        ("auc", ["AUC", "Recall"], "did you mean 'AUC'?"),
        ("trainr", ["Trainer", "Tuner"], "did you mean 'Trainer'?"),
        ("xyz", ["AUC", "Recall"], None),
        ("xyz", [], None),
        ("", ["AUC"], None),
    ],
)
def test_near_misses_ignore_case(word, choices, hint):
    assert did_you_mean(word, choices) == hint


def test_several_near_misses_are_all_named():
    assert did_you_mean("lable", ["label", "table"]) == "did you mean 'table' or 'label'?"


def test_listing():
    assert listing(["a", "b"]) == "'a', 'b'"
    assert listing([]) == "nothing"
    assert listing([], "none") == "none"


def test_a_notebook_shows_the_message_alone():
    error = fml.DefinitionError("train() got no label.", hint="name it: label=.")
    assert error._render_traceback_() == [
        "DefinitionError: train() got no label.\nHint: name it: label=."
    ]
