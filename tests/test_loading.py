import sys
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.loading import load
from tests.messages import message_of

ONE = 'import fluentml as fml\npipeline = fml.PipelineDef("one").from_csv("d")\n'


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in an empty folder; forget the modules that were loaded from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = dict(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - set(before):
        del sys.modules[name]


def write(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_file_with_the_variable_pipeline(here):
    write("one_file.py", ONE)
    assert load("one_file.py").settings.name == "one"
    assert load(str(here / "one_file.py")).settings.name == "one"
    assert load("one_file.py:pipeline").settings.name == "one"
    assert load("one_file.py:").settings.name == "one"


def test_pipeline_wins_over_other_names_and_a_lone_one_may_have_any_name():
    write("two.py", ONE + "other = pipeline.generate_statistics()\n")
    assert load("two.py") == fml.PipelineDef("one").from_csv("d")
    assert load("two.py:other") == load("two.py").generate_statistics()
    write("lone.py", ONE.replace("pipeline =", "mine ="))
    assert load("lone.py").settings.name == "one"


def test_a_module(here):
    write("a_package/__init__.py", "")
    write("a_package/steps.py", ONE)
    assert load("a_package.steps:pipeline").settings.name == "one"
    assert load("a_package.steps").settings.name == "one"


def test_a_file_imports_what_lies_beside_it():
    write("folder/beside_it.py", "NAME = 'beside'\n")
    write(
        "folder/main_file.py",
        "import fluentml\nfrom beside_it import NAME\npipeline = fluentml.PipelineDef(NAME)\n",
    )
    assert load("folder/main_file.py").settings.name == "beside"


def test_no_such_file(here):
    write("taxi.py", ONE)
    write("iris.py", ONE)
    assert message_of(fml.LoadError, load, "taxy.py") == (
        "There is no file 'taxy.py'.\n"
        f"Python files in {str(here)!r}: 'iris.py', 'taxi.py'.\n"
        "Hint: did you mean 'taxi.py'?"
    )
    assert message_of(fml.LoadError, load, "nowhere/zzz.py") == (
        "There is no file 'nowhere/zzz.py'.\n"
        f"Python files in {str(here / 'nowhere')!r}: none.\n"
        "Hint: name a file that builds a pipeline; `fluentml init` writes one."
    )


def test_no_such_module():
    assert message_of(fml.LoadError, load, "no_such_module:pipeline") == (
        "There is no module 'no_such_module': No module named 'no_such_module'.\n"
        "Hint: name a file (no_such_module.py) or an importable module "
        "(package.module:pipeline)."
    )
    text = message_of(fml.LoadError, load, "no_such_package.module")
    assert text.startswith("There is no module 'no_such_package.module': ")


def test_a_module_that_imports_what_is_missing_exists_all_the_same():
    write("needy.py", "import not_to_be_found\n")
    assert message_of(fml.LoadError, load, "needy") == (
        "Importing 'needy' failed: ModuleNotFoundError: No module named 'not_to_be_found'.\n"
        "Hint: mend that module, or name a file (FILE.py)."
    )


@pytest.mark.parametrize("target", ["", ":", ":pipeline", ".", "..x", "a b", "a/b", "x.yaml"])
def test_nonsense(target):
    text = message_of(fml.LoadError, load, target)
    assert text.splitlines()[-1].startswith("Hint: ")


def test_no_such_pipeline():
    write("several.py", ONE.replace("pipeline =", "full =") + "prefix = full.cache()\n")
    assert message_of(fml.LoadError, load, "several.py") == (
        "'several.py' has no pipeline 'pipeline'.\n"
        "Its pipelines: 'full', 'prefix'.\n"
        "Hint: end the file with `pipeline = PipelineDef(…)…`, or name one: several.py:NAME."
    )
    assert message_of(fml.LoadError, load, "several.py:ful") == (
        "'several.py' has no pipeline 'ful'.\n"
        "Its pipelines: 'full', 'prefix'.\n"
        "Hint: did you mean 'full'?"
    )
    write("nothing.py", "x = 1\n")
    assert message_of(fml.LoadError, load, "nothing.py:x") == (
        "'nothing.py' has no pipeline 'x'.\n"
        "Its pipelines: none.\n"
        "Hint: end the file with `pipeline = PipelineDef(…)…`, or name one: nothing.py:NAME."
    )


def failure(target):
    with pytest.raises(fml.FluentmlError) as caught:
        load(target)
    return caught.value


def test_an_error_in_the_chain_keeps_its_kind_and_gets_its_place():
    write("wrong.py", 'import fluentml as fml\n\np = fml.PipelineDef("a")\np.push_to()\n')
    error = failure("wrong.py")
    assert type(error) is fml.DefinitionError
    assert error.place == "wrong.py:4"
    assert error.__cause__ is not error


def test_the_place_is_in_the_file_also_where_a_helper_raises():
    write("a_helper.py", "def boom():\n    return 1 / 0\n")
    write("caller.py", "import a_helper\n\n\ndef go():\n    a_helper.boom()\n\n\ngo()\n")
    error = failure("caller.py")
    assert error.place == "caller.py:5"
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert str(error) == (
        "Loading 'caller.py' failed: ZeroDivisionError: division by zero\n"
        "Hint: mend that line; the file is run as a script to get its pipeline."
    )


def test_a_file_that_does_not_parse():
    write("broken.py", "x = 1\ny = (\n")
    error = failure("broken.py")
    assert error.place == "broken.py:2"
    assert str(error).startswith("Loading 'broken.py' failed: SyntaxError: ")


def test_a_file_that_failed_may_be_mended_and_loaded_again():
    write("mended.py", "1 / 0\n")
    failure("mended.py")
    assert "mended" not in sys.modules
    write("mended.py", ONE)
    assert load("mended.py").settings.name == "one"


def test_a_folder_is_not_a_pipeline(tmp_path):
    (tmp_path / "taxi.py").write_text("")
    with pytest.raises(fml.LoadError) as error:
        load(str(tmp_path))
    assert str(error.value).splitlines() == [
        f"{str(tmp_path)!r} is a folder.",
        "Python files in it: 'taxi.py'.",
        "Hint: name the file that builds the pipeline.",
    ]
