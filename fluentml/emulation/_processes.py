"""The processes that stand for containers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fluentml.errors import DataError, FluentmlError
from fluentml.local.failure import ERROR, FRAME

_MISSING = re.compile(r"No module named '([^']+)'")


class Command(NamedTuple):
    """What runs in a container, and where.

    Attributes:
        words: The command with its arguments.
        environment: All variables.
        folder: The folder that it starts in.
        log: The file for what it prints; it is appended to.
        is_plain: Whether it sets no variables of its own, which a library may read as it loads.
    """

    words: Sequence[str]
    environment: dict[str, str]
    folder: Path
    log: Path
    is_plain: bool


class Processes:
    """Run commands, each in a process of its own.

    What starts a module by Python comes from a process that has TFX loaded: loading it takes
    several seconds, and nothing of it differs from task to task.

    Args:
        log: The file for what loading it prints.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._warm: subprocess.Popen[str] | None = None

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        if self._warm:
            self._warm.terminate()
            self._warm.communicate()

    def run(self, command: Command) -> None:
        """Run a command to its end.

        Raises:
            DataError: It ends with an error; what it says is the last that it printed.
        """
        start = command.log.stat().st_size if command.log.exists() else 0
        code = self._run(command)
        if code:
            with command.log.open(errors="replace") as log:
                log.seek(start)
                raise _failure(log.read(), code)

    def _run(self, command: Command) -> int:
        if [*command.words[:2]] in (["python", "-m"], ["python3", "-m"]) and command.is_plain:
            return self._run_warm(command)
        with command.log.open("a") as log:
            try:
                return subprocess.run(
                    command.words,
                    env=command.environment,
                    cwd=command.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                ).returncode
            except FileNotFoundError as error:
                raise DataError(
                    f"its image has a program {command.words[0]!r}, and this machine has not.",
                    hint="install it, so that the emulation can run it.",
                ) from error

    def _run_warm(self, command: Command) -> int:
        warm = self._warm = self._warm or self._start(command)
        assert warm.stdin is not None
        assert warm.stdout is not None
        task: dict[str, Any] = {
            "arguments": [*command.words[2:]],
            "environment": command.environment,
            "folder": str(command.folder),
            "log": str(command.log),
        }
        try:
            warm.stdin.write(f"{json.dumps(task)}\n")
            warm.stdin.flush()
        except BrokenPipeError:
            pass
        answer = warm.stdout.readline()
        return int(answer) if answer else 1

    def _start(self, command: Command) -> subprocess.Popen[str]:
        script = Path(__file__).with_name("_warm.py")
        with self._log.open("a") as log:
            return subprocess.Popen(
                [sys.executable, str(script)],
                env={**command.environment, "PYTHONPATH": ""},
                cwd=command.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )


def _failure(said: str, code: int) -> FluentmlError:
    errors = ERROR.findall(said)
    missing = _MISSING.findall(said)
    what = ": ".join(errors[-1]) if errors else f"its process ended with the code {code}."
    if missing and errors and errors[-1][0] in ("ImportError", "ModuleNotFoundError"):
        return DataError(
            f"its image has no module {missing[-1]!r}.",
            hint="write the folder of the image anew: fluentml image FILE --out image; what is "
            "installed here is what it has beside that.",
        )
    return DataError(what, *_own_frames(said))


def _own_frames(said: str) -> list[str]:
    """Return the last traceback's lines in files that are installed nowhere."""
    last = said[said.rfind("Traceback (most recent call last)") :]
    lines = [
        f"  {found['file']}:{found['line']} in {found['function']}"
        for found in FRAME.finditer(last)
        if "site-packages" not in found["file"]
        and not found["file"].startswith((sys.base_prefix, "<"))
        and "/fluentml/" not in found["file"]
    ]
    return [*dict.fromkeys(lines)]
