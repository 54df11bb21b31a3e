"""What is installed: the service without what measures it, and what measures as a project of its own."""

import subprocess
import sys
import tomllib
from pathlib import Path

from setuptools import find_packages

ROOT = Path(__file__).parents[1]


def read(project: Path) -> dict:
    return tomllib.loads(project.read_text(encoding="utf-8"))


def test_the_service_is_installed_without_what_measures_it():
    include = read(ROOT / "pyproject.toml")["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = find_packages(str(ROOT), include=include)
    assert {name.split(".")[0] for name in packages} == {"groupnl", "handlers"}


def test_no_extra_of_the_service_brings_what_only_measuring_needs():
    project = read(ROOT / "pyproject.toml")["project"]
    named = [line for lines in (project["dependencies"], *project["optional-dependencies"].values()) for line in lines]
    assert not [line for line in named if line.startswith(("litserve", "mosec", "captum"))]


def test_every_folder_of_the_studies_is_installed():
    tools = read(ROOT / "groupnl_studies" / "pyproject.toml")["tool"]["setuptools"]
    inside = find_packages(str(ROOT), include=["groupnl_studies", "groupnl_studies.*"])
    assert sorted(tools["packages"]) == sorted(inside)


def test_nothing_installed_lacks_what_it_asks_for_but_the_package_that_comes_alone():
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, timeout=120)
    told = [line for line in done.stdout.splitlines() if line != "No broken requirements found."]
    assert [line for line in told if not line.startswith("imagecorruptions-imaug ")] == []
