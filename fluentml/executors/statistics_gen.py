"""TFX's StatisticsGen, which is handed batches of examples.

What is counted and how is left to TensorFlow Data Validation; read in TFX 1.16.0 and 1.21.0.
"""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

from tensorflow_data_validation import StatsOptions
from tfx.components.statistics_gen import executor
from tfx.components.util import tfxio_utils
from tfx.types import standard_component_specs as keys

from fluentml.executors.record_batches import batched


class Executor(executor.Executor):
    """Read batches, but for statistics of a sample, which is drawn as TFX draws it."""

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: Any, output_dict: Any, exec_properties: Any
    ) -> None:
        """Do what TFX's does."""
        stock = tfxio_utils.get_split_tfxio

        def read(*given: Any, **settings: Any) -> Any:
            tfxio = stock(*given, **settings)
            return tfxio if is_sampled(exec_properties) else batched(tfxio)

        with mock.patch.object(tfxio_utils, "get_split_tfxio", read):
            super().Do(input_dict, output_dict, exec_properties)


def is_sampled(properties: dict[str, Any]) -> bool:
    """Return whether chance decides which examples are counted; TFDV drops whole batches too."""
    if json.loads(properties.get(keys.SAMPLE_RATE_BY_SPLIT_KEY) or "null"):
        return True
    written = properties.get(keys.STATS_OPTIONS_JSON_KEY)
    options = StatsOptions.from_json(written) if written else StatsOptions()
    rates = options.sample_rate, options.semantic_domain_stats_sample_rate
    return any(rate is not None for rate in rates)


CLASS_PATH = f"{Executor.__module__}.{Executor.__qualname__}"
STOCK_CLASS_PATH = f"{executor.Executor.__module__}.{executor.Executor.__qualname__}"
