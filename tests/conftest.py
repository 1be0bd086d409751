"""Fixtures that more than one test module uses."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

# A machine that has other work to do is no failure.
settings.register_profile("arranger", deadline=None)
settings.load_profile("arranger")


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What tests offer is not remembered among what the user was offered."""
    os.environ["ARRANGER_STATE"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def data_pack(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`data_pack("val")`: folder of an unpacked data pack.

    The environment variable ARRANGER_DATA names a folder with the packs, unpacked (`val/`) or not (`val.tar.xz`). The
    test is skipped where there is none.
    """

    @cache
    def unpacked(name: str) -> Path | None:
        root = os.environ.get("ARRANGER_DATA")
        if root is None:
            return None
        folder, archive = Path(root, name), Path(root, f"{name}.tar.xz")
        if folder.is_dir():
            return folder
        if not archive.is_file():
            return None
        target = tmp_path_factory.mktemp(name)
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
        return target

    def find(name: str) -> Path:
        folder = unpacked(name)
        if folder is None:
            pytest.skip(f"ARRANGER_DATA has no pack “{name}”")
        return folder

    return find
