"""User code as a wheel, as TFX ships it, without a process of setuptools or pip."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from absl import logging
from tfx.components.util import udf_utils
from tfx.dsl.io import fileio
from tfx.utils import dependency_utils, io_utils
from wheel.wheelfile import WheelFile

from fluentml.capture import files_imported
from fluentml.executors.user_wheels import unpacked
from fluentml.lowering import IN_PROCESS_RUNNER


@contextlib.contextmanager
def in_process() -> Iterator[None]:
    """Make TFX write and unpack user code here: the module, and those beside it that it imports.

    TFX starts a process of setuptools for every module and one of pip for every step, and ships
    each file beside the module, so that an edit of any of them makes another step of it. It also
    packs itself for every step on Beam, and leaves 49 MB behind, where no worker needs it.
    """
    package, flags = (
        udf_utils.package_user_module_file,
        dependency_utils.make_beam_dependency_flags,
    )

    def beam_flags(arguments: list[str]) -> list[str]:
        is_here = IN_PROCESS_RUNNER in arguments
        return arguments if is_here else flags(arguments)

    udf_utils.package_user_module_file = _package
    dependency_utils.make_beam_dependency_flags = beam_flags
    try:
        with unpacked():
            yield
    finally:
        udf_utils.package_user_module_file = package
        dependency_utils.make_beam_dependency_flags = flags


def _package(instance_name: str, module_path: str, pipeline_root: str) -> tuple[str, str]:
    """Write the wheel of a module, under the name that TFX would give it.

    Returns:
        The wheel's path, and the module as TFX's executors are told of it.
    """
    module = Path(io_utils.ensure_local(module_path)).absolute()
    imported = files_imported([(module.read_text(errors="replace"), "")], module.parent)
    files = {module.name: module, **imported}
    version = f"0.0+{udf_utils._get_version_hash(str(module.parent), [*files])}"
    name = re.sub(r"\W+", "_", f"tfx-user-code-{instance_name}").lower()
    folder = os.path.join(pipeline_root, "_wheels")  # noqa: PTH118 (a URI perhaps)
    target = f"{folder}/{name}-{version}-py3-none-any.whl"
    if not fileio.exists(target):
        fileio.makedirs(folder)
        with tempfile.TemporaryDirectory() as here:
            wheel = Path(here) / Path(target).name
            _write(wheel, f"{name}-{version}", {i: p.read_bytes() for i, p in files.items()})
            unfinished = f"{target}.{os.getpid()}.tmp"  # two runs may write the same
            fileio.copy(str(wheel), unfinished, overwrite=True)
            fileio.rename(unfinished, target, overwrite=True)
    logging.info("User code of %s: %s, in %s", instance_name, ", ".join(files), target)
    return target, f"{module.stem}@{target}"


def _write(wheel: Path, release: str, files: Mapping[str, bytes]) -> None:
    name, version = release.split("-")
    about = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: fluentml\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    described = {f"{release}.dist-info/{key}": text.encode() for key, text in about.items()}
    with WheelFile(wheel, "w") as archive:
        for inside, content in {**files, **described}.items():
            # The same files make the same wheel, whenever.
            archive.writestr(zipfile.ZipInfo(inside, (1980, 1, 1, 0, 0, 0)), content)
