"""What is measured of fluentml: python tests/benchmarks/ours.py FUNCTION [ARGUMENT…]."""

from __future__ import annotations

import sys
from pathlib import Path

TAXI = str(Path(__file__).parents[2] / "examples/taxi.py")


def start() -> None:
    """Import, build, wire, check and draw the taxi chain."""
    from fluentml.loading import load

    print(load(TAXI).check().graph.to_text())


def chain(data: str = "") -> None:
    """Run the whole taxi chain; `data` is a folder to read in place of TFX's."""
    from fluentml import datasets
    from fluentml.loading import load

    if data:
        datasets.taxi = lambda: data
    print(load(TAXI).run(quiet=True).summary())


def chain_again() -> None:
    """Run it again, with nothing changed."""
    from fluentml.local.workers import has_server

    chain()
    assert "tensorflow" not in sys.modules
    assert not has_server(), "a run in which nothing changed has started what loads TensorFlow"


def csv(data: str) -> None:
    """Make split tf.Examples of CSV files."""
    import fluentml as fml

    fml.PipelineDef("csv").from_csv(data).run(quiet=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
