"""The suite watches itself: a test that does not run must not look like one that passed."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.conftest import LONG_FILES

SKIPS = {
    "skip": "import pytest\ndef test_it(): pytest.skip('no')",
    "mark": "import pytest\n@pytest.mark.skip\ndef test_it(): pass",
    "xfail": "import pytest\n@pytest.mark.xfail\ndef test_it(): assert 0",
    "xpass": "import pytest\n@pytest.mark.xfail\ndef test_it(): pass",
    "file": "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): pass",
}


@pytest.mark.parametrize("kind", SKIPS)
def test_a_skip_nobody_allowed_fails_the_session(kind: str, tmp_path: Path) -> None:
    test = tmp_path / "test_skips.py"
    test.write_text(SKIPS[kind])
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", "pyproject.toml", str(test)],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode in {1, 2}, result.stdout
    assert "ALLOWED_SKIPS" in result.stdout


def test_the_files_that_start_first_are_there() -> None:
    assert [name for name in LONG_FILES if not (Path(__file__).parent / name).exists()] == []
