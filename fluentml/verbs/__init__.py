"""The verbs of the chain, by what they are for: a signature, a docstring and one `add` each."""

from __future__ import annotations

from fluentml.verbs._base import Step
from fluentml.verbs.custom import Custom
from fluentml.verbs.data_checks import DataChecks
from fluentml.verbs.data_in import DataIn
from fluentml.verbs.delivery import Delivery
from fluentml.verbs.model import Model
from fluentml.verbs.whole import Whole

__all__ = ["Step", "Verbs"]


class Verbs(DataIn, DataChecks, Model, Delivery, Custom, Whole):
    """What can be said of a pipeline; a `PipelineDef` is the chain of what was said."""
