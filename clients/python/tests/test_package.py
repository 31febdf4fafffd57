"""What is imported, and what is in the package."""

import importlib.metadata
import pathlib
import subprocess
import sys

import pytest

import bmauth

LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules} | set(sys.modules)))"


def loaded(statement: str) -> set[str]:
    env = {"BMAUTH_URL": "https://notes.example.com"}
    ran = subprocess.run(
        [sys.executable, "-c", f"{statement}; {LOADED}"], env=env, capture_output=True, text=True, check=True
    )
    return set(ran.stdout.split())


def test_the_core_knows_no_framework_and_no_made_up_people() -> None:
    modules = loaded("import bmauth")
    assert not modules & {"fastapi", "starlette", "anyio", "django", "asgiref", "flask", "werkzeug", "bmauth.testing"}


@pytest.mark.parametrize(
    ("module", "others"),
    [
        ("bmauth.fastapi", {"django", "flask"}),
        ("bmauth.starlette", {"fastapi", "django", "flask"}),
        ("bmauth.flask", {"fastapi", "starlette", "django"}),
        ("bmauth.django", {"fastapi", "starlette", "flask"}),
        ("bmauth.testing", {"fastapi", "starlette", "django", "flask"}),
    ],
)
def test_an_app_loads_its_own_framework_and_no_made_up_people(module: str, others: set[str]) -> None:
    modules = loaded(f"import {module}")
    assert module in modules and not modules & others
    assert module == "bmauth.testing" or "bmauth.testing" not in modules


def test_the_package_is_typed_and_says_its_version() -> None:
    assert importlib.metadata.version("bmauth") == bmauth.__version__
    assert bmauth.__file__ is not None
    assert (pathlib.Path(bmauth.__file__).parent / "py.typed").is_file()
