"""Tuning: an interrupted search goes on, and trials run side by side."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from fluentml.errors import RunError
from tests.messages import message_of

pytestmark = pytest.mark.tfx

# One weight that starts at 0 and takes one step an epoch: the score depends on the rate alone.
MODULE = """
    import os
    import signal
    from pathlib import Path

    import keras
    import keras_tuner
    import numpy as np
    from tfx.components.tuner.component import TunerFnResult

    HERE = Path({folder!r})

    def spring(trap):
        if trap == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if trap == "fatal":
            raise keras_tuner.errors.FatalRuntimeError("no more")
        raise ZeroDivisionError("too steep")

    class Model(keras_tuner.HyperModel):
        def build(self, hp):
            rate = hp.{space}
            layers = [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
            model = keras.Sequential(layers)
            model.compile(keras.optimizers.SGD(rate), "mse", run_eagerly=True)
            return model

        def fit(self, hp, model, *args, **kwargs):
            with (HERE / "trained").open("a") as file:
                file.write(f"{{hp.get('rate')}}\\n")
            trap = HERE / f"trap-{{len((HERE / 'trained').read_text().splitlines())}}"
            if trap.exists():
                spring(trap.read_text())
            return super().fit(hp, model, *args, **kwargs)

    def tuner_fn(fn_args):
        tuner = keras_tuner.{tuner}(
            Model(),
            objective="val_loss",
            directory=fn_args.working_dir,
            max_consecutive_failed_trials=2,
            seed=7,
            {options}
        )
        x = np.array([[1.0], [2.0]])
        return TunerFnResult(tuner, {{"x": x, "y": x, "validation_data": (x, x), "verbose": 0}})
"""
RATE = "Float('rate', 0.01, 0.2)"
RANDOM = ("RandomSearch", "max_trials=5", RATE)


class Tuning:
    """A search, run by the executor over artifacts that nobody reads."""

    def __init__(self, folder: Path, search: tuple[str, str, str] = RANDOM) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        tuner, options, space = search
        self.module = folder / "my_tuner.py"
        text = textwrap.dedent(MODULE)
        self.module.write_text(
            text.format(folder=str(folder), tuner=tuner, options=options, space=space)
        )

    def set_traps(self, **kinds: str) -> None:
        """Let the n-th training, `_n`, end as its trap says."""
        for number, kind in kinds.items():
            (self.folder / f"trap-{number[1:]}").write_text(kind)

    def take_away_traps(self) -> None:
        for trap in self.folder.glob("trap-*"):
            trap.unlink()

    def trained(self) -> list[float]:
        """Return the rates that were trained since the last call."""
        file = self.folder / "trained"
        rates = [float(line) for line in file.read_text().splitlines()]
        file.unlink()
        return rates

    @property
    def kept(self) -> list[Path]:
        """What outlives the executions."""
        return [*(self.folder / "Tuner/.system/tuning").iterdir()]

    def run(self, parallel_trials: int = 1) -> list[dict[str, Any]]:
        """Return the rows of `tuner_results`."""
        from tfx.dsl.components.base.base_executor import BaseExecutor
        from tfx.types import artifact_utils, standard_artifacts

        from fluentml.executors.tuner import Executor

        def artifact(kind: Any, name: str) -> Any:
            made = kind()
            made.uri = str(self.folder / name)
            return made

        examples = artifact(standard_artifacts.Examples, "examples")
        examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
        outputs = {
            "best_hyperparameters": [artifact(standard_artifacts.HyperParameters, "best")],
            "tuner_results": [artifact(standard_artifacts.TunerResults, "results")],
        }
        system = self.folder / "Tuner/.system"
        context = BaseExecutor.Context(
            tmp_dir=str(system / "executor_execution/1/.temp"),
            unique_id="1",
            stateful_working_dir=str(system / "stateful_working_dir/a"),
        )
        properties = {
            "module_file": str(self.module),
            "train_args": "{}",
            "eval_args": "{}",
            "custom_config": "null",
            "tune_args": json.dumps({"num_parallel_trials": parallel_trials}),
        }
        Executor(context).Do({"examples": [examples]}, outputs, properties)
        rows: list[dict[str, Any]] = json.loads(
            (self.folder / "results/tuner_results.json").read_text()
        )
        best = json.loads((self.folder / "best/best_hyperparameters.txt").read_text())
        assert best["values"]["rate"] == rows[0]["rate"]
        return rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The rows of a random search that nothing interrupted."""
    tuning = Tuning(tmp_path_factory.mktemp("whole"))
    rows = tuning.run()
    assert len(tuning.trained()) == len(rows) == 5
    assert tuning.kept == []
    return rows


def rounded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bayesian optimization computes the same with other last digits."""
    return [
        {key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}
        for row in rows
    ]


@pytest.mark.parametrize(
    "search",
    [
        RANDOM,
        ("Hyperband", "max_epochs=2, factor=2", RATE),
        ("BayesianOptimization", "max_trials=4, num_initial_points=2", RATE),
        ("GridSearch", "", "Choice('rate', [0.01, 0.05, 0.1, 0.2])"),
    ],
    ids=lambda search: search[0],
)
def test_a_search_that_ended_by_an_error_goes_on(tmp_path: Path, search, request):
    import keras_tuner

    complete = Tuning(tmp_path / "complete", search)
    expected = request.getfixturevalue("whole") if search is RANDOM else complete.run()
    tuning = Tuning(tmp_path / "tuning", search)
    tuning.set_traps(_3="fatal")
    with pytest.raises(keras_tuner.errors.FatalRuntimeError):
        tuning.run()
    first, second, third = tuning.trained()
    assert len(tuning.kept) == 1

    tuning.take_away_traps()
    rows = tuning.run()
    again = tuning.trained()
    assert again[0] == third
    assert len(again) == len(expected) - 2
    assert tuning.kept == []
    assert rounded(rows) == rounded(expected)
    if search[0] != "Hyperband":  # which trains the good ones twice, for longer
        assert not {first, second} & {*again}


def test_a_killed_search_goes_on(tmp_path: Path, whole):
    tuning = Tuning(tmp_path)
    tuning.set_traps(_3="kill")
    program = (
        "from pathlib import Path; from tests.test_tuner import Tuning; "
        f"Tuning(Path({str(tmp_path)!r})).run()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[1])
    assert done.returncode == -9
    assert len(tuning.trained()) == 3
    tuning.take_away_traps()
    assert tuning.run() == whole
    assert len(tuning.trained()) == 3


def test_without_a_trial_that_succeeded_there_is_no_best(tmp_path: Path):
    from fluentml.executors.tuner_search import NoTrialSucceededError

    tuning = Tuning(tmp_path, ("RandomSearch", "max_trials=1", RATE))
    tuning.set_traps(_1="error")
    with pytest.raises(NoTrialSucceededError) as caught:
        tuning.run()
    lines = str(caught.value).splitlines()
    assert (lines[0], lines[-1]) == ("No trial succeeded.", "ZeroDivisionError: too steep")
    assert not (tmp_path / "best").exists()


# -- the folder that is kept -----------------------------------------------------------------------


def test_a_folder_in_use_is_left_alone(tmp_path: Path):
    from fluentml.executors.tuner_search import kept_folder

    shutil.copytree(Path(__file__).parent / "golden", tmp_path / "stale")
    with kept_folder(tmp_path, "a", otherwise="t") as first:
        with kept_folder(tmp_path, "a", otherwise="t") as second:
            assert (first, second) == (str(tmp_path / "a"), "t")
        with kept_folder(tmp_path, "b", otherwise="t") as other:
            assert other == str(tmp_path / "b")
        # Whoever succeeds removes its own folder and what nobody works in.
        assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    assert [*tmp_path.iterdir()] == []


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path):
    from fluentml.executors.tuner_search import clear_if_broken

    (tmp_path / "p/trial_0").mkdir(parents=True)
    (tmp_path / "p/trial_0/trial.json").write_text('{"score": 1}')
    (tmp_path / "p/oracle.json").write_text("{}")
    clear_if_broken(tmp_path)
    assert len([*tmp_path.rglob("*.json")]) == 2
    (tmp_path / "p/oracle.json").write_text('{"seed": ')
    clear_if_broken(tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_the_key_tells_what_decides_the_search(tmp_path: Path, monkeypatch):
    from tfx.types import standard_artifacts

    from fluentml.executors.tuner_search import key_of

    monkeypatch.syspath_prepend(tmp_path)
    code = tmp_path / "key_of_this.py"
    code.write_text("def tuner_fn(fn_args): ...")
    examples = standard_artifacts.Examples()
    examples.uri = "examples/1"

    def key(**parameters: Any) -> str:
        return key_of({"examples": [examples]}, {"tuner_fn": "key_of_this.tuner_fn", **parameters})

    before = key()
    assert key(tune_args='{"num_parallel_trials": 3}') == before
    keys = {before, key(custom_config='{"a": 1}'), key(module_file=str(code), tuner_fn=None)}
    examples.uri = "examples/2"
    keys.add(key())
    code.write_text("def tuner_fn(fn_args): return None")
    keys.add(key())
    assert len(keys) == 5


# -- side by side ----------------------------------------------------------------------------------


def test_only_trials_side_by_side_need_an_executor_of_ours(tmp_path: Path):
    from tfx.proto import tuner_pb2

    def lowered(**parameters: Any) -> Any:
        chain = fml.PipelineDef("p", root=tmp_path).from_csv(tmp_path)
        return chain.tune("my_package.tuner_fn", **parameters).to_tfx().components[1]

    plain, number = lowered(), lowered(parallel_trials=3)
    proto = lowered(tune_args=tuner_pb2.TuneArgs(num_parallel_trials=3))
    assert plain.executor_spec.class_path == "tfx.components.tuner.executor.Executor"
    assert plain.exec_properties.get("tune_args") is None
    for component in (number, proto):
        assert component.executor_spec.class_path == "fluentml.executors.tuner.Executor"
        assert json.loads(component.exec_properties["tune_args"]) == {"num_parallel_trials": 3}
    both = {"parallel_trials": 2, "tune_args": tuner_pb2.TuneArgs()}
    assert message_of(fml.DefinitionError, lowered, **both) == (
        "tune() takes parallel_trials=, or the proto tune_args=, not both."
    )


def test_a_killed_worker_is_told_and_its_trial_runs_again(tmp_path: Path, whole):
    from fluentml.executors.tuner_workers import WorkerError

    tuning = Tuning(tmp_path)
    tuning.set_traps(_1="error", _3="kill")
    with pytest.raises(WorkerError, match=r"^worker-[12] was killed by SIGKILL while it ran tri"):
        tuning.run(parallel_trials=2)
    tuning.take_away_traps()
    tuning.trained()
    assert tuning.run() == whole
    # The one that failed, the one that was killed, perhaps the other worker's, and the rest.
    assert 3 <= len(tuning.trained()) <= 5


def test_a_worker_s_failures_come_with_the_user_s_error(tmp_path: Path, monkeypatch):
    import keras_tuner

    from fluentml.executors.tuner_workers import Client, _served

    oracle = keras_tuner.oracles.RandomSearchOracle("loss", max_consecutive_failed_trials=1)
    oracle.hyperparameters.Float("rate", 0, 1)
    oracle._set_project_dir(tmp_path, "p")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker-1")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with _served(oracle) as port:
        monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(port))
        client = Client(oracle, tmp_path)
        trial = client.create_trial("worker-1")
        trial.status, trial.message = "INVALID", "ZeroDivisionError: too steep"
        with pytest.raises(RuntimeError) as caught:
            client.end_trial(trial)
    assert str(caught.value) == (
        "Number of consecutive failures exceeded the limit of 1.\nZeroDivisionError: too steep"
    )
    assert (tmp_path / "00.failed").read_text() == trial.message


def test_in_a_pipeline(tmp_path: Path, whole):
    tuning = Tuning(tmp_path / "code")
    tuning.set_traps(_3="error", _4="error")
    (tmp_path / "data").mkdir()
    rows = "".join(f"{number},2\n" for number in range(50))
    (tmp_path / "data/rows.csv").write_text(f"x,y\n{rows}")
    source = fml.PipelineDef("p", root=tmp_path / "artifacts").from_csv(tmp_path / "data")
    with pytest.raises(RunError) as caught:
        source.tune(tuning.module).run(quiet=True)
    what, *frames, _, _ = str(caught.value).splitlines()
    assert what == "Tuner failed: ZeroDivisionError: too steep"
    assert [line.strip() for line in frames[1::2]] == [
        "spring(trap.read_text())",
        'raise ZeroDivisionError("too steep")',
    ]
    assert len(tuning.trained()) == 4

    tuning.take_away_traps()
    chain = source.cache().tune(tuning.module, parallel_trials=2)
    result = chain.run(quiet=True)
    assert result.nodes["CsvExampleGen"].state == "cached"
    assert len(tuning.trained()) == 3
    assert [*(tmp_path / "artifacts/p/Tuner/.system/tuning").iterdir()] == []

    trials = result.trials()
    assert trials == result.trials("Tuner") == result.tunings[0].trials
    assert [
        {"trial_id": trial.id, "score": trial.score, **trial.hyperparameters} for trial in trials
    ] == whole
    frame = trials.to_pandas()
    assert [*frame.columns] == ["trial", "score", "rate"]
    assert [*frame["trial"]] == [row["trial_id"] for row in whole] == ["3", "2", "4", "0", "1"]
    assert result.nodes["Tuner"].note == "5 trials"
    assert result.summary().splitlines() == [
        "  trial  score   hyperparameters",
        "  3      0.1065  rate 0.1186",
        "  2      0.2872  rate 0.09797",
        "  4      0.3102  rate 0.09595",
    ]
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["trials"]["Tuner"][0] == {
        "id": "3",
        "score": whole[0]["score"],
        "hyperparameters": {"rate": whole[0]["rate"]},
    }
    assert message_of(fml.LoadError, result.trials, "Tunr") == (
        "No tuner 'Tunr' ran.\nThose that did: 'Tuner'.\nHint: did you mean 'Tuner'?"
    )
