import importlib.metadata
import platform
import shutil
import sys

import pytest

from fluentml.doctor import examine, tfx_advice

INSTALL = "pip install 'fluentml[tfx]'."
OLD = ("glibc", "2.36")
NEW = ("glibc", "2.39")


@pytest.mark.parametrize("libc", [OLD, NEW, ("glibc", "2.17")])
def test_python_310_takes_tfx_on_any_linux(libc):
    assert tfx_advice((3, 10), libc) == INSTALL


@pytest.mark.parametrize("minor", [11, 12, 13])
@pytest.mark.parametrize("libc", [NEW, ("glibc", "2.40"), ("glibc", "3.0")])
def test_newer_pythons_take_tfx_on_a_new_glibc(minor, libc):
    assert tfx_advice((3, minor), libc) == INSTALL


@pytest.mark.parametrize("minor", [11, 12, 13])
@pytest.mark.parametrize("libc", ["2.38", "2.9", "2.17"])
def test_newer_pythons_on_an_old_glibc_are_sent_to_310(minor, libc):
    assert tfx_advice((3, minor), ("glibc", libc)) == (
        f"use Python 3.10: for Python 3.{minor} TFX has no wheel that runs with this system's "
        f"glibc {libc} (it needs 2.39 or newer)."
    )


@pytest.mark.parametrize("version", [(3, 9), (3, 14), (4, 0), (2, 7)])
@pytest.mark.parametrize("libc", [OLD, NEW])
def test_other_pythons_have_no_tfx(version, libc):
    assert tfx_advice(version, libc) == (
        f"use Python 3.10 to 3.13: TFX has no release for Python {version[0]}.{version[1]}."
    )


@pytest.mark.parametrize("libc", [("", ""), ("musl", "1.2")])
def test_systems_without_wheels_are_told_what_works_there(libc):
    assert tfx_advice((3, 10), libc) == (
        "run it on Linux with glibc, on x86_64, for which TFX has wheels; "
        "building, checking and drawing a pipeline work here."
    )


def test_the_advice_is_for_this_machine_by_default():
    assert tfx_advice() == tfx_advice(sys.version_info[:2], platform.libc_ver())


def test_every_finding_that_is_not_well_has_a_remedy():
    findings = examine()
    assert [finding.name for finding in findings] == [
        "Python",
        "tfx",
        "tensorflow",
        "apache-beam",
        "pip",
        "docker",
    ]
    assert all(finding.remedy for finding in findings if not finding.ok)
    assert platform.python_version() in findings[0].seen


def test_what_is_missing_is_said_with_its_remedy(monkeypatch):
    def not_found(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", not_found)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = {finding.name: finding for finding in examine()}
    assert found["tfx"] == ("tfx", False, "not installed", tfx_advice(), True)
    # Most pipelines do without Docker.
    assert (found["docker"].ok, found["docker"].needed) == (False, False)
