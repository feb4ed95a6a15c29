"""Configuration of the site: scripts/docs.sh builds it."""

import logging
import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

logging.getLogger("numexpr").setLevel(logging.WARNING)

project = "tlmlp"
copyright = "the authors of tlmlp; MIT licence"
release = version = version_of("tlmlp")
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx-mathjax-offline",
    "generated_pages",
]
exclude_patterns = ["_extensions"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
add_module_names = False

html_theme = "furo"
html_title = f"tlmlp {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sphinx = False
html_copy_source = False
# The prompts and outputs of a session are not part of what one copies.
copybutton_exclude = ".linenos, .gp, .go"
