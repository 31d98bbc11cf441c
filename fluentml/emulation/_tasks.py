"""One task of a job: what it is told, what it does, what it made."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluentml.emulation._image import Image, own_variables
from fluentml.emulation._inputs import executor_input, filled
from fluentml.emulation._job import Job
from fluentml.emulation._metadata import Metadata, key_of, title
from fluentml.emulation._processes import Command, Processes
from fluentml.errors import DataError

_VALUES = {
    f"tfx.{kind}" for kind in ("Boolean", "Bytes", "Float", "Integer", "JsonValue", "String")
}
_ASK_GOOGLE = (
    "fluentml.executors.custom_jobs.",
    "tfx.extensions.google_cloud_ai_platform.",
    "tfx.extensions.google_cloud_big_query.pusher.",
)
"""How the names of executors begin that call a service of Google Cloud."""

_NO_TYPE = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}


@dataclass(frozen=True)
class Made:
    """What a task made.

    Attributes:
        parameters: Its output parameters.
        artifacts: Its output artifacts, by output key, as Vertex would tell of them.
        is_cached: Whether an earlier execution made them.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    is_cached: bool = False


@dataclass(frozen=True)
class Given:
    """What a task reads: values of parameters, and artifacts by input key."""

    parameters: Mapping[str, Any]
    artifacts: Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Tasks:
    """Run single tasks of a job.

    Attributes:
        job: The job.
        folder: The folder of this run of it.
        metadata: What it and earlier ones made.
        processes: What runs commands.
        image: The image.
        cache: Whether a task that says so takes over what an earlier one made.
    """

    job: Job
    folder: Path
    metadata: Metadata
    processes: Processes
    image: Image
    cache: bool

    def run(self, id: str, task: Mapping[str, Any], given: Given) -> Made:
        """Run a task, as often as its retry policy says.

        Raises:
            DataError: It failed, the last time too.
        """
        component = self.job.component(task)
        executor = self.job.executor(component)
        if "importer" in executor:
            return self._import(id, component, executor["importer"], given)
        if "resolver" in executor:
            return self._resolve(id, component, executor["resolver"], given)
        tries = 1 + int(task.get("retryPolicy", {}).get("maxRetryCount", 0))
        is_cached = self.cache and task.get("cachingOptions", {}).get("enableCache", False)
        while True:
            tries -= 1
            try:
                return self._contain(id, component, executor["container"], given, is_cached)
            except DataError:
                if not tries:
                    raise

    def log(self, id: str) -> Path:
        """Return the log of a task's last try."""
        return self.folder / f"{id}_{self._tries(id)}" / "task.log"

    def _tries(self, id: str) -> int:
        return sum(
            re.fullmatch(rf"{re.escape(id)}_\d+", one.name) is not None
            for one in self.folder.iterdir()
        )

    # -- containers -------------------------------------------------------------------------------

    def _contain(
        self,
        id: str,
        component: Mapping[str, Any],
        container: Mapping[str, Any],
        given: Given,
        is_cached: bool,
    ) -> Made:
        name, folder = self._place(id)
        declared = component.get("outputDefinitions", {})
        types = component.get("inputDefinitions", {}).get("parameters", {})
        told = executor_input(given.parameters, self._typed(given), declared, str(folder), name)
        hook = container.get("lifecycle", {}).get("preCacheCheck") if self.job.is_vertex else None
        if hook:
            self._start(hook, container, told, types, folder)
            _take_from_driver(told)
        key = key_of(container, component, told["inputs"]) if is_cached else ""
        before = self.metadata.cached(key) if is_cached else None
        if before:
            self.metadata.add(id, key, before)
            return Made(**before, is_cached=True)
        _make_folders(told)
        self._start(container, container, told, types, folder)
        return self._keep(id, key, *_outputs(told, declared))

    def _typed(self, given: Given) -> dict[str, list[dict[str, Any]]]:
        """Return input artifacts as the target tells of them: Kubeflow has no types for them."""
        if self.job.is_vertex:
            return {**given.artifacts}
        return {
            key: [{**artifact, "type": _NO_TYPE} for artifact in artifacts]
            for key, artifacts in given.artifacts.items()
        }

    def _place(self, id: str) -> tuple[str, Path]:
        """Return what the artifacts of a try are called by, and its folder."""
        folder = self.folder / f"{id}_{self._tries(id) + 1}"
        folder.mkdir(parents=True)
        store = "projects/emulated/locations/here/metadataStores/default/artifacts"
        return f"{store}/{self.folder.name}-{folder.name}", folder

    def _start(
        self,
        what: Mapping[str, Any],
        container: Mapping[str, Any],
        told: Mapping[str, Any],
        types: Mapping[str, Any],
        folder: Path,
    ) -> None:
        words = [filled(word, told, types) for word in [*what["command"], *what.get("args", [])]]
        for parameter in told["outputs"]["parameters"].values():
            Path(parameter["outputFile"]).parent.mkdir(parents=True, exist_ok=True)
        own = own_variables(container)
        if any(word.startswith(_ASK_GOOGLE) for word in container.get("args", [])):
            words = _without_google(words, self.image, own)
        environment = self.image.environment(container)
        log = folder / "task.log"
        self.processes.run(Command(words, environment, folder, log, is_plain=not own))

    # -- what runs in none ------------------------------------------------------------------------

    def _import(
        self, id: str, component: Mapping[str, Any], importer: Mapping[str, Any], given: Given
    ) -> Made:
        address = importer["artifactUri"]
        uri = address.get("constant") or given.parameters[address["runtimeParameter"]]
        (key,) = component["outputDefinitions"]["artifacts"]
        name, _ = self._place(id)
        made = {
            "name": f"{name}-{key}",
            "uri": uri,
            "type": importer["typeSchema"],
            "metadata": importer.get("metadata", {}),
        }
        known = None if importer.get("reimport") else self.metadata.imported(uri, title(made))
        return self._keep(id, "", {}, {key: [known or made]})

    def _resolve(
        self, id: str, component: Mapping[str, Any], resolver: Mapping[str, Any], given: Given
    ) -> Made:
        told = executor_input(given.parameters, given.artifacts, {}, "", "")
        found: dict[str, list[dict[str, Any]]] = {}
        for key, query in resolver["outputArtifactQueries"].items():
            try:
                found[key] = self.metadata.found(filled(query["filter"], told, {}))
            except DataError:
                # The model of a blessing that there is not.
                if all(given.artifacts.values()):
                    raise
                found[key] = []
        # What a resolver found is not new.
        return Made({}, found)

    def _keep(
        self,
        id: str,
        key: str,
        parameters: Mapping[str, Any],
        artifacts: Mapping[str, list[dict[str, Any]]],
    ) -> Made:
        self.metadata.add(id, key, {"parameters": parameters, "artifacts": artifacts})
        return Made(parameters, artifacts)


def _without_google(words: list[str], image: Image, own: Collection[str]) -> list[str]:
    """Return the command of a task with what it asks of Google Cloud done here."""
    told = {"image": None if image.folder is None else str(image.folder), "own": sorted(own)}
    place = words.index("-m", words.index("--") if "--" in words else 0) + 1
    return [*words[:place], "fluentml.emulation._google_cloud", json.dumps(told), *words[place:]]


def _make_folders(told: Mapping[str, Any]) -> None:
    """Make the folders of outputs: a storage has none, so nobody there has to make them."""
    for output in told["outputs"]["artifacts"].values():
        (artifact,) = output["artifacts"]
        # A value is a file of that name.
        if title(artifact) not in _VALUES:
            Path(artifact["uri"]).mkdir(parents=True, exist_ok=True)


def _take_from_driver(told: dict[str, Any]) -> None:
    """Take over the parameters and the properties that a driver left."""
    file = Path(told["outputs"]["outputFile"])
    found = json.loads(file.read_text())
    told["inputs"]["parameterValues"].update(found.get("parameterValues", {}))
    _update(told["outputs"]["artifacts"], found)


def _outputs(
    told: Mapping[str, Any], declared: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Return the parameters and the artifacts of a task that ran."""
    file = Path(told["outputs"]["outputFile"])
    found = json.loads(file.read_text()) if file.exists() else {}
    artifacts = told["outputs"]["artifacts"]
    _update(artifacts, found)
    parameters = dict(found.get("parameterValues", {}))
    for key, one in told["outputs"]["parameters"].items():
        written = Path(one["outputFile"])
        if key not in parameters and written.exists():
            parameters[key] = _read(written.read_text(), declared["parameters"][key])
    return parameters, {key: one["artifacts"] for key, one in artifacts.items()}


def _read(text: str, declared: Mapping[str, Any]) -> Any:
    return text if declared.get("parameterType") == "STRING" else json.loads(text)


def _update(artifacts: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for key, given in found.get("artifacts", {}).items():
        for artifact, other in zip(artifacts[key]["artifacts"], given["artifacts"], strict=True):
            artifact["uri"] = other.get("uri", artifact["uri"])
            artifact["metadata"].update(other.get("metadata", {}))
