"""Draws speed.svg and growth.svg: plot.py RESULTS.json FOLDER. Runs in the virtual environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

import report
from measure import Run, median
from provide import FLOOR, VARIANTS

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "koodrive"  # the same results, the same file
matplotlib.rcParams["font.size"] = 9
import matplotlib.pyplot as plt  # noqa: E402

OURS, PEER, BARE = "#0b6e4f", "#9aa5b1", "#333333"


def speed(runs: dict[str, list[Run]], file: Path) -> None:
    """CPU of each client as a multiple of the floor's."""
    names = [name for name in runs if not name.endswith(VARIANTS)]
    names.sort(key=lambda name: -median(report.ratios(runs, name)))
    values = [report.ratios(runs, name) for name in names]
    middles = [median(value) for value in values]
    ranges = [
        [middle - min(value) for middle, value in zip(middles, values)],
        [max(value) - middle for middle, value in zip(middles, values)],
    ]
    colours = [BARE if n == FLOOR else OURS if n.startswith("koodrive") else PEER for n in names]
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    axes.barh(names, middles, xerr=ranges, color=colours, error_kw={"lw": 0.8})
    for place, (middle, value) in enumerate(zip(middles, values)):
        axes.annotate(
            f"{middle:.2f}×", (max(value), place), (4, 0), textcoords="offset points", va="center"
        )
    axes.set_xlabel("CPU a request of 100 ids, as a multiple of a bare socket's")
    axes.margins(x=0.12)
    finish(figure, [axes], file)


def growth(results: dict[str, dict[str, list[Run]]], file: Path) -> None:
    """What an id costs, over the size of the run."""
    titles = {
        "ids": "ids in a run",
        "connections": "connections",
        "devices": "devices, one id each",
    }
    figure, axes = plt.subplots(2, 3, figsize=(7.5, 4), layout="constrained", sharex="col")
    rows = (report.cpu_us_per_id, "CPU an id, µs"), (report.bytes_per_id, "memory an id, bytes")
    for row, (value, label) in enumerate(rows):
        axes[row, 0].set_ylabel(label)
        for column, (axis, by_size) in enumerate(results.items()):
            panel = axes[row, column]
            sizes = [int(size) for size in by_size]
            values = [[value(run) for run in runs] for runs in by_size.values()]
            panel.fill_between(
                sizes,
                [min(v) for v in values],
                [max(v) for v in values],
                color=OURS,
                alpha=0.2,
                lw=0,
            )
            panel.plot(sizes, [median(v) for v in values], "o-", color=OURS, ms=3, lw=1.2)
            panel.set_xscale("log", base=2 if axis == "connections" else 10)
            panel.set_ylim(bottom=0)
            if row == 1:
                panel.set_xlabel(titles[axis])
    finish(figure, axes.flat, file)


def finish(figure: Any, axes: Any, file: Path) -> None:
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None}, facecolor="white")


def main() -> None:
    results = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    speed(results["timings"]["steady"], folder / "speed.svg")
    growth(results["growth"], folder / "growth.svg")


if __name__ == "__main__":
    main()
