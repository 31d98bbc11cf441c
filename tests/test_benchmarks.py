"""The benchmarks measure what programs take, and README.md there says what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import results
from tests.benchmarks.measure import EVERY, cost
from tests.benchmarks.works import Course, Work, courses

LITTLE = ["-c", "open('made', 'a').write('x')"]
MUCH = ["-c", "b'1' * 2**28; sum(range(10**7)); open('made', 'a').write('x')"]


def measured(*works: Work, rounds: int = 2) -> dict:
    course = Course({str(number): work for number, work in enumerate(works)}, rounds=1)
    return dict(course.measured(rounds, lambda text: None))


def test_two_programs_in_turn():
    work = Work("little", LITTLE, MUCH, wanted=1, leaves="made")
    (pairs,) = measured(work).values()
    for ours, other in pairs:
        assert ours.cpu < other.cpu
        assert 0 < ours.memory < other.memory - 100
        assert ours.wall > 0
    result = results.result_of(work, pairs, "")
    assert result["rounds"] == 2
    assert result["ratio"]["memory"] < 1


def test_works_of_a_course_share_their_folders():
    first = Work("first", LITTLE, LITTLE, wanted=1)
    second = Work("second", ["-c", "open('made').read(1)"], LITTLE, wanted=1)
    assert len(measured(first, second)["1"]) == 2


def test_the_processes_that_a_program_starts_count(tmp_path: Path):
    child = f"import time; kept = b'1' * 2**27; time.sleep({4 * EVERY}); sum(range(10**7))"
    code = (
        f"import subprocess, sys; run = lambda: subprocess.Popen([sys.executable, '-c', {child!r}])"
    )
    two = cost(["-c", f"{code}; [one.wait() for one in [run(), run()]]"], tmp_path)
    assert two.memory > 2 * 2**27 / 2**20
    assert two.cpu > cost(["-c", "pass"], tmp_path).cpu


def test_a_process_that_is_left_behind_counts(tmp_path: Path):
    child = "import time; time.sleep(1); sum(range(3 * 10**7))"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])"
    left, nothing = (cost(["-c", one], tmp_path) for one in (code, "pass"))
    assert left.cpu > nothing.cpu + 0.2


def test_a_program_that_fails_is_no_result(tmp_path: Path):
    with pytest.raises(RuntimeError, match="No such file"):
        cost(["-c", "open('nothing')"], tmp_path)
    with pytest.raises(RuntimeError, match="left no 'made'"):
        measured(Work("nothing", ["-c", ""], LITTLE, wanted=1, leaves="made"))


def test_rows_of_the_data(tmp_path: Path):
    pytest.importorskip("tfx", reason="the trips come with TFX")
    from tests.benchmarks.works import write_trips

    write_trips(tmp_path / "trips", 20_000)
    header, *rows = (tmp_path / "trips/trips.csv").read_text().splitlines()
    assert header.startswith("trip,")
    assert len({*rows}) == 20_000


def test_a_work_that_is_not_there(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        benchmarks.main(["csw"])
    assert "no work csw; there are: start, taxi" in capsys.readouterr().err


def test_the_table_is_what_was_measured():
    assert results.README.read_text() == results.readme()
    kept = json.loads(results.RESULTS.read_text())["works"]
    works = {name: work for course in courses() for name, work in course.works.items()}
    assert {name: one["title"] for name, one in kept.items()} == {
        name: works[name].title for name in kept
    }


def test_results_are_kept_beside_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    here = {"machine": "this", "versions": "these"}
    monkeypatch.setattr(results, "machine", lambda: here)
    results.README.write_text(f"Before.\n\n{results.BEGIN}old\n{results.END}\n\nAfter.\n")
    work = Work("little", LITTLE, MUCH, wanted=1)
    (pairs,) = measured(work, rounds=1).values()
    results.write({"one": results.result_of(work, pairs, "")})
    results.write({"two": results.result_of(work, pairs, "On another day.")})
    text = results.README.read_text()
    assert text.startswith("Before.\n")
    assert text.endswith("\n\nAfter.\n")
    assert all(f"| little{mark} | fluentml |" in text for mark in ("", " [1]"))
    assert "[1] On another day." in text
    assert "old" not in text
    here["machine"] = "another"
    results.write({"three": results.result_of(work, pairs, "")})
    assert [*json.loads(results.RESULTS.read_text())["works"]] == ["three"]


@pytest.mark.tfx
def test_both_make_examples(capsys: pytest.CaptureFixture[str]):
    benchmarks.main(["csv", "--rows", "200", "--rounds", "1", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["works"]["csv"]["title"] == "CSV to split tf.Examples, 200 rows"
    assert found["works"]["csv"]["ratio"]["wall"] > 0
