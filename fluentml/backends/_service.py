"""What takes pipelines at a target: one run now, or runs by a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fluentml.backends._timing import Timing
from fluentml.errors import BackendError, did_you_mean, listing
from fluentml.spec import Spec


class Submission(Spec):
    """A run that a target has taken.

    Attributes:
        pipeline: The pipeline's name.
        target: Where it runs, in words.
        id: What the run is called there.
        link: The page of the run.
    """

    pipeline: str
    target: str
    id: str
    link: str

    def __str__(self) -> str:
        return f"Submitted {self.pipeline} to {self.target} as {self.id}.\nSee {self.link}"


class Schedule(Spec):
    """A schedule at a target.

    Attributes:
        pipeline: The name that it goes by: the pipeline's.
        target: Where it runs, in words.
        id: What the schedule is called there.
        cron: When it runs, as the target writes it.
        state: `"active"`, `"paused"` or `"completed"`.
        next: When it runs next, in ISO 8601, where the target tells.
        link: The page of the schedule.
    """

    pipeline: str
    target: str
    id: str
    cron: str
    state: str
    next: str | None = None
    link: str

    def __str__(self) -> str:
        return (
            f"Scheduled {self.pipeline} on {self.target} as {self.id}: {self.cron!r}.\n"
            f"See {self.link}"
        )


class Service(Protocol):
    """Takes pipelines at a target.

    Every method raises a BackendError where the service cannot be reached or refuses.
    """

    def submit(self, name: str, text: str, values: Mapping[str, Any]) -> Submission:
        """Let a pipeline run now.

        Args:
            name: The pipeline's name.
            text: What it was compiled to.
            values: Of runtime parameters that it leaves open; others have their defaults.
        """

    def schedule(self, name: str, text: str, values: Mapping[str, Any], timing: Timing) -> Schedule:
        """Let a pipeline run by itself; the other arguments are those of `submit`."""

    def schedules(self) -> list[Schedule]:
        """Return the schedules that there are, the newest first."""

    def pause(self, id: str) -> None:
        """Let a schedule start no more runs for now."""

    def resume(self, id: str, *, catch_up: bool = False) -> None:
        """Let a paused schedule go on; `catch_up` makes up for the runs in between."""

    def delete(self, id: str) -> None:
        """End a schedule for good; its runs stay."""


def no_schedule(service: Service, where: str, id: str) -> BackendError:
    """Return that there is no such schedule."""
    known = [one.id for one in service.schedules()]
    return BackendError(
        f"There is no schedule {id!r} on {where}.",
        f"The schedules: {listing(known, 'none')}.",
        hint=did_you_mean(id, known) or "`fluentml schedules list` shows them.",
    )
