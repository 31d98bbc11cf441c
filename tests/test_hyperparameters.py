"""Hyperparameters as a dict: kept as a file, read by the Trainer, obeyed by a builder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from tests.messages import message_of

VALUES = {"learning_rate": 0.01, "width": 64, "norm": True, "activation": "relu"}


def test_the_same_values_are_the_same_step(tmp_path: Path):
    empty = fml.PipelineDef("p", root=tmp_path)
    chain = empty.with_hyperparameters(VALUES)
    (step,) = chain.components
    assert empty.with_hyperparameters(dict(reversed(VALUES.items()))) == chain
    assert empty.with_hyperparameters({**VALUES, "width": 65}) != chain
    folder = Path(step.uri)
    assert folder.parent == tmp_path / "p/_hyperparameters"
    assert len(os.listdir(folder.parent)) == 2  # noqa: PTH208
    (file,) = folder.iterdir()
    assert file.name == "best_hyperparameters.txt"
    assert json.loads(file.read_text())["values"] == VALUES
    written = file.stat().st_mtime_ns
    empty.with_hyperparameters(VALUES)
    assert file.stat().st_mtime_ns == written


def test_a_relative_root_stays_relative(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chain = fml.PipelineDef("p").with_hyperparameters({"width": 64})
    assert chain.components[0].uri.startswith("artifacts/p/_hyperparameters/")
    assert chain.check() == chain


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {},
            "with_hyperparameters() got an empty dict.\n"
            'Hint: give each a value: {"learning_rate": 0.01}; without any, leave the step out.',
        ),
        (
            {"units": [1, 2]},
            "with_hyperparameters() cannot use 'units': [1, 2], which is of the type list.\n"
            "Hint: a name is text; a value is text, a finite number, True or False.",
        ),
        (
            {"rate": float("nan")},
            "with_hyperparameters() cannot use 'rate': nan, which is of the type float.\n"
            "Hint: a name is text; a value is text, a finite number, True or False.",
        ),
    ],
)
def test_values_that_are_none(tmp_path: Path, given: Any, said: str):
    chain = fml.PipelineDef("p", root=tmp_path)
    assert message_of(fml.DefinitionError, chain.with_hyperparameters, given) == said
    assert [*tmp_path.iterdir()] == []


def test_roots_that_cannot_be_written(tmp_path: Path):
    remote = fml.PipelineDef("p", root="gs://bucket/pipelines")
    assert message_of(fml.DefinitionError, remote.with_hyperparameters, VALUES) == (
        "with_hyperparameters() keeps a dict under the root, and cannot write to "
        "'gs://bucket/pipelines/p/_hyperparameters'.\n"
        "Hint: write it there as 'best_hyperparameters.txt' yourself, as a Tuner does, and name "
        "its folder."
    )
    (tmp_path / "file").touch()
    blocked = fml.PipelineDef("p", root=tmp_path / "file")
    assert message_of(fml.DefinitionError, blocked.with_hyperparameters, VALUES) == (
        f"with_hyperparameters() cannot keep them in '{tmp_path}/file/p/_hyperparameters': "
        "Not a directory.\n"
        "Hint: choose another root: PipelineDef(…, root=…)."
    )


@pytest.mark.tfx
def test_keras_tuner_reads_them_and_a_builder_gets_them(tmp_path: Path):
    import keras_tuner

    (step,) = fml.PipelineDef("p", root=tmp_path).with_hyperparameters(VALUES).components
    config = json.loads((Path(step.uri) / "best_hyperparameters.txt").read_text())
    hp = keras_tuner.HyperParameters.from_config(config)
    assert hp.values == VALUES
    assert hp.Float("learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3) == 0.01
    assert hp.Int("width", 8, 32, step=8) == 64
    assert hp.Boolean("norm") is True
    with hp.conditional_scope("norm", [True]):
        assert hp.Choice("activation", ["tanh", "relu"]) == "relu"
    assert hp.Int("depth", 1, 3, default=2) == 2

    fixed = keras_tuner.HyperParameters()
    for name, value in sorted(VALUES.items()):
        fixed.Fixed(name, value)
    assert config == fixed.get_config()
