"""The same by hand on TFX: python tests/benchmarks/by_hand.py FUNCTION [ARGUMENT…]."""

from __future__ import annotations

import sys
from pathlib import Path


def start() -> None:
    """Import TFX and build the taxi pipeline; nothing checks or draws it."""
    from tests.handwritten.taxi.pipeline import create_pipeline

    create_pipeline()


def chain(data: str = "") -> None:
    """Run the whole taxi pipeline, with TFX's cache; `data` as for ours."""
    from tfx import v1 as tfx

    from tests.handwritten.taxi import pipeline

    if data:
        pipeline.DATA = Path(data)
    by_hand = pipeline.create_pipeline()
    by_hand.enable_cache = True
    tfx.orchestration.LocalDagRunner().run(by_hand)


def chain_again() -> None:
    """Run it again, with nothing changed."""
    chain()


def csv(data: str) -> None:
    """Make split tf.Examples of CSV files."""
    from tfx import v1 as tfx

    from tests.handwritten.taxi.pipeline import BEAM_PIPELINE_ARGS

    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config("metadata.db")
    pipeline = tfx.dsl.Pipeline(
        "csv",
        "artifacts",
        components=[tfx.components.CsvExampleGen(input_base=data)],
        metadata_connection_config=metadata,
        beam_pipeline_args=BEAM_PIPELINE_ARGS,
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
