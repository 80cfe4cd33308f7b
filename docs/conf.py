"""How the site is built: `make docs`."""

import sys
from pathlib import Path
from typing import Any

import synthgan

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_extensions"))

project = "synthgan"
author = "The synthgan authors"
copyright = author  # noqa: A001
version = release = synthgan.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_click",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "generated/*/*.py", "tutorials/*", "explanation/stages/*"]
templates_path = ["_templates"]
default_role = "autolink"

# --- pages ------------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# --- docstrings -------------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc says them in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # the template of a class has its methods


def setup(app: Any) -> None:
    """Leave out what estimators inherit from scikit-learn: its own site documents that."""
    app.connect("autodoc-skip-member", _is_foreign)


def _is_foreign(app: Any, what: str, name: str, member: Any, skip: bool, options: Any) -> bool | None:
    module = getattr(getattr(member, "fget", member), "__module__", None) or "synthgan"
    is_request = name.startswith("set_") and name.endswith("_request")
    return True if is_request or not module.startswith("synthgan") else None


# --- tutorials: scripts that are run in the build ---------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": ["tutorials", "explanation/stages"],
    "gallery_dirs": ["generated/tutorials", "generated/stages"],
    "filename_pattern": r"\.py",
    "within_subsection_order": "gallery.place",
    "image_scrapers": ("gallery",),
    "reset_modules": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 5,
    "remove_config_comments": True,
}

# --- looks ------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "synthgan"
html_static_path = ["_static"]
html_css_files = ["synthgan.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"changes": [], "contributing": []}
