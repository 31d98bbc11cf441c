"""Tests of what the user wrote, in seconds: functions without a pipeline, pipelines without work.

    from fluentml.testing import run_preprocessing, smoke_train, stub_run

`run_preprocessing` gives the features that `preprocessing_fn` makes of a few rows. `smoke_train`
runs a whole chain on a sample of its data. `stub_run` runs it with components that do nothing, to
see which of them run, and when.
"""

from __future__ import annotations

from fluentml.testing.preprocessing import run_preprocessing
from fluentml.testing.smoke import smoke_train
from fluentml.testing.stubs import stub_run

__all__ = ["run_preprocessing", "smoke_train", "stub_run"]
