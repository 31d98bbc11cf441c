"""TFX's Evaluator, which slices and counts batches of examples; TFMA does so one by one.

What cannot be told from a batch (confidence intervals, metrics that read features or group by a
query, the user's own extractors) runs as TFMA has it.
"""

from __future__ import annotations

from typing import Any
from unittest import mock

import apache_beam as beam
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.api import model_eval_lib
from tensorflow_model_analysis.evaluators import (
    metrics_plots_and_validations_evaluator as tfma_evaluator,
)
from tensorflow_model_analysis.extractors import slice_key_extractor, unbatch_extractor
from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tfx.components.evaluator import executor

from fluentml.executors import evaluation_batches, evaluation_counts
from fluentml.executors.large_batches import large_batches

LAST_STAGES = [
    unbatch_extractor.UNBATCH_EXTRACTOR_STAGE_NAME,
    slice_key_extractor.SLICE_KEY_EXTRACTOR_STAGE_NAME,
]
READ = {constants.LABELS_KEY, constants.PREDICTIONS_KEY, constants.EXAMPLE_WEIGHTS_KEY}


class Executor(executor.Executor):
    """Hand TFMA's evaluation to `Evaluate`."""

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: Any, output_dict: Any, exec_properties: Any
    ) -> None:
        """Do what TFX's does."""
        stock = executor.tfma.ExtractEvaluateAndWriteResults

        def evaluate(**settings: Any) -> Any:
            extractors = in_batches(settings)
            if extractors is None:
                return stock(**settings)
            return Evaluate(stock(**{**settings, "extractors": extractors}))

        with (
            large_batches(),
            mock.patch.object(executor.tfma, "ExtractEvaluateAndWriteResults", evaluate),
        ):
            super().Do(input_dict, output_dict, exec_properties)


class Evaluate(beam.PTransform):
    """TFMA's evaluation, its metrics given batches."""

    def __init__(self, evaluation: beam.PTransform) -> None:
        super().__init__()
        self._evaluation = evaluation

    def expand(self, examples: Any) -> Any:
        """Build it of our stages in the place of TFMA's, read in TFMA 0.47.1 and 0.52.0."""
        ours: dict[str, Any] = {
            "_PreprocessorDoFn": evaluation_batches.Inputs,
            "_ComputationsCombineFn": evaluation_counts.Computations,
        }
        with mock.patch.multiple(tfma_evaluator, **ours):
            return examples | self._evaluation


def in_batches(settings: dict[str, Any]) -> list[Any] | None:
    """Return the extractors that keep batches, None where each example must stand alone.

    Args:
        settings: What TFX's Evaluator passes to TFMA.
    """
    config, model = settings.get("eval_config"), settings.get("eval_shared_model")
    if config is None or settings.get("extractors") or not _is_plain(config):
        return None
    extractors = model_eval_lib.default_extractors(
        eval_shared_model=model,
        eval_config=config,
        tensor_adapter_config=settings.get("tensor_adapter_config"),
    )
    if [one.stage_name for one in extractors[-2:]] != LAST_STAGES:
        return None
    return [*extractors[:-2], evaluation_batches.extractor(config)]


def _is_plain(config: Any) -> bool:
    options = config.options
    alone = (
        options.compute_confidence_intervals.value,
        options.min_slice_size.value > 1,
        config.cross_slicing_specs,
        any(spec.slice_keys_sql for spec in config.slicing_specs),
        any(spec.query_key for spec in config.metrics_specs),
    )
    return not any(alone) and all(
        type(preprocessor) is metric_types.StandardMetricInputsPreprocessor
        and preprocessor.include_filter.keys() <= READ
        for computation in metric_specs.to_computations([*config.metrics_specs], eval_config=config)
        for preprocessor in getattr(computation, "preprocessors", None) or ()
    )


CLASS_PATH = f"{Executor.__module__}.{Executor.__qualname__}"
STOCK_CLASS_PATH = f"{executor.Executor.__module__}.{executor.Executor.__qualname__}"
