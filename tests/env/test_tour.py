"""The notebook runs from its first cell to its last, as a reader runs it."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "tour.ipynb"


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def run(notebook, tmp_path_factory):
    """Return the notebook as it is after a run in a folder of its own."""
    folder = tmp_path_factory.mktemp("reader")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        copy = nbformat.from_dict(notebook)
        resources = {"metadata": {"path": str(folder)}}
        NotebookClient(copy, timeout=240, kernel_name="python3", resources=resources).execute()
    return copy


def cell(notebook, name):
    (found,) = [cell for cell in notebook.cells if cell.id == name]
    return found


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


def images(cell):
    return [output for output in cell.outputs if "image/png" in output.get("data", {})]


def test_every_cell_runs_and_shows_what_its_text_promises(run):
    assert "Location(scene='FloorPlan" in printed(cell(run, "make"))
    assert "success True" in printed(cell(run, "touch"))
    assert "cells moved; objects in reach: " in printed(cell(run, "masks"))
    assert printed(cell(run, "agent")).count("score ") == 3
    assert "of 10 touches moved something" in printed(cell(run, "act"))
    table = printed(cell(run, "benchmark"))
    assert "mine" in table and "superpixels" in table and "mask AP50" in table
    for name in ("make", "touch", "masks", "agent"):
        assert len(images(cell(run, name))) == 1, name
    outputs = [output for each in run.cells for output in each.get("outputs", [])]
    complaints = [output.text for output in outputs if output.get("name") == "stderr"]
    # Without ipywidgets tqdm says that its bars are plain text.
    assert not [text for text in complaints if "IProgress not found" not in text]


def test_the_file_holds_no_output(notebook):
    nbformat.validate(notebook)
    for each in notebook.cells:
        if each.cell_type == "code":
            assert each.outputs == [] and each.execution_count is None, each.id
    assert NOTEBOOK.stat().st_size < 20_000


class TestInstallCell:
    def execute(self, notebook, monkeypatch, source=None, installed=False):
        """Run the cell where the package is or is not installed; return the commands that it calls."""
        called = []
        spec = importlib.util.find_spec("json") if installed else None
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
        monkeypatch.setattr(subprocess, "run", lambda words, check: called.append((words, check)))
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr("os.geteuid", lambda: 0)
        code = cell(notebook, "install").source
        assert 'SOURCE = ".."' in code
        exec(code if source is None else code.replace('SOURCE = ".."', f"SOURCE = {source!r}"), {})
        assert all(check for _, check in called)
        return [words for words, _ in called]

    def test_does_nothing_where_the_package_is(self, notebook, monkeypatch):
        assert self.execute(notebook, monkeypatch, installed=True) == []

    @pytest.mark.parametrize("source", [str(ROOT), "git+https://example.org/thor-interact.git"])
    def test_installs_opengl_and_the_package_elsewhere(self, notebook, monkeypatch, source):
        opengl, package = self.execute(notebook, monkeypatch, source)
        setup = (ROOT / "tools" / "setup.sh").read_text()
        assert f"libraries=({' '.join(opengl[4:])})" in setup, "the same libraries as make setup installs"
        assert package == [sys.executable, "-m", "pip", "install", "--quiet", source]

    def test_says_what_to_set_where_there_is_no_checkout(self, notebook, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(RuntimeError, match=r"SOURCE is '\.\.'.*git\+https"):
            self.execute(notebook, monkeypatch)
