"""Results as Markdown: the targets with what was measured, then every client beside the floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from measure import WORKLOADS, Run, cpu_us, median
from provide import (
    FLOOR,
    JOURNALED,
    KOODRIVE_C,
    KOODRIVE_GO,
    KOODRIVE_PYTHON,
    LIBRARY,
    SIGNED,
    UNSORTED,
    WATCHED,
)

Results = dict[str, Any]


class Target(NamedTuple):
    """A line of the first table; both limits and what was measured have the measure's unit."""

    measure: str
    must: float | None
    stretch: float | None
    form: str
    #: What was measured, one value a run; none if it could not be.
    values: Sequence[float]

    def row(self) -> str:
        limits = [self.must, self.stretch]
        cells = ["" if limit is None else self.form.format(limit) for limit in limits]
        if not self.values:
            return f"| {self.measure} | {' | '.join(cells)} | not measured | |"
        measured = median(self.values)
        reached = "" if limits == [None, None] else "short of stretch"
        if self.must is not None:
            reached = "**short of must**"
        for name, limit in zip(("must", "stretch"), limits):
            if limit is not None and measured <= limit:
                reached = name
        cells.append(spread(self.values, self.form))
        return f"| {self.measure} | {' | '.join(cells)} | {reached} |"


def tables(results: Results) -> str:
    parts = [machine(results["machine"]), targets(results)]
    parts += [peers(results, key) for key in WORKLOADS]
    parts.append(growth(results["growth"]))
    parts.append(instructions(results["instructions"]))
    return "\n\n".join(parts) + "\n"


def machine(facts: dict[str, Any]) -> str:
    return (
        f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}; other processes took "
        f"{facts['others_percent']:.0f} % of the machine meanwhile. Medians (least to most); "
        "ratios are taken within each round."
    )


def targets(results: Results) -> str:
    timings, counts = results["timings"], results["counts"]
    steady = timings["steady"]

    def counted(what: str) -> list[float]:
        found = counts[KOODRIVE_C].get(what)
        return [] if found is None else [found]

    def ideal(key: str) -> list[float]:
        return [wall_of_ideal(key, run) for run in timings[key][KOODRIVE_C]]

    def startup(what: str) -> list[float]:
        return [run[what] for run in results["startup"]]

    def watched() -> list[float]:
        pairs = zip(timings["steady"][WATCHED], timings["steady"][KOODRIVE_C])
        return [cpu_us(one) / cpu_us(other) for one, other in pairs]

    def listing(what: str) -> list[float]:
        return [run[what] for run in results["listing"]]

    def table(what: str) -> list[float]:
        return [run[what] for run in results["tables"]]

    def planning(what: str, order: str = "sorted") -> list[float]:
        return [run[what] for run in results["planning"][order]]

    def journal(key: str, value: Callable[[Run], float] = lambda run: run["wall_s"]) -> list[float]:
        pairs = zip(timings[key][JOURNALED], timings[key][KOODRIVE_C])
        return [value(journaled) / value(plain) for journaled, plain in pairs]

    def taken_up(what: str) -> list[float]:
        return [run[what] for run in results["taking up"]]

    def million(*what: str, unit: float = 1) -> list[float]:
        return [sum(results["million"][name] for name in what) / unit]

    names = (KOODRIVE_C, UNSORTED, KOODRIVE_PYTHON, KOODRIVE_GO)
    c, unsorted, python, go = (ratios(steady, name) for name in names)
    size = [LIBRARY.stat().st_size / 2**20]
    rows = [
        Target("CPU a request, C, × bare socket", 1.45, 1.25, "{:.2f}", c),
        Target("the same, ids in no order", 1.45, 1.25, "{:.2f}", unsorted),
        Target("instructions a request", 95e3, 75e3, "{:,.0f}", counted("instructions")),
        Target("of these, planning", None, None, "{:,.0f}", counted("planning")),
        Target("allocations a request", 50, 20, "{:.1f}", counted("allocations")),
        Target("system calls a request", 4, 2, "{:.1f}", counted("syscalls")),
        Target("CPU a request, Python, × bare socket", 1.7, 1.5, "{:.2f}", python),
        Target("CPU a request, Go, × bare socket", 1.6, 1.4, "{:.2f}", go),
        Target(
            "20 ms service, 4 connections, wall × ideal", 1.04, 1.03, "{:.3f}", ideal("delay 4")
        ),
        Target("the same, 16 connections", 1.05, 1.04, "{:.3f}", ideal("delay 16")),
        Target(
            "signing, extra CPU a request, %", 10, None, "{:.1f}", signing(steady, percent=True)
        ),
        Target("the same, µs", None, 4, "{:.1f}", signing(steady)),
        Target("planning a million ids, ns an id", 150, 60, "{:.0f}", planning("ns_per_id")),
        Target("the same, ids in no order", 150, 60, "{:.0f}", planning("ns_per_id", "unsorted")),
        Target("planning, bytes an id beyond the text", 60, 30, "{:.1f}", planning("bytes_per_id")),
        Target("the same, ids in no order", 60, 30, "{:.1f}", planning("bytes_per_id", "unsorted")),
        Target("a million ids, 4 connections, wall, s", None, None, "{:.2f}", million("wall_s")),
        Target("the same, CPU, s", None, None, "{:.2f}", million("user_s", "system_s")),
        Target("the same, peak memory, MiB", 120, 80, "{:.1f}", million("peak_kb", unit=1024)),
        Target(
            "journal: CPU a request, × without", 1.15, 1.08, "{:.3f}", journal("steady", cpu_us)
        ),
        Target(
            "20 ms service, 4 connections, wall × without", 1.05, 1.02, "{:.3f}", journal("delay 4")
        ),
        Target("the same, 16 connections", 1.05, 1.02, "{:.3f}", journal("delay 16")),
        Target("events kept and taken: CPU a request, × without", 1.03, None, "{:.3f}", watched()),
        Target("bytes of journal an id", 40, 30, "{:.1f}", taken_up("bytes_per_id")),
        Target("a journal of a million ids is taken up, s", 0.5, 0.2, "{:.2f}", taken_up("wall_s")),
        Target(
            "a list of 100,000 scopes, CPU a scope, ns",
            None,
            None,
            "{:.0f}",
            listing("cpu_ns_per_scope"),
        ),
        Target("the same, memory, × the answer", 2, None, "{:.2f}", listing("times_the_answer")),
        Target(
            "a table of a million rows into a plan, CPU × the same ids as lines",
            1.3,
            1.0,
            "{:.2f}",
            table("texts"),
        ),
        Target("the same, string views", 1.3, 1.0, "{:.2f}", table("views")),
        Target("the same, integers", 1.3, 1.0, "{:.2f}", table("integers")),
        Target("a result of a million ids to a table, ms", 60, 30, "{:.0f}", table("result_ms")),
        Target(
            "a fleet's unit of 10,000 ids, CPU beyond the deletion, ms",
            10,
            None,
            "{:.1f}",
            table("unit_ms"),
        ),
        Target("the same, bytes an id", 6, None, "{:.1f}", table("unit_bytes_per_id")),
        Target("stripped library, MiB", 2.2, 1.8, "{:.2f}", size),
        Target("dlopen, ms", 0.5, 0.3, "{:.2f}", startup("dlopen_ms")),
        Target("first https client and connection, ms", 5, 3, "{:.2f}", startup("first_ms")),
        Target("a second one in the process, ms", 0.5, 0.1, "{:.2f}", startup("second_ms")),
    ]
    head = "| measure | must | stretch | measured | reached |\n|---|---|---|---|---|"
    return "\n".join(["## Targets", "", head, *(row.row() for row in rows)])


def peers(results: Results, key: str) -> str:
    workload, runs = WORKLOADS[key], results["timings"][key]
    columns = [
        ("CPU a request, µs", "{:.1f}", cpu_us),
        ("wall a request, µs", "{:.0f}", lambda run: run["wall_s"] / run["requests"] * 1e6),
        ("requests/s", "{:,.0f}", lambda run: run["requests"] / run["wall_s"]),
        ("peak MiB", "{:.1f}", lambda run: run["peak_kb"] / 1024),
    ]
    if workload.delay_ms:
        columns.append(("wall × ideal", "{:.3f}", lambda run: wall_of_ideal(key, run)))
    counted = [] if workload.delay_ms else ["instructions", "allocations", "syscalls"]
    titles = ["client", "CPU × bare socket", *(title for title, _, _ in columns), *counted]
    rows = [titles, ["---"] * len(titles)]
    for name, runs_of_client in runs.items():
        row = [name, spread(ratios(runs, name), "{:.2f}")]
        row += [spread([value(run) for run in runs_of_client], form) for _, form, value in columns]
        counts = results["counts"][name]
        row += [f"{counts[what]:,.1f}" if what in counts else "" for what in counted]
        rows.append(row)
    return "\n".join([f"## {workload.title}", "", *(f"| {' | '.join(row)} |" for row in rows)])


def growth(axes: dict[str, dict[int, list[Run]]]) -> str:
    lines = ["## Growth", "", "| | CPU an id, µs | memory an id, bytes |", "|---|---|---|"]
    for axis, by_size in axes.items():
        for size, runs in by_size.items():
            cpu = spread([cpu_us_per_id(run) for run in runs], "{:.3f}")
            memory = spread([bytes_per_id(run) for run in runs], "{:.0f}")
            name = axis if int(size) > 1 else axis[:-1]
            lines.append(f"| {int(size):,} {name} | {cpu} | {memory} |")
    return "\n".join(lines)


def instructions(parts: dict[str, float]) -> str:
    lines = [
        "## Where the instructions of a request go",
        "",
        "| part | instructions |",
        "|---|---|",
    ]
    ranked = sorted(parts.items(), key=lambda part: -part[1])
    return "\n".join([*lines, *(f"| {name} | {count:,.0f} |" for name, count in ranked)])


def ratios(runs: dict[str, list[Run]], name: str) -> list[float]:
    """CPU a request against the floor in the same round; none of a client that was left out."""
    pairs = zip(runs.get(name, []), runs[FLOOR])
    return [cpu_us(run) / cpu_us(floor) for run, floor in pairs]


def signing(runs: dict[str, list[Run]], percent: bool = False) -> list[float]:
    extra = []
    for signed, plain in zip(runs[SIGNED], runs[KOODRIVE_C]):
        difference = cpu_us(signed) - cpu_us(plain)
        extra.append(difference / cpu_us(plain) * 100 if percent else difference)
    return extra


def wall_of_ideal(key: str, run: Run) -> float:
    workload = WORKLOADS[key]
    return run["wall_s"] / (run["requests"] * workload.delay_ms / 1000 / workload.connections)


def cpu_us_per_id(run: Run) -> float:
    return (run["user_s"] + run["system_s"]) / run["ids"] / run["repeat"] * 1e6


def bytes_per_id(run: Run) -> float:
    """By how much the process grew after its first, short run."""
    return run["grown_kb"] * 1024 / run["ids"]


def spread(values: Sequence[float], form: str) -> str:
    if len(values) < 2:
        return "".join(form.format(value) for value in values)
    middle, least, most = (form.format(of(values)) for of in (median, min, max))
    return f"{middle} ({least} to {most})"
