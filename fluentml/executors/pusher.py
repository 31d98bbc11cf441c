"""Pusher for a local folder: whoever reads it sees whole versions only."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from tfx.components.pusher import component, executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_artifacts, standard_component_specs
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter
from tfx.utils import io_utils, json_utils, proto_utils

from fluentml.errors import FluentmlError
from fluentml.serving import versions
from fluentml.spec import is_remote

GATES = ("model_blessing", "infra_blessing")
A_DAY = 24 * 60 * 60
"""Seconds after which nobody copies any more, wherever he was."""
_HIDDEN = ".pushing-"
# A container may share its host's name, and not its numbers of processes.
_PROCESSES = Path("/proc/self/ns/pid")
HOST = f"{socket.gethostname()}.{_PROCESSES.stat().st_ino if _PROCESSES.exists() else 0}"


class NotPushedError(FluentmlError, RuntimeError):
    """A push was required, and a gate did not let the model through."""


class Executor(executor.Executor):
    """TFX's executor, except that a new version appears in a local folder all at once.

    TFX copies the model into a hidden folder beside the versions, and one rename makes it a
    version: greater than all that are there, and the time in seconds where that is free. Who is
    killed behind that, and before ML Metadata knows of it, finds that version again.
    """

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Read `model` and its blessings, write `pushed_model`."""
        blessed = self.CheckBlessing(input_dict)
        config = json.loads(exec_properties.get("custom_config") or "null") or {}
        if not blessed and config.get("require_push"):
            refused = [k for k in GATES if not self.CheckBlessing({k: input_dict.get(k)})]
            raise NotPushedError(
                f"Nothing was pushed: the model lacks its {' and '.join(refused)}."
            )
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties["push_destination"], destination)
        base = destination.filesystem.base_directory
        if not blessed or not base or is_remote(base):
            super().Do(input_dict, output_dict, exec_properties)
            if blessed:
                pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
                pushed = pushed_model.get_string_custom_property("pushed_destination")
                add_formats(input_dict, pushed)
            return
        Path(base).mkdir(parents=True, exist_ok=True)
        sweep(Path(base))
        version = self._push(input_dict, output_dict, exec_properties, destination)
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        self._MarkPushed(pushed_model, pushed_destination=str(version), pushed_version=version.name)

    def _push(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
        destination: pusher_pb2.PushDestination,
    ) -> Path:
        base = Path(destination.filesystem.base_directory)
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        note = Note.of(input_dict, pushed_model.uri)
        found = note.unpublished(base)
        if found:
            io_utils.copy_dir(self.GetModelPath(input_dict), pushed_model.uri)
            return found
        with tempfile.TemporaryDirectory(
            prefix=f"{_HIDDEN}{HOST}-{os.getpid()}-", dir=base
        ) as hidden:
            destination.filesystem.base_directory = hidden
            hidden_push = {"push_destination": proto_utils.proto_to_json(destination)}
            super().Do(input_dict, output_dict, exec_properties | hidden_push)
            copied = pushed_model.get_string_custom_property("pushed_destination")
            add_formats(input_dict, copied)
            note.write(Path(copied))
            return publish(Path(copied), base)


@dataclass(frozen=True)
class Note:
    """What a node pushed last, kept in TFX's own folder of the node.

    Attributes:
        models: Where the model was read, and its other formats.
        archive: The folder of the artifact that tells of the push. Where its execution is killed,
            it is cleared away.
    """

    models: list[str]
    archive: str

    @classmethod
    def of(cls, input_dict: dict[str, list[Any]], archive: str) -> Note:
        """Return the note of a push that is to be made."""
        read = ("model", "infra_blessing", "converted_model")
        return cls([one.uri for key in read for one in input_dict.get(key) or ()], archive)

    @property
    def _file(self) -> Path:
        return Path(self.archive).parents[1] / ".system" / "last_push.json"

    def unpublished(self, base: Path) -> Path | None:
        """Return the version that a killed execution made of the same, if there is one."""
        if is_remote(self.archive) or not self._file.is_file():
            return None
        last = json.loads(self._file.read_text())
        if last["models"] != self.models or Path(last["archive"]).exists():
            return None
        paths = [base / str(version) for version in versions(base).there]
        # A rename keeps the number that the disk gave the folder.
        return next((path for path in paths if path.stat().st_ino == last["inode"]), None)

    def write(self, folder: Path) -> None:
        """Keep it; the folder is about to become a version."""
        if not is_remote(self.archive):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = self._file.with_suffix(".tmp")
            unfinished.write_text(json.dumps({**asdict(self), "inode": folder.stat().st_ino}))
            unfinished.replace(self._file)


def add_formats(input_dict: dict[str, list[Any]], version: str) -> None:
    """Copy what other formats there are into the folder of a version."""
    for artifact in input_dict.get("converted_model") or ():
        for layout in fileio.listdir(artifact.uri):
            for name in fileio.listdir(f"{artifact.uri}/{layout}"):
                source, target = f"{artifact.uri}/{layout}/{name}", f"{version}/{name}"
                copy = io_utils.copy_dir if fileio.isdir(source) else io_utils.copy_file
                copy(source, target)


def sweep(base: Path) -> None:
    """Remove the hidden folders of pushes that were killed in mid copy."""
    for entry in base.glob(f"{_HIDDEN}*"):
        with contextlib.suppress(FileNotFoundError):  # somebody else sweeps too
            if _is_dead(entry.name) or time.time() - entry.stat().st_mtime > A_DAY:
                shutil.rmtree(entry, ignore_errors=True)


def _is_dead(name: str) -> bool:
    """Return whether a hidden folder belongs to a process of this machine that is no more."""
    host, _, process = name.removeprefix(_HIDDEN).rpartition("-")[0].rpartition("-")
    if host != HOST:
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's, and alive
        return False
    return False


def publish(folder: Path, base: Path) -> Path:
    """Rename a folder to be the newest version in `base`; return its new path."""
    version = max(int(time.time()), versions(base).newest + 1)
    while True:
        try:
            return folder.rename(base / str(version))
        except OSError as error:
            # Somebody else has just taken that version.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            version += 1


class PusherSpec(standard_component_specs.PusherSpec):
    """TFX's, and the model in other formats."""

    INPUTS: ClassVar = {
        **standard_component_specs.PusherSpec.INPUTS,
        "converted_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
    }


class Pusher(component.Pusher):
    """TFX's Pusher with the executor above."""

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        push_destination: pusher_pb2.PushDestination,
        custom_config: dict[str, Any] | None,
        **inputs: BaseChannel,
    ) -> None:
        spec = PusherSpec(
            **inputs,
            push_destination=push_destination,
            custom_config=json_utils.dumps(custom_config),
            pushed_model=Channel(type=standard_artifacts.PushedModel),
        )
        # TFX's own __init__ knows no further input.
        base_component.BaseComponent.__init__(self, spec=spec)


CLASS_PATH = f"{Executor.__module__}.{Executor.__qualname__}"
STOCK_CLASS_PATH = f"{executor.Executor.__module__}.{executor.Executor.__qualname__}"
