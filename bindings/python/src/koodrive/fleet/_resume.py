"""Takes up what a job has left unfinished."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from koodrive.fleet._folded import folded
from koodrive.fleet._prepare import check_unit_size, cut_units
from koodrive.fleet._work import Folder, Work


def resume(work: Folder, *, unit_size: int = 10_000) -> int:
    """Make units of all ids that are unfinished, and remove the file STOP; how many ids there are.

    Unfinished is NOT_SENT, REJECTED where the next time may be otherwise, and UNKNOWN: what an
    attempt may have sent that never ended, or an attempt beside another; asking again is safe. An
    UNKNOWN id that is then rejected for good stays UNKNOWN and is finished. Ids of units that wait
    for their first outcome stay in these. Run the job again afterwards, as the first time.
    """
    check_unit_size(unit_size)
    folder = Work(work)
    generation = max(unit.generation for unit in folder.units_of_job()) + 1
    fingerprint = folder.existing_job().fingerprint
    count = 0
    for unit in cut_units(_gathered(_unfinished(folder), unit_size), unit_size):
        folder.write_unit(generation, unit, fingerprint)
        count += len(unit)
    folder.remove("STOP")
    return count


def _gathered(tables: Iterator[pa.Table], row_count: int) -> Iterator[pa.Table]:
    """The same rows in tables of at least so many: units that leave a few ids make one together."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= row_count:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _unfinished(work: Work) -> Iterator[pa.Table]:
    for unit in folded(work):
        is_left = pc.and_not(unit.outcomes["unfinished"], unit.is_pending)
        is_tried = pc.or_(unit.rows["tried"], pc.equal(unit.outcomes["outcome"], "UNKNOWN"))
        place = unit.rows.schema.get_field_index("tried")
        rows = unit.rows.set_column(place, "tried", is_tried).filter(is_left)
        if len(rows):
            yield rows
