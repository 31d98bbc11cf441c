"""What README promises: its code builds, its commands exist, its error texts are the real ones."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.cli import app
from fluentml.cli.starting import Template
from fluentml.errors import CheckError
from tests.code_lines import code_lines
from tests.test_open_chain import fake_class

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text()


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)
    return [text for name, text in fenced if name == language]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that README's chain speaks of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/trips.csv").write_text("fare,tips,trip_start_hour\n1,2,3\n")
    (tmp_path / "model.py").write_text(
        "def preprocessing_fn(inputs): ...\ndef tuner_fn(fn_args): ...\ndef run_fn(fn_args): ...\n"
    )
    return tmp_path


def first_chain() -> fml.PipelineDef:
    code, run = blocks("python")[0].rsplit("\n", 2)[:2]
    assert run == "pipeline.run()"
    names: dict[str, object] = {}
    exec(code, names)
    pipeline = names["pipeline"]
    assert isinstance(pipeline, fml.PipelineDef)
    return pipeline


def test_the_first_chain_is_sound(project: Path):
    first_chain().check()


def test_the_output_shown_names_the_nodes_of_that_chain(project: Path):
    shown = re.findall(r"^✓ (\w+)  ", README, re.M)
    assert shown == [node.id for node in first_chain().graph.nodes]


def with_names(**more: object) -> dict[str, object]:
    return {"pipeline": first_chain(), "fml": fml, **more}


def the_block(text: str) -> str:
    (code,) = [block for block in blocks("python") if text in block]
    return code


def test_custom_components_are_wired_by_name(project: Path):
    count = fake_class(inputs={"examples": "Examples"}, parameters={"limit": False})
    names = with_names(CountRows=count)
    exec(the_block("def model_card"), names)
    graph = names["pipeline"].graph  # type: ignore[attr-defined]
    assert graph["model_card"].upstream == ("Trainer", "Evaluator")
    assert graph["Card"].upstream == ("CsvExampleGen",)


def test_a_builder_of_models_is_enough(project: Path):
    block, script = the_block("def build_model"), project / "script.py"
    script.write_text(block)
    names: dict[str, object] = {"pipeline": fml.PipelineDef("iris").from_csv("data")}
    exec(compile(block, str(script), "exec"), names)
    graph = names["pipeline"].graph  # type: ignore[attr-defined]
    for kind, call in (("Trainer", "training.fit("), ("Tuner", "return training.tuner(")):
        assert call in Path(graph[kind].component.module).read_text()


@pytest.mark.tfx  # scikit-learn comes with it
def test_estimators(project: Path):
    block, script = the_block("def build_estimator"), project / "script.py"
    script.write_text(block)
    names: dict[str, object] = {"pipeline": fml.PipelineDef("iris").from_csv("data")}
    exec(compile(block, str(script), "exec"), names)
    graph = names["pipeline"].graph  # type: ignore[attr-defined]
    made = {
        "Trainer": "RandomForestClassifier(n_estimators=50)",
        "Boosted": "training.fit_estimator(",
        "Tuner": "return training.estimator_tuner(",
    }
    for id, call in made.items():
        assert call in Path(graph[id].component.module).read_text()


def test_declared_features(project: Path):
    names = with_names()
    exec(the_block("numeric="), names)
    code = names["declared"].code("Transform")  # type: ignore[attr-defined]
    assert 'CATEGORICAL = {"company": 40, "payment_type": None}' in code


def test_conditions(project: Path):
    names = with_names()
    exec(the_block("PushLarge"), names)
    graph = names["pipeline"].graph  # type: ignore[attr-defined]
    assert {"Evaluator_AUC", "Evaluator_BinaryAccuracy"} <= {*graph["PushLarge"].upstream}
    assert "Evaluator" in graph["PushBlessed"].upstream


def test_two_data_sets(project: Path):
    names = with_names()
    exec(the_block("served = "), names)
    graph = names["pipeline"].graph  # type: ignore[attr-defined]
    assert graph["ExampleDiff"].upstream == ("CsvExampleGen", "ExampleDiff_examples")
    assert graph["DistributionValidator"].upstream == (
        "StatisticsGen",
        "DistributionValidator_statistics",
    )


def test_metrics(project: Path):
    block, script = the_block("FairnessIndicators"), project / "script.py"
    script.write_text(block)
    trained = fml.PipelineDef("taxi").from_csv("data").train("model.py")
    names: dict[str, object] = {"trained": trained, "fml": fml}
    exec(compile(block, str(script), "exec"), names)
    evaluator = names["judged"].graph["Evaluator"]  # type: ignore[attr-defined]
    computed = [metric.name for metric in evaluator.component.metrics]
    assert computed == ["AUC", "recall_at_90", "FairnessIndicators", "profit"]
    assert evaluator.component.slice_functions == ("part_of_day",)
    exec(the_block('"tip/AUC"'), names)
    both = names["both"].graph["Evaluator"].component  # type: ignore[attr-defined]
    assert [metric.output for metric in both.metrics] == ["tip", "fare"]
    assert evaluator.upstream == ("Evaluator_examples", "Trainer", "Evaluator_previous_model")


def test_runtime_parameters(project: Path):
    names = with_names()
    exec(the_block("fml.param("), names)
    pipeline = names["pipeline"]
    assert pipeline.params == {"data": "data/", "train_steps": 600}  # type: ignore[attr-defined]


def test_exit_steps(project: Path):
    names = with_names(CloseTicket=fake_class(parameters={"final_status": False}))
    exec(the_block("CloseTicket"), names)
    nodes = names["pipeline"].graph.nodes  # type: ignore[attr-defined]
    assert [node.component.verb for node in nodes[-2:]] == ["notify()", "on_exit(Card)"]


def test_the_curation_names_columns_of_that_chain(project: Path):
    names: dict[str, object] = {"pipeline": first_chain()}
    (code,) = [block for block in blocks("python") if "curate_schema" in block]
    exec(code, names)
    pipeline = names["pipeline"]
    assert isinstance(pipeline, fml.PipelineDef)
    pipeline.check()


def test_other_formats_are_one_step_more(project: Path):
    names: dict[str, object] = {"pipeline": first_chain()}
    (code,) = [block for block in blocks("python") if "formats=" in block]
    exec(code, names)
    pipeline = names["phones_too"]
    assert isinstance(pipeline, fml.PipelineDef)
    pipeline.check()
    assert "Evaluator" in pipeline.graph["Phones_formats"].upstream


def test_drift_is_one_step_more(project: Path):
    names: dict[str, object] = {"pipeline": first_chain()}
    (code,) = [block for block in blocks("python") if "drift=" in block]
    exec(code, names)
    pipeline = names["pipeline"]
    assert isinstance(pipeline, fml.PipelineDef)
    with pytest.raises(CheckError, match="drift= names 'company'"):
        pipeline.check()


def test_values_and_the_last_model_are_one_step_more(project: Path):
    names: dict[str, object] = {"pipeline": first_chain()}
    (code,) = [block for block in blocks("python") if "warm_start=" in block]
    exec(code, names)
    daily = names["daily"]
    assert isinstance(daily, fml.PipelineDef)
    wires = daily.check().graph["Daily"].inputs
    assert str(wires["hyperparameters"].channel) == "ImportedHyperparameters.result"
    assert str(wires["base_model"].channel) == "Daily_last_model.model"


def test_every_verb_of_the_table_exists():
    table = re.findall(r"^\| (`.*?`) \|", README, re.M)
    verbs = [verb for cell in table for verb in re.findall(r"`(\w+)`", cell)]
    assert len(verbs) > 14
    for verb in verbs:
        assert callable(getattr(fml.PipelineDef, verb))


def test_every_command_exists():
    registered = app.registered_commands
    commands = {command.name or command.callback.__name__.rstrip("_") for command in registered}
    commands |= {group.name for group in app.registered_groups}
    named = set(re.findall(r"^fluentml ([\w-]+)", "\n".join(blocks("")), re.M))
    assert named == commands - {"demo"}


def test_every_template_is_named_with_its_example():
    section = README.partition("## Start your own\n")[2].partition("\n## ")[0]
    named = re.findall(r"`(\w+)`\s\(\[\w+\]\(examples/(\w+)\.py\)", section)
    assert named == [(template.value, template.example) for template in Template]


def test_every_link_leads_somewhere():
    """To a file or a section; the head of the page leads to all of them."""
    links = re.findall(r"\]\(([^)]+)\)", README)
    sections = [
        f"#{title.lower().replace(' ', '-')}" for title in re.findall("^## (.*)", README, re.M)
    ]
    assert "#install" in sections
    assert {*sections} - {"#try-it"} <= {*links}
    for link in links:
        assert "://" in link or link in sections or (REPOSITORY / link).is_file(), link


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`?make ([a-z-]+)", README)) <= targets


def test_the_error_texts_are_the_real_ones(project: Path):
    (project / "model.py").write_text(
        "def preprocessing_fn(inputs): ...\ndef run_fun(fn_args): ...\n"
    )
    chain = (
        fml.PipelineDef("taxi")
        .from_csv("data")
        .train("model.py")
        .evaluate_model("tips", metrics=["AUC"])
        .push_to("serving")
    )
    with pytest.raises(CheckError) as error:
        chain.check()
    texts = [str(problem) for problem in error.value.problems]
    assert len(texts) == 2
    for text in texts:
        assert f"```\n{text}\n```" in README


def test_the_error_texts_of_data_are_the_real_ones(project: Path):
    """They are told of the same file: one row is ragged, or holds text."""
    trips = project / "data/trips.csv"
    for row, line in (("Joe's, Main Street,12.5", 17), ("N/A,0.5", 1734)):
        rows = ["12.5,0.5"] * 15000
        rows[line - 2] = row
        trips.write_text("\n".join(["fare,tips", *rows, ""]))
        with pytest.raises(CheckError) as error:
            fml.PipelineDef("taxi").from_csv("data").check()
        (problem,) = error.value.problems
        assert f"```\n{problem}\n```" in README


def test_a_function_is_handed_over(project: Path, monkeypatch: pytest.MonkeyPatch):
    (code,) = [block for block in blocks("python") if "def training" in block]
    building = "UNITS = 8\n\n\ndef build_model(units): ...\n\n\n"
    Path("script.py").write_text(building + code)
    names = runpy.run_path(str(project / "script.py"), {"pipeline": fml.PipelineDef("p")})
    module = Path(names["pipeline"].components[-1].module)
    assert module.parent.parent == Path("artifacts/p/_modules")
    assert building in module.read_text()


def test_a_live_object_is_refused(project: Path):
    Path("script.py").write_text(
        "import contextlib\n\nModel = type('Model', (), {})\n"
        "with contextlib.nullcontext(Model()) as model:\n    pass\n\n\n"
        "def training(fn_args):\n    model.fit(fn_args)\n"
    )
    function = runpy.run_path(str(project / "script.py"))["training"]
    with pytest.raises(fml.DefinitionError) as error:
        fml.PipelineDef("p").train(function)
    told = str(error.value).replace("contextlib.nullcontext(Model())", "opened()")
    assert f"```\n{told}\n```" in README


def test_the_changelog_tells_this_version():
    assert f"## {fml.__version__}" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_code_lines_are_those_that_hold_code():
    code = '"""One.\n\nTwo."""\n\n# no\nx = [\n    1,  # yes\n    # no\n]\n'
    code += "def f():\n    '''No.'''\n    text = '''yes\nyes'''\n\n    return text\n"
    assert code_lines(code) == 3 + 4
