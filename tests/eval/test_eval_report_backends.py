"""The charts of a report need no window, and nothing of what draws in one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")


@pytest.mark.parametrize(
    "backend", ["module://matplotlib_inline.backend_inline", "TkAgg", "nonsense", "svg", ""]
)
def test_charts_are_drawn_whatever_a_notebook_or_a_desktop_has_left(backend: str) -> None:
    """In a process of its own: the variable counts where matplotlib is imported first."""
    program = (
        "import os, sys\n"
        "from eval.report.charts import force_chart\n"
        "rate = {'mass_class': 'light', 'force': 5, 'touches': 2, 'successes': 1}\n"
        "chart = force_chart({'success_rates_seen': [rate]}, 'success_rates_seen', 'Seen').svg\n"
        "assert chart.startswith('<svg') and '0.50' in chart\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "import matplotlib\n"
        "print(os.environ['MPLBACKEND'], dict.__getitem__(matplotlib.rcParams, 'backend'), sep='|')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MPLBACKEND": backend, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    variable, chosen = ran.stdout.strip().split("|")
    assert variable == backend
    if backend in ("TkAgg", "svg"):  # those that there are stay the user's choice
        assert chosen == backend
