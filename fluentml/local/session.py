"""One run on this machine: the compiled pipeline, its metadata, and launching node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_metadata import proto as mlmd
from tfx.dsl.compiler import constants
from tfx.dsl.components.common import importer
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils

from fluentml.executors import (
    csv_example_gen,
    evaluator,
    inference_batches,
    pusher,
    statistics_gen,
    transform,
    transform_batches,
    tuner,
)
from fluentml.local import beam, tries, wheels
from fluentml.local.store import Store
from fluentml.lowering import IN_PROCESS_RUNNER, to_ir
from fluentml.results import Artifact, State
from fluentml.stores.connection import resolved

STATES: dict[int, State] = {
    mlmd.Execution.COMPLETE: "done",
    mlmd.Execution.CACHED: "cached",
}

_VERTEX = "tfx.extensions.google_cloud_ai_platform"

OURS = {module.STOCK_CLASS_PATH: module.CLASS_PATH for module in (pusher, transform, tuner)} | {
    # By their names: Google's library is loaded where one of them runs.
    f"{_VERTEX}.trainer.executor.GenericExecutor": "fluentml.executors.custom_jobs.Trainer",
    f"{_VERTEX}.tuner.executor.Executor": "fluentml.executors.custom_jobs.Tuner",
}
"""Executors that do here what TFX's do, and more, by the class that they stand in for."""

FAST = {
    module.STOCK_CLASS_PATH: module.CLASS_PATH
    for module in (csv_example_gen, evaluator, inference_batches, statistics_gen, transform_batches)
} | {inference_batches.STOCK_TABLE_CLASS_PATH: inference_batches.TABLE_CLASS_PATH}
"""Executors that do what TFX's do, and sooner; a distant worker of Beam may not have them."""


def ours_for(beam_arguments: Sequence[str], *, fast: bool) -> Mapping[str, str]:
    """Return the executors of ours to take, by the class that each stands in for.

    Args:
        beam_arguments: Those of the node.
        fast: Whether to take those that only do the same sooner; a distant runner of Beam never
            gets them.
    """
    runners = [one for one in beam_arguments if one.startswith("--runner")]
    return {**OURS, **(FAST if fast and runners[-1:] == [IN_PROCESS_RUNNER] else {})}


class NotLaunchedError(Exception):
    """TFX gave a node up before its executor ran, for example for want of an input artifact."""


@dataclass(frozen=True)
class Launched:
    """What came of launching a node."""

    state: State
    outputs: dict[str, tuple[Artifact, ...]]
    execution: int = 0


class Session:
    """A compiled pipeline under a run id; `launch` runs one node by TFX's own launcher.

    TFX's own cache stays unused: what is cached is never launched.

    Args:
        pipeline: The `tfx.orchestration.pipeline.Pipeline`.
        run_id: The run's id in ML Metadata.
        store: The metadata.
        fast: Whether a node's executor may be ours where it only does the same sooner.
    """

    def __init__(self, pipeline: Any, run_id: str, store: Store, *, fast: bool = True) -> None:
        self._fast = fast
        with wheels.in_process():
            ir = to_ir(pipeline)
        runtime_parameter_utils.substitute_runtime_parameter(
            ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        self._ir, self._store = ir, store
        self.run_id = run_id
        self._beam_arguments = pipeline.beam_pipeline_args
        self._nodes = {node.pipeline_node.node_info.id: node.pipeline_node for node in ir.nodes}
        for node in self._nodes.values():
            node.execution_options.caching_options.enable_cache = False
        self._deployment = runner_utils.extract_local_deployment_config(ir)
        for id, spec in self._deployment.executor_specs.items():
            self.choose_executor(id, spec)
        connection = self._deployment.metadata_connection_config
        self._connection = resolved(getattr(connection, connection.WhichOneof("connection_config")))

    def another(self, pipeline: Any) -> Session:
        """Return a session of the same run for another pipeline: that of an exit step."""
        return Session(pipeline, self.run_id, self._store, fast=self._fast)

    def choose_executor(self, id: str, spec: Any) -> None:
        """Change the executor of a node, an `ExecutableSpec`, in place."""
        # Reading the field of another kind of executor gives an empty one, and sets nothing.
        of_beam = spec.beam_executable_spec
        ours = ours_for(self._arguments(id), fast=self._fast)
        for executor in (spec.python_class_executable_spec, of_beam.python_executor_spec):
            if executor.class_path in ours:
                executor.class_path = ours[executor.class_path]

    def _arguments(self, id: str) -> Sequence[str]:
        """Return Beam's arguments for a node."""
        specs = self._deployment.executor_specs
        own = specs[id].beam_executable_spec.beam_pipeline_args if id in specs else ()
        return [*own] or self._beam_arguments

    def launch(self, id: str, *, anew: bool = False) -> Launched:
        """Run a node to its end.

        Args:
            id: The node's id.
            anew: Whether an importer registers its artifact anew: TFX looks only at the path.

        Raises:
            NotLaunchedError: TFX could not resolve its inputs.
            Exception: Whatever its executor raised.
        """
        parameters = self._nodes[id].parameters.parameters
        if anew and importer.REIMPORT_OPTION_KEY in parameters:
            parameters[importer.REIMPORT_OPTION_KEY].field_value.int_value = 1
        with wheels.in_process(), beam.light(self._arguments(id)), tries.apart():
            info = launcher.Launcher(
                pipeline_node=self._nodes[id],
                mlmd_connection=metadata.Metadata(self._connection),
                pipeline_info=self._ir.pipeline_info,
                pipeline_runtime_spec=self._ir.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(self._deployment, id),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(self._deployment, id),
            ).launch()
        if info is None or not info.execution_id:
            return Launched("skipped", {})
        (execution,) = self._store.mlmd.get_executions_by_id([info.execution_id])
        # On unresolved inputs the launcher returns as if all were well.
        if execution.last_known_state not in STATES:
            raise NotLaunchedError(_why(execution))
        outputs = self._store.outputs(info.execution_id)
        return Launched(STATES[execution.last_known_state], outputs, info.execution_id)


def _why(execution: Any) -> str:
    told = execution.custom_properties.get("__execution_result__")
    return told.string_value if told and told.string_value else "TFX could not resolve its inputs."
