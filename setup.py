"""What pyproject.toml cannot say: the assets beside the packages are installed inside one of them."""

from setuptools import find_namespace_packages, setup

setup(
    packages=[
        *find_namespace_packages(include=["lipsync*", "eval*"], exclude=["*__pycache__*"]),
        "lipsync._assets",
    ],
    package_dir={"lipsync._assets": "assets"},
)
