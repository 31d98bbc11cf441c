import importlib.util
import json
import os
import subprocess
import sys
import zipfile

import pytest
from typer.testing import CliRunner

import fluentml
from fluentml import cli, doctor
from fluentml.cli import looking
from fluentml.cli.starting import Template
from fluentml.doctor import Finding
from tests.conftest import EXAMPLES

CHAIN = """\
import fluentml as fml

pipeline = fml.PipelineDef("small").from_csv("data").generate_statistics()
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in a folder with a pipeline file and its data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "small.py").write_text(CHAIN)
    yield tmp_path
    for name in ("small", "wrong", "broken", "pipeline"):
        sys.modules.pop(name, None)


@pytest.fixture
def fluentml_command(monkeypatch, capsys):
    """Return a function that runs the command line here: (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["fluentml", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return call


def in_a_process(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "fluentml", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


# -- through a real process ------------------------------------------------------------------------


def test_a_process_checks_a_sound_pipeline():
    assert in_a_process("check", "small.py") == (0, "small: 2 nodes, no problem found.\n", "")


def test_a_process_tells_an_error_on_stderr_with_its_place(here):
    (here / "wrong.py").write_text(CHAIN + "\npipeline.push_to()\n")
    assert in_a_process("check", "wrong.py") == (
        1,
        "",
        "wrong.py:5:\n"
        "push_to() has no destination.\n"
        'Hint: name the folder that the model server watches: push_to("serving/taxi").\n',
    )


def test_a_process_draws_and_prints_nothing_else():
    code, out, err = in_a_process("graph", "small.py", "--format", "json")
    assert (code, err) == (0, "")
    assert fluentml.Graph.from_json(out).settings.name == "small"


def test_a_process_shows_the_code_of_a_step(here):
    (here / "small.py").write_text(
        f"{CHAIN}pipeline = pipeline.infer_schema().preprocess(numeric=['a'], label='b')\n"
    )
    code, out, err = in_a_process("show", "small.py", "Transform")
    assert (code, err) == (0, "")
    assert out.startswith("# Written by preprocess() of fluentml.")
    assert 'NUMERIC = ("a",)' in out
    assert out.endswith("    return outputs\n")


# -- in this process -------------------------------------------------------------------------------


def test_version():
    done = CliRunner().invoke(cli.app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"fluentml {fluentml.__version__}\n")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_command(flag):
    done = CliRunner().invoke(cli.app, [flag])
    assert done.exit_code == 0
    for command in ("run", "check", "plan", "graph", "verbs", "rollback", "doctor", "demo", "init"):
        assert f" {command} " in done.output
        assert CliRunner().invoke(cli.app, [command, flag]).exit_code == 0


def test_no_command_shows_the_help():
    done = CliRunner().invoke(cli.app, [])
    assert done.exit_code == 2
    assert "Usage:" in done.output


@pytest.mark.parametrize(
    "arguments",
    [["frobnicate"], ["check"], ["graph", "x.py", "--format", "svg"], ["check", "--no"]],
)
def test_wrong_usage(fluentml_command, arguments):
    code, out, err = fluentml_command(*arguments)
    assert (code, out) == (2, "")
    assert "Usage:" in err


def test_check_of_a_sound_pipeline(fluentml_command):
    assert fluentml_command("check", "small.py") == (0, "small: 2 nodes, no problem found.\n", "")
    code, out, err = fluentml_command("check", "small.py", "--json")
    assert (code, json.loads(out), err) == (0, {"ok": True, "problems": []}, "")


def test_check_with_problems(fluentml_command, here):
    (here / "wrong.py").write_text(CHAIN.replace('"data"', '"dat"'))
    problem = (
        "from_csv() reads the folder 'dat', and it does not exist.\n"
        f"In {str(here)!r} there are: 'data', 'small.py', 'wrong.py'.\n"
        "Hint: did you mean 'data'?"
    )
    code, out, err = fluentml_command("check", "wrong.py")
    assert (code, out) == (1, "")
    assert err == f"1 problem in pipeline 'small':\n\n{problem}\n"
    code, out, err = fluentml_command("check", "wrong.py", "--json")
    assert (code, json.loads(out), err) == (1, {"ok": False, "problems": [problem]}, "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pipeline.push_to()", "push_to() has no destination."),
        ("pipeline = pipeline.push_to('s')", "push_to() reads 'model'"),
        ("1 / 0", "Loading 'wrong.py' failed: ZeroDivisionError"),
    ],
    ids=["definition", "wiring", "loading"],
)
def test_whatever_is_wrong_check_prints_json(fluentml_command, here, text, problem):
    (here / "wrong.py").write_text(f"{CHAIN}{text}\n")
    code, out, err = fluentml_command("check", "wrong.py", "--json")
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert found["ok"] is False
    assert found["problems"][0].startswith(problem)


def test_plan(fluentml_command):
    assert fluentml_command("plan", "small.py") == (
        0,
        "CsvExampleGen\n"
        "\n"
        "StatisticsGen\n"
        "  examples  ← CsvExampleGen.examples  made by from_csv()\n",
        "",
    )


TEXT = "small\n  CsvExampleGen\n  StatisticsGen  ← CsvExampleGen\n"


def test_graph_as_text_and_mermaid(fluentml_command):
    assert fluentml_command("graph", "small.py") == (0, TEXT, "")
    assert fluentml_command("graph", "small.py", "--format", "text") == (0, TEXT, "")
    code, out, _ = fluentml_command("graph", "small.py", "-f", "mermaid")
    assert code == 0
    assert out.startswith("flowchart TD\n")


def test_graph_as_json(fluentml_command):
    code, out, err = fluentml_command("graph", "small.py:pipeline", "--format", "json")
    assert (code, err) == (0, "")
    assert fluentml.Graph.from_json(out).to_text() + "\n" == TEXT


def test_a_module_in_the_working_directory(fluentml_command):
    assert fluentml_command("graph", "small:pipeline") == (0, TEXT, "")


def test_no_such_file(fluentml_command, here):
    assert fluentml_command("plan", "smal.py") == (
        1,
        "",
        "There is no file 'smal.py'.\n"
        f"Python files in {str(here)!r}: 'small.py'.\n"
        "Hint: did you mean 'small.py'?\n",
    )


def test_long_lines_and_square_brackets_are_left_as_they_are(fluentml_command, here):
    name = "x" * 150 + "[bold]"
    (here / "wrong.py").write_text(f"raise ValueError({name!r})\n")
    code, _, err = fluentml_command("plan", "wrong.py")
    assert code == 1
    assert err.splitlines()[:2] == [
        "wrong.py:1:",
        f"Loading 'wrong.py' failed: ValueError: {name}",
    ]


@pytest.mark.parametrize("part", ["--from", "--to", "--only"])
def test_run_a_part_with_an_unknown_node(fluentml_command, part):
    assert fluentml_command("run", "small.py", part, "Statistics") == (
        1,
        "",
        "Pipeline 'small' has no node 'Statistics'.\n"
        "Its nodes: 'CsvExampleGen', 'StatisticsGen'.\n"
        "Hint: did you mean 'StatisticsGen'?\n",
    )


def test_resume_where_nothing_ran(fluentml_command):
    assert fluentml_command("resume") == (
        1,
        "",
        "'.' tells of no run.\n"
        "Hint: name the file that builds the pipeline: fluentml resume FILE.\n",
    )
    code, out, _ = fluentml_command("resume", "--json", "smal.py")
    assert code == 1
    assert json.loads(out)["error"].endswith("Hint: did you mean 'small.py'?")


def test_an_interrupt_ends_quietly(fluentml_command, monkeypatch):
    def interrupted(target):
        raise KeyboardInterrupt

    monkeypatch.setattr(looking, "load", interrupted)
    code, out, err = fluentml_command("plan", "small.py")
    assert (code, out) == (130, "")
    assert "Traceback" not in err


FINDINGS = [
    Finding("Python", True, "3.10.0, Linux"),
    Finding("tfx", False, "not installed", "pip install it."),
    Finding(
        "docker", False, "not found", "Only infra_validate(serving_spec=…) needs it.", needed=False
    ),
]


def test_doctor(fluentml_command, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda: FINDINGS)
    assert fluentml_command("doctor") == (
        1,
        "✓ Python       3.10.0, Linux\n"
        "✗ tfx          not installed\n"
        "  Hint: pip install it.\n"
        "– docker       not found\n"
        "  Only infra_validate(serving_spec=…) needs it.\n",
        "",
    )
    code, out, err = fluentml_command("doctor", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)[1] == {
        "name": "tfx",
        "ok": False,
        "seen": "not installed",
        "remedy": "pip install it.",
        "needed": True,
    }
    monkeypatch.setattr(doctor, "examine", lambda: [FINDINGS[0], FINDINGS[2]])
    assert fluentml_command("doctor")[0] == fluentml_command("doctor", "--json")[0] == 0


def test_init_writes_a_file_once(fluentml_command, here):
    assert fluentml_command("init") == (
        0,
        "Wrote pipeline.py. Try:  fluentml check pipeline.py   then   fluentml run pipeline.py\n",
        "",
    )
    written = (here / "pipeline.py").read_text()
    assert "pipeline = (" in written
    assert fluentml_command("init") == (
        1,
        "",
        "'pipeline.py' exists and is left as it is.\n"
        "Hint: name another file: fluentml init my_pipeline.py\n",
    )
    assert (here / "pipeline.py").read_text() == written


@pytest.mark.parametrize("option", ["--template", "-t"])
@pytest.mark.parametrize("template", Template)
def test_a_template_is_an_example(fluentml_command, here, template, option):
    assert fluentml_command("init", "mine.py", option, template.value)[0] == 0
    text = (here / "mine.py").read_text()
    assert text == (EXAMPLES / f"{template.example}.py").read_text()
    assert len(text.splitlines()) < 80
    assert "our own: a folder of CSV files" in text


def test_init_names_the_templates(fluentml_command):
    code, _, err = fluentml_command("init", "-t", "txt")
    assert code == 2
    told = f"{err}{fluentml_command('init', '--help')[1]}"
    for template in Template:
        assert told.count(template.value) > 1


@pytest.mark.skipif(not importlib.util.find_spec("hatchling"), reason="hatchling builds the wheel")
def test_the_wheel_has_the_templates(here):
    build = ["-m", "hatchling", "build", "-t", "wheel", "-d", str(here / "dist")]
    subprocess.run([sys.executable, *build], cwd=EXAMPLES.parent, check=True, capture_output=True)
    (wheel,) = (here / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(here / "installed")
    env = {**os.environ, "PYTHONPATH": str(here / "installed")}
    init = [sys.executable, "-m", "fluentml", "init", "--template", "text"]
    subprocess.run(init, env=env, check=True)
    for template in Template:
        name = f"{template.example}.py"
        example = (EXAMPLES / name).read_text()
        assert (here / "installed/fluentml/examples" / name).read_text() == example
    assert (here / "pipeline.py").read_text() == (EXAMPLES / "docstrings.py").read_text()


def test_init_makes_the_folder_it_needs(fluentml_command, here):
    assert fluentml_command("init", "new/folder/mine.py")[0] == 0
    assert (here / "new/folder/mine.py").is_file()


# -- runtime parameters ----------------------------------------------------------------------------


def test_parameters_are_given_on_the_command_line(here, fluentml_command):
    chain = CHAIN.replace('"data"', 'fml.param("data", "nowhere")')
    (here / "small.py").write_text(chain)
    assert fluentml_command("check", "small.py")[0] == 1
    assert fluentml_command("check", "small.py", "--param", "data=data") == (
        0,
        "small: 2 nodes, no problem found.\n",
        "",
    )
    for wrong, said in (("data", "--param got 'data', which gives no value."), ("a=1", "'data'")):
        code, _, err = fluentml_command("check", "small.py", "-p", wrong)
        assert code == 1
        assert said in err
