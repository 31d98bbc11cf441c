"""Of a traceback of a hundred frames, the ones that the user wrote."""

from __future__ import annotations

import contextlib
import logging
import pickle
import re
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fluentml.capture import Origin, files_imported
from fluentml.components import Evaluator, UserCode
from fluentml.errors import DataError, FluentmlError, shown
from fluentml.graph import Graph
from fluentml.stores.fitness import in_words

# Beam and AutoGraph pass tracebacks on as text inside messages, so the frames are read from text.
FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>[^\n*]+?)[ *]*\n')
ERROR = re.compile(r"^\s*(?:[\w.]+\.)?(\w*(?:Error|Exception|Interrupt|Warning)): (.+)$", re.M)
_JOB = re.compile(
    r"Job '(?P<name>projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+)/customJobs/(?P<id>\d+))"
    r"' did not succeed\.(?P<response>.*)",
    re.S,
)
_JOB_SAID = re.compile(r'^error \{[^}]*message: "((?:[^"\\]|\\.)*)"', re.M)
_JOB_LOGS = "https://console.cloud.google.com/ai/platform/locations/{region}/training/{id}?project={project}"
# A graph that was saved and loaded again no longer knows the lines that made it.
OPERATION = re.compile(r"Detected at node (\S+) defined at .*\n<stack traces unavailable>\n(.+)")


class Frame(NamedTuple):
    """A place in the user's code."""

    file: str
    line: int
    function: str
    code: str

    def __str__(self) -> str:
        return f"  {self.file}:{self.line} in {self.function}\n    {self.code}"


@dataclass(frozen=True)
class Failure:
    """Why a node failed, in words that can travel.

    Attributes:
        what: One sentence.
        details: Further lines: the user's frames, or what an error of ours has to tell.
        hint: What to do, where that is known.
        error: What was raised; a plain error in the place of one that only TensorFlow's process
            knows.
        is_not_pushed: Whether it is a push that had to be, and was not.
    """

    what: str
    details: tuple[str, ...]
    hint: str | None
    error: BaseException
    is_not_pushed: bool = False


def failure_of(node: str, raised: BaseException, graph: Graph) -> Failure:
    """Return why a node failed, and log it in full.

    Args:
        node: Its id.
        raised: What was raised.
        graph: The pipeline.
    """
    logging.getLogger("fluentml").error("%s failed", node, exc_info=raised)
    error = _of_a_job(in_words(as_raised(raised), graph.settings))
    details: tuple[str, ...] = ()
    if not isinstance(error, DataError):
        details = tuple(map(str, user_frames(error, _modules(graph))))
    what, hint = summary(error), None
    if isinstance(error, FluentmlError):
        what, hint = error.what, error.hint
        details += tuple(detail for detail in error.details if not is_frame(detail))
    # By its name: its module loads TFX.
    is_not_pushed = type(error).__name__ == "NotPushedError"
    return Failure(what, details, hint, plain(raised), is_not_pushed)


def _of_a_job(error: BaseException) -> BaseException:
    """Return the error, or why the job of Vertex AI failed whose whole response TFX raises."""
    found = _JOB.match(str(error))
    if not found:
        return error
    ended = "was cancelled" if "JOB_STATE_CANCELLED" in found["response"] else "failed"
    said = _JOB_SAID.search(found["response"])
    what = f"its job {found['name']} of Vertex AI {ended}"
    return DataError(
        f"{what}: {said[1]}" if said else f"{what}.",
        f"The logs of the job: {_JOB_LOGS.format(**found.groupdict())}",
    )


def plain(error: BaseException) -> BaseException:
    """Return an error that any process can read; TensorFlow's own would load TensorFlow there."""
    if type(error).__module__ in ("builtins", "fluentml.errors"):
        with contextlib.suppress(Exception):
            copy: BaseException = pickle.loads(pickle.dumps(error))
            if copy.args == error.args:
                return error
    return RuntimeError(summary(error))


def _modules(graph: Graph) -> list[str]:
    """Return the user's module files."""
    return [
        node.component.module
        for node in graph.nodes
        if isinstance(node.component, UserCode | Evaluator) and node.component.module_is_file
    ]


def user_frames(error: BaseException, modules: Iterable[str]) -> list[Frame]:
    """Return the frames in the user's files, outermost first.

    TFX runs a copy of the module file and of those that it imports, and a function of a script or a
    notebook is written as a module first; the frames name the originals.

    Args:
        error: What was raised.
        modules: The user's module files.
    """
    known: dict[str, _Code] = {}
    for module in filter(Path.is_file, map(Path, modules)):
        origin = Origin.of(module)
        imported = files_imported([(module.read_text(errors="replace"), "")], module.parent)
        for inside, file in {**imported, module.name: module}.items():
            known[inside] = _Code(inside, file, origin)
    text = "".join(traceback.format_exception(error))
    return list(dict.fromkeys(_frames(text, known.values())))


def as_raised(error: BaseException) -> BaseException:
    """Return an error of ours as it was: Beam raises another with the name of its step behind."""
    before = error.__context__
    if isinstance(error, FluentmlError) and isinstance(before, type(error)):
        return before if str(error).startswith(str(before)) else error
    return error


def is_frame(detail: str) -> bool:
    """Return whether a line of an error's message is one of a traceback."""
    return FRAME.search(f"{detail}\n") is not None


def summary(error: BaseException) -> str:
    """Return the error in one line, without the tracebacks that its message may carry."""
    # Beam says in which of its steps, and means nothing that the user would know.
    text = re.sub(r" \[while running '[^']*'\]", "", str(error)).strip()
    if operation := OPERATION.search(text):
        return f"the operation {operation[1]}: {operation[2].strip()}"
    if "\n" in text:
        found = ERROR.findall(text)
        if found:
            return ": ".join(found[-1])
    first = text.partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


class _Code(NamedTuple):
    """A file that went along, by its path beside the module."""

    inside: str
    file: Path
    origin: Origin | None

    def is_the_users(self, line: int) -> bool:
        """Whether the user wrote a line, rather than fluentml behind the user's function."""
        return self.origin is None or self.origin.place(line, self.inside) is not None

    def frame(self, line: int, function: str) -> Frame:
        lines = self.file.read_text(errors="replace").splitlines()
        code = lines[line - 1].strip() if line <= len(lines) else ""
        found = self.origin.place(line, self.inside) if self.origin else None
        place, line = found or (shown(self.file.resolve()), line)
        return Frame(place, line, function, code)


def _frames(text: str, known: Iterable[_Code]) -> Iterator[Frame]:
    for match in FRAME.finditer(text):
        parts = Path(match["file"]).parts
        for code in known if "site-packages" not in parts else ():
            inside = Path(code.inside).parts
            if parts[-len(inside) :] == inside:
                if code.is_the_users(int(match["line"])):
                    yield code.frame(int(match["line"]), match["function"])
                break
