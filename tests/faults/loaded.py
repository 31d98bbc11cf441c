"""What a subject has loaded before it starts."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from fluentml.executors import csv_example_gen as _csv_example_gen  # noqa: F401
from fluentml.local import run as _run  # noqa: F401
from fluentml.local import session as _session  # noqa: F401
from tests import small_steps as _small_steps  # noqa: F401
