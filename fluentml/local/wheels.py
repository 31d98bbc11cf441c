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
from tfx.utils import io_utils
from wheel.wheelfile import WheelFile

from fluentml.capture import files_imported
from fluentml.executors.user_wheels import unpacked


@contextlib.contextmanager
def in_process() -> Iterator[None]:
    """Make TFX write and unpack user code here: the module, and those beside it that it imports.

    TFX starts a process of setuptools for every module and one of pip for every step, and ships
    each file beside the module, so that an edit of any of them makes another step of it.
    """
    before = udf_utils.package_user_module_file
    udf_utils.package_user_module_file = _package
    try:
        with unpacked():
            yield
    finally:
        udf_utils.package_user_module_file = before


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
            fileio.copy(str(wheel), f"{target}.tmp", overwrite=True)
            fileio.rename(f"{target}.tmp", target, overwrite=True)
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
