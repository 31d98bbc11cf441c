"""Tuner: an interrupted search goes on where it ended, and trials may run side by side."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from tfx.components.tuner import component, executor
from tfx.dsl.components.base import executor_spec

from fluentml.executors import tuner_search
from fluentml.spec import is_remote


class Executor(executor.Executor):
    """TFX's executor, except that its working directory outlives a failure.

    The folder stands under the node's own, `.system/tuning/<key>`; the key tells the inputs, the
    parameters and the user's code. A `tuner_fn` that hands `fn_args.working_dir` to its tuner finds
    there what an interrupted search of the same key left: the trials that were completed are not
    run again, the others are, from their first epoch. Once a search succeeds the folder goes.
    Under a remote root, and while another process searches by the same key, it is TFX's temporary
    folder, and nothing is kept.

    With `num_parallel_trials` in TFX's `tune_args` that many processes run trials at a time; TFX's
    own executor refuses it.
    """

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Search, and write `best_hyperparameters` and `tuner_results`.

        Raises:
            NoTrialSucceededError: No trial succeeded.
            WorkerError: A process that ran trials came to a bad end.
        """
        tune_args = executor.get_tune_args(exec_properties)
        workers = tune_args.num_parallel_trials if tune_args else 1
        with (
            self._working_dir(input_dict, exec_properties) as folder,
            tuner_search.loaded_modules_left_alone(),
        ):
            tuner = _search(input_dict, exec_properties, folder, workers)
            executor.write_best_hyperparameters(tuner, output_dict)

    def _working_dir(
        self, input_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> contextlib.AbstractContextManager[str]:
        temporary, stateful = self._get_tmp_dir(), self._context.stateful_working_dir
        if not stateful or is_remote(stateful):
            return contextlib.nullcontext(temporary)
        # Beside the folder of TFX's own, which is another one for each execution.
        base = Path(stateful).parents[1] / "tuning"
        key = tuner_search.key_of(input_dict, exec_properties)
        return tuner_search.kept_folder(base, key, otherwise=temporary)


def _search(
    input_dict: dict[str, list[Any]], exec_properties: dict[str, Any], folder: str, workers: int
) -> Any:
    """Return a tuner whose search came to a good end."""
    made = tuner_search.make_tuner(input_dict, exec_properties, folder)
    if made.tuner.oracle.trials:
        tuner_search.take_up(made.tuner.oracle)
    made.tuner.search_space_summary()
    if workers > 1:
        from fluentml.executors import tuner_workers

        request = tuner_workers.Request(input_dict, exec_properties, folder)
        tuner_workers.search(made, request, workers)
    else:
        made.tuner.search(**made.fit_kwargs)
    tuner = tuner_search.best_of(made.tuner)
    tuner.results_summary()
    return tuner


class Tuner(component.Tuner):
    """TFX's Tuner with the executor above."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


CLASS_PATH = f"{Executor.__module__}.{Executor.__qualname__}"
STOCK_CLASS_PATH = f"{executor.Executor.__module__}.{executor.Executor.__qualname__}"
