"""A report that anybody can open: results in, one HTML page out, with its plots inside and no network.

The words are in ``report.html.jinja``; all that comes from a table is escaped there or by matplotlib.
"""

import io
import warnings
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from synthgan.evaluation.judgement import Evaluation
from synthgan.evaluation.plots import plot_associations, plot_doses, plot_gains
from synthgan.evaluation.results import ALL, Comparison
from synthgan.plotting import plot_marginals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Columns whose distributions are plotted, those that differ most; and rows of the tables of the worst.
_MAX_MARGINALS, _N_WORST = 24, 12
#: Rows that marginals are plotted of.
_MAX_PLOTTED = 20_000


def page(body: str, *, title: str) -> str:
    """Return what a report says as an HTML page."""
    return _template().render(title=title, body=Markup(body))


def comparison_body(comparison: Comparison) -> str:
    """Return what a report of a comparison says, without the page around it."""
    gains = comparison.to_frame()
    own = gains[gains["score"] == comparison.judge.score.name]
    n_lines = own["arm"].nunique() - 1
    return str(
        _module().comparison(
            comparison=comparison,
            verdicts=comparison.verdicts,
            means=_table(comparison.means()),
            gains_plot=_svg(
                lambda figure: plot_gains(own, comparison.judge, figure.subplots()), 9, 1.2 + 0.75 * n_lines
            ),
            doses_plot=_svg(
                lambda figure: plot_doses(comparison.doses(), comparison.judge, figure.subplots()), 7, 3.6
            ),
            all_scores=_table(gains[gains["learner"] == ALL].drop(columns=["learner"])),
            failures=_table(comparison.failures) if len(comparison.failures) else "",
            evaluations={name: Markup(evaluation_body(one)) for name, one in comparison.evaluations.items()},
        )
    )


def evaluation_body(evaluation: Evaluation) -> str:
    """Return what a report of drawn rows says, without the page around it."""
    fidelity, privacy = evaluation.fidelity, evaluation.privacy
    worst = list(fidelity.columns["column"][:_MAX_MARGINALS])
    real, drawn = (rows[:_MAX_PLOTTED] for rows in (evaluation.real, evaluation.drawn))
    return str(
        _module().evaluation(
            evaluation=evaluation,
            n_plotted=len(worst),
            figures=_table(fidelity.figures),
            columns=_table(fidelity.columns.head(_N_WORST)),
            pairs=_table(fidelity.pairs.head(_N_WORST)) if len(fidelity.pairs) else "",
            marginals=_svg_of(lambda: plot_marginals(real[worst], drawn[worst])),
            associations=_svg(lambda figure: plot_associations(real, drawn, figure), 12, 4.6),
            privacy=privacy,
            privacy_figures="" if privacy is None else _table(privacy.figures),
            nearest="" if privacy is None else _table(privacy.nearest),
        )
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("synthgan.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja")


def _module() -> Any:
    """Return the parts of the template, to be called one by one."""
    return _template().make_module({"title": "", "body": ""})


def _table(frame: pd.DataFrame) -> Markup:
    """Return a frame as an HTML table; numbers with three decimals, what is missing empty."""
    head = Markup("").join(
        Markup("<th>{}</th>").format(str(name).replace("_", " ")) for name in frame.columns
    )
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(_cell(cell) for cell in row))
        for row in frame.itertuples(index=False)
    )
    return Markup(
        '<div class="scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(head, rows)


def _cell(cell: Any) -> Markup:
    if isinstance(cell, bool | np.bool_):
        return Markup("<td>{}</td>").format("yes" if cell else "no")
    if isinstance(cell, float | np.floating):
        return Markup('<td class="number">{}</td>').format("" if np.isnan(cell) else f"{cell:.3f}")
    if isinstance(cell, int | np.integer):
        return Markup('<td class="number">{}</td>').format(f"{cell:,}")
    return Markup("<td>{}</td>").format(str(cell))


def _svg(draw: Callable[["Figure"], Any], width: float, height: float) -> Markup:
    """Return what is drawn into a figure of so many inches."""
    from matplotlib.figure import Figure

    def made() -> "Figure":
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        return figure

    return _svg_of(made)


def _svg_of(make: Callable[[], "Figure"]) -> Markup:
    """Return a figure as SVG that stands inside a page: letters are text, the same plot is the same bytes."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "synthgan"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters without a shape
        make().savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])
