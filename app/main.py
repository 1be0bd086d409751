"""The app's entry: `streamlit run app/main.py`, or better `arranger app`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

HOME = Path(__file__).resolve().parent
# Streamlit runs this file as a script, without a package; in a wheel the package has another name than in a checkout.
if str(HOME.parent) not in sys.path:
    sys.path.append(str(HOME.parent))
import_module(f"{HOME.name}.pages").run()
