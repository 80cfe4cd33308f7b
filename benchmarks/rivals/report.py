"""Tables and plots of what came of the benchmark, as Markdown on standard output or as files.

    python benchmarks/rivals/report.py --page docs/explanation/side_by_side.md --plots docs/images

Figures are means over seeds, with the standard deviation where there are several; a run that failed is a row
that says so.
"""

import argparse
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cells import METHODS, RESULTS, results_in
from published import PUBLISHED
from published import TABLES as PUBLISHED_TABLES
from tables import TABLES

#: Columns of the tables: a figure and what it is called.
EQUAL_TIME = {
    "auc": "AUC",
    "auc_train": "AUC, learned rows",
    "utility": "utility",
    "dcr_share": "DCR share",
    "dcr_share_strict": "DCR share, ties apart",
}
PROTOCOL = {
    "xgb_score": "XGB score",
    "shape": "shape",
    "trend": "trend",
    "trend_own_bins": "trend, own bins",
    "alpha_precision": "alpha-precision",
    "beta_recall": "beta-recall",
    "mle": "utility, chosen trees",
    "auc_line_train": "AUC of a line",
}
#: What the page begins with.
HEAD = """# Side by side, all tables

What `python benchmarks/rivals/report.py` makes of the runs in `benchmarks/rivals/results`. Read
[how they came about](benchmarks.md) first. Empty cells have not been run; a run that failed says why.
"""
#: What is shown at a glance.
GLANCE = {"auc": "AUC", "utility": "utility", "dcr_share": "DCR share"}
Result = dict[str, Any]


def main() -> None:
    arguments = _arguments()
    results = results_in(arguments.results)
    text = "\n".join(page(results, arguments.as_))
    if arguments.page is None:
        print(text)
    else:
        arguments.page.write_text(text, encoding="utf-8")
    if arguments.plots is not None:
        arguments.plots.mkdir(parents=True, exist_ok=True)
        plot(results, arguments.plots / "quality-and-seconds.svg", arguments.as_)


def page(results: Sequence[Result], as_: str) -> Iterator[str]:
    """Yield the lines of all tables."""
    yield HEAD
    for seconds in sorted({one["seconds"] for one in results}, key=lambda time: time or math.inf):
        if lines := list(at_a_glance(results, as_, seconds)):
            yield f"## Halves, {f'{seconds} s of training' if seconds else 'own default'}\n"
            yield from (*lines, "")
    for split in sorted({result["split"] for result in results}):
        own = [result for result in results if result["split"] == split]
        yield f"## Split: {split}\n"
        for table in (name for name in TABLES if any(one["table"] == name for one in own)):
            # Of published figures only the DCR share is of halves.
            more = _published_rows(table) if split == "half" and table in PUBLISHED_TABLES else ()
            of_table = [one for one in own if one["table"] == table]
            yield from _table(f"### {table}, {split}", of_table, EQUAL_TIME, as_, more)
    published = [one for one in results if one["split"] == "published"]
    tables = [name for name in PUBLISHED_TABLES if any(one["table"] == name for one in published)]
    if tables:
        yield "## Beside published figures\n"
    for table in tables:
        own = [one for one in published if one["table"] == table]
        yield from _table(
            f"### {table}, beside published figures", own, PROTOCOL, as_, _published_rows(table)
        )


def at_a_glance(results: Sequence[Result], as_: str, seconds: int | None) -> Iterator[str]:
    """Yield the lines of a table of a row a method and a column a table, of halves and one time of training.

    Methods that take no time stand beside those that were trained for as long as they have it of themselves.
    """
    own = [one for one in results if one["split"] == "half" and one["seconds"] == seconds]
    tables = [name for name in TABLES if any(one["table"] == name for one in own)]
    if tables:
        yield f"| {' / '.join(GLANCE.values())} | {' | '.join(tables)} |\n|{'---|' * (1 + len(tables))}"
    for method in (name for name in METHODS if any(one["method"] == name for one in own)):
        of_method = [one for one in own if one["method"] == method]
        cells = [_glance([one for one in of_method if one["table"] == name], as_) for name in tables]
        yield f"| {method} | {' | '.join(cells)} |"


def _glance(results: Sequence[Result], as_: str) -> str:
    """Return the few figures of a method on a table in a time, in the mean over seeds."""
    whole = [figures(one, as_) for one in results if not one["failed"]]
    if not whole:
        return results[0]["failed"] if results else ""
    means = (statistics.mean(own[name] for own in whole) if name in whole[0] else None for name in GLANCE)
    return " / ".join("-" if mean is None else f"{mean:.3f}" for mean in means)


def _table(
    title: str,
    results: Sequence[Result],
    columns: dict[str, str],
    as_: str,
    more: Iterable[tuple[str, dict[str, str]]] = (),
) -> Iterator[str]:
    """Yield the lines of a table of a row for each method and time."""
    shown = [name for name in columns if any(name in figures(one, as_) for one in results)]
    heads = ["method", "training", "seconds", "GiB", *(columns[name] for name in shown), "seeds"]
    yield f"{title}\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}"
    for row in _rows(results, shown, as_):
        yield f"| {' | '.join(row)} |"
    for method, found in more:
        cells = [found.get(name, "") for name in shown]
        if any(cells):
            yield f"| {method} (published) | | | | {' | '.join(cells)} | |"
    yield ""


def _rows(results: Sequence[Result], shown: Sequence[str], as_: str) -> Iterable[list[str]]:
    groups: dict[tuple[str, Any], list[Result]] = {}
    for result in results:
        groups.setdefault((result["method"], result["seconds"]), []).append(result)
    order = list(METHODS)
    for (method, seconds), own in sorted(groups.items(), key=lambda item: _place(item[0], order)):
        whole = [one for one in own if not one["failed"]]
        training = (
            "as it is" if not METHODS[method].takes_time else f"{seconds} s" if seconds else "own default"
        )
        if not whole:
            yield [method, training, own[0]["failed"], "", *([""] * len(shown)), "0"]
            continue
        taken = [one["fit_seconds"] for one in whole if "fit_seconds" in one]
        held = [one["peak_bytes"] / 2**30 for one in whole if "peak_bytes" in one]
        cells = [
            _in_words([figures(one, as_)[name] for one in whole if name in figures(one, as_)])
            for name in shown
        ]
        some_failed = f"{len(whole)} of {len(own)}" if len(whole) < len(own) else str(len(whole))
        yield [
            method,
            training,
            f"{statistics.mean(taken):,.0f}" if taken else "",
            f"{max(held):.1f}" if held else "",
            *cells,
            some_failed,
        ]


def _place(key: tuple[str, Any], order: list[str]) -> tuple[float, int]:
    method, seconds = key
    return (float("inf") if seconds is None else seconds), order.index(method)


def figures(result: Result, as_: str) -> dict[str, float]:
    """Return the figures of a result, with the score that papers make of the AUC."""
    found: dict[str, float] = dict(result["figures"].get(as_, {}))
    if "auc_train" in found:
        found["xgb_score"] = 2 * (1 - max(0.5, found["auc_train"]))
    return found


def _published_rows(table: str) -> Iterable[tuple[str, dict[str, str]]]:
    place = PUBLISHED_TABLES.index(table)
    for method in dict.fromkeys(method for own in PUBLISHED.values() for method in own):
        yield method, {name: f"{own[method][place]:.3f}" for name, own in PUBLISHED.items() if method in own}


def _in_words(values: Sequence[float]) -> str:
    if not values:
        return ""
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


def plot(results: Sequence[Result], path: Path, as_: str) -> None:
    """Draw how hard drawn rows are to tell from others against seconds of training, a panel a table."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    own = [one for one in results if one["split"] == "half" and figures(one, as_).get("auc") is not None]
    own = [one for one in own if not METHODS[one["method"]].is_control]
    tables = list(dict.fromkeys(one["table"] for one in own))
    figure = Figure(figsize=(3 * max(1, len(tables)), 3.2), layout="constrained")
    panels = figure.subplots(1, max(1, len(tables)), sharey=True, squeeze=False)[0]
    for panel, table in zip(panels, tables, strict=False):
        for place, method in enumerate(METHODS):
            of_method = [one for one in own if one["table"] == table and one["method"] == method]
            if points := _points(of_method, as_):
                panel.plot(*zip(*points, strict=True), "o-", color=f"C{place}", label=method, markersize=4)
        panel.set(title=table, xscale="log", xlabel="seconds of training", ylim=(0.45, 1.02))
    panels[0].set_ylabel("AUC of XGBoost\n(0.5: nobody can tell)")
    handles = {line.get_label(): line for panel in panels for line in panel.get_lines()}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6, frameon=False)
    with rc_context({"svg.hashsalt": path.stem}):  # the same figures make the same file
        figure.savefig(path, metadata={"Date": None})


def _points(results: Sequence[Result], as_: str) -> list[tuple[float, float]]:
    """Return seconds of training and AUC in the mean over seeds, a point for each time that was allowed."""
    times: dict[int | None, list[tuple[float, float]]] = {}
    for one in results:
        point = max(one["fit_seconds"], 0.1), figures(one, as_)["auc"]
        times.setdefault(one["seconds"], []).append(point)
    apart = (zip(*own, strict=True) for own in times.values())
    return sorted((statistics.mean(seconds), statistics.mean(auc)) for seconds, auc in apart)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the files")
    parser.add_argument(
        "--as", dest="as_", choices=["tidied", "raw"], default="tidied", help="rows as drawn or tidied"
    )
    parser.add_argument("--page", type=Path, help="file for the tables [default: standard output]")
    parser.add_argument("--plots", type=Path, help="folder for plots [default: none]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
