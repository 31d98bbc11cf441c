"""InfraValidator without a model server: can a fresh process load the model, and answer in time?"""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils, path_utils

REPORT = "report.json"
"""What was measured, and why the model was refused: beside TFX's own file in the blessing."""


class Executor(base_executor.BaseExecutor):
    """Try the model in a process of its own; write TFX's InfraBlessing and a report.

    Whatever the model does to that process is a verdict on the model, no failure of the pipeline.
    """

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Read `model` and `examples`, write `blessing`."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        examples, split = input_dict.get("examples"), exec_properties["split"]
        report = try_model(
            {
                **exec_properties,
                "signatures": json.loads(exec_properties["signatures"]),
                "model": path_utils.serving_model_path(
                    model.uri, path_utils.is_old_model_artifact(model)
                ),
                "examples": artifact_utils.get_split_uri(examples, split) if examples else None,
            }
        )
        # From here on as TFX's InfraValidator writes it.
        blessed = not report["reasons"]
        flag = "INFRA_BLESSED" if blessed else "INFRA_NOT_BLESSED"
        io_utils.write_string_file(f"{blessing.uri}/{flag}", "")
        blessing.set_int_custom_property("blessed", int(blessed))
        text = json.dumps({"blessed": blessed, **report}, indent=2)
        io_utils.write_string_file(f"{blessing.uri}/{REPORT}", text)


def try_model(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the trial of a model measured, and as `reasons` why it is refused, if it is.

    Args:
        request: The component's parameters; with the model's folder as `model`, and the split's as
            `examples`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "request.json").write_text(json.dumps(dict(request)))
        unborn = {"reasons": [], "signatures": {}, "stage": "starting"}
        (folder / "report.jsonl").write_text(json.dumps(unborn) + "\n")
        program = [sys.executable, str(Path(__file__).with_name("trial.py")), name]
        try:
            code = subprocess.run(program, timeout=request["timeout_s"]).returncode
        except subprocess.TimeoutExpired:
            code = None
        told = (folder / "report.jsonl").read_text().splitlines()
    report: dict[str, Any] = json.loads(told[-1])
    stage = report.pop("stage")
    if code is None:
        report["reasons"].append(f"it was still {stage} after {_figure(request['timeout_s'])} s")
    elif stage != "done":
        report["reasons"].append(f"its process {_end(code)} while {stage}")
    for facts in report["signatures"].values():
        facts["latency_ms"] = _percentile(facts["latencies_ms"], request["percentile"])
    report["percentile"] = request["percentile"]
    report["reasons"] += _over_budget(report, request)
    return report


def _over_budget(report: Mapping[str, Any], request: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each budget that was not held."""
    rank = _ordinal(request["percentile"])
    measured = [
        ("max_startup_s", report.get("startup_s"), "loading the model took {} s"),
        ("max_memory_mb", report.get("memory_mb"), "its process took {} MB of memory"),
        *(
            ("max_latency_ms", facts["latency_ms"], f"{name} took {{}} ms at the {rank} percentile")
            for name, facts in report["signatures"].items()
        ),
    ]
    for budget, value, sentence in measured:
        most = request.get(budget)
        if most is not None and value is not None and value > most:
            yield f"{sentence.format(_figure(value))}, more than {_figure(most)}"
    if request.get("max_latency_ms") is not None and not request["examples"]:
        yield "it got no examples to measure the latency with"


def _percentile(values: list[float], percent: float) -> float | None:
    """Return the least of the values that `percent` of them do not exceed."""
    if not values:
        return None
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def _end(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _figure(value: float) -> str:
    return f"{value:.4g}" if value < 1000 else f"{value:.0f}"


def _ordinal(percent: float) -> str:
    text = f"{percent:g}"
    return text + {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")


class InfraValidatorSpec(ComponentSpec):
    """TFX's InfraValidator with other parameters; `signatures` is a JSON list."""

    PARAMETERS: ClassVar[dict[str, Any]] = {
        "signatures": ExecutionParameter(type=str),
        "split": ExecutionParameter(type=str),
        "num_examples": ExecutionParameter(type=int),
        "requests": ExecutionParameter(type=int),
        "warmup_requests": ExecutionParameter(type=int),
        "percentile": ExecutionParameter(type=float),
        "max_startup_s": ExecutionParameter(type=float, optional=True),
        "max_latency_ms": ExecutionParameter(type=float, optional=True),
        "max_memory_mb": ExecutionParameter(type=float, optional=True),
        "timeout_s": ExecutionParameter(type=float),
    }
    INPUTS: ClassVar[dict[str, Any]] = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {
        "blessing": ChannelParameter(type=standard_artifacts.InfraBlessing)
    }


class InfraValidator(base_component.BaseComponent):
    """The TFX component of this executor; `fluentml.components.InfraValidator` documents it."""

    SPEC_CLASS = InfraValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, model: BaseChannel, examples: BaseChannel | None = None, **parameters: Any
    ) -> None:
        blessing = Channel(type=standard_artifacts.InfraBlessing)
        super().__init__(
            InfraValidatorSpec(model=model, examples=examples, blessing=blessing, **parameters)
        )
