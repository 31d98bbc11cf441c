"""The notebooks, from top to bottom in a real kernel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
MOST_BYTES = 600_000


def outputs(notebook) -> list:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def text_of(notebook) -> str:
    told = [output.get("text", "") or str(output.get("data", "")) for output in outputs(notebook)]
    return "\n".join(map(str, told))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_what_is_kept_of_a_run_is_whole_and_small(file: Path):
    notebook = nbformat.read(file, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [*range(1, len(code) + 1)]
    assert file.stat().st_size < MOST_BYTES
    # What was expected to fail says so.
    wrong = [output for output in outputs(notebook) if output.output_type == "error"]
    expected = [c for c in code if "raises-exception" in c.metadata.get("tags", [])]
    assert len(wrong) == len(expected)


@pytest.mark.tfx
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_runs_from_top_to_bottom(file: Path, tmp_path: Path):
    shutil.copy(file, tmp_path)
    notebook = nbformat.read(file, as_version=4)
    options = {"timeout": 600, "resources": {"metadata": {"path": str(tmp_path)}}}
    nbclient.NotebookClient(notebook, **options).execute()
    told = text_of(notebook)
    solved = told.count("✓ solved"), told.count("✗ not yet")
    of_exercises = {"04_workshop": (0, 7), "05_workshop_solutions": (7, 0)}
    assert solved == of_exercises.get(file.stem, (0, 0)), told
