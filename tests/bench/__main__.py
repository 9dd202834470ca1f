"""``make bench``: prints the figures and writes them to var/bench.json as one flat object, name: number.

Each size has a database file and a process of its own. Times are medians in milliseconds on SQLite;
*_s are seconds; *_gap counts visits and patients above the bound; messages_per_s is a speed, its ratio that to the
plainest loop; planner_vs_cpsat is how many times longer the solver takes for the same course; fill_* are visits held
over the most that any schedule could hold; growth_* is the time at 1,000,000 appointments over that at 10,000.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL, USUAL, LARGE = 10_000, 100_000, 1_000_000


def measure(module: str, *arguments: str) -> dict[str, float]:
    """The figures one module prints, from a fresh process on an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", f"tests.bench.{module}", *arguments],
            cwd=ROOT,
            env=os.environ
            | {
                "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
                "DJANGO_SETTINGS_MODULE": "tests.settings",
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Measure the usual size, the messages and what follows a visit, then the two sizes that growth compares."""
    figures = measure("measure", str(USUAL))
    figures |= (
        measure("messages") | measure("aftercare") | measure("repair") | measure("solver") | measure("fill")
    )
    small, large = measure("measure", str(SMALL)), measure("measure", str(LARGE))
    figures["growth_plan"] = round(large["plan_course_ms"] / small["plan_course_ms"], 2)
    figures["growth_book"] = round(large["book_course_ms"] / small["book_course_ms"], 2)
    target = ROOT / "var" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n")
    for name, value in figures.items():
        print(f"{name:24}{value:>10}")


if __name__ == "__main__":
    main()
