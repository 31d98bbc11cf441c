"""How often nodes are tried, and for how long, as `on()` says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from fluentml.errors import BackendError, DataError
from fluentml.local.failure import Failure
from fluentml.placement import Placement

LONGEST_PAUSE_S = 60.0


class Attempts:
    """The attempts of a run's nodes, by id.

    Args:
        on: What the nodes ask for.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, on: Mapping[str, Placement], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on, self._now = on, clock
        self._made: dict[str, int] = {}
        self._deadlines: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._late: set[str] = set()

    def begin(self, id: str) -> None:
        """Count an attempt, and its time from now on."""
        self._made[id] = self._made.get(id, 0) + 1
        seconds = self._of(id).seconds
        if seconds:
            self._deadlines[id] = self._now() + seconds

    def end(self, id: str, failure: Failure | None) -> float | None:
        """Return after how many seconds to try again; None where it has succeeded or failed.

        The pauses are twice as long each time: 1, 2, 4 seconds. What bad data made fail fails
        again, and is not tried again.
        """
        self._deadlines.pop(id, None)
        self._late.discard(id)
        is_final = failure is None or failure.is_not_pushed or isinstance(failure.error, DataError)
        if is_final or self._made[id] > (self._of(id).retries or 0):
            return None
        pause = min(2.0 ** (self._made[id] - 1), LONGEST_PAUSE_S)
        self._pauses[id] = self._now() + pause
        return pause

    def due(self) -> list[str]:
        """Return what is to be tried again now; each is named once."""
        return _taken(self._pauses, self._now())

    def overdue(self) -> list[str]:
        """Return what has had its time, and is to be ended; each is named once."""
        late = _taken(self._deadlines, self._now())
        self._late.update(late)
        return late

    def rest(self) -> float | None:
        """Return after how many seconds something is due or overdue; None: never."""
        times = [*self._deadlines.values(), *self._pauses.values()]
        return max(0.0, min(times) - self._now()) if times else None

    def too_slow(self, id: str) -> BackendError | None:
        """Return what there is to say of an attempt that was overdue."""
        if id not in self._late:
            return None
        return BackendError(
            f"it took longer than on({id!r}, timeout={self._of(id).timeout!r}) allows.",
            hint="see in the log what took so long, or give it more time.",
        )

    def _of(self, id: str) -> Placement:
        return self._on.get(id, Placement())


def _taken(times: dict[str, float], now: float) -> list[str]:
    """Take out what has come."""
    come = [id for id, time in times.items() if time <= now]
    for id in come:
        del times[id]
    return come
