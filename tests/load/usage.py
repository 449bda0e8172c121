"""What a process and its children take, as the kernel counts it."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def memory(pid: int) -> int:
    """Bytes that nobody else uses (USS): what ending the family would give back."""
    lines = [
        line.split()
        for member in family(pid)
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
    ]
    return 1024 * sum(int(line[1]) for line in lines if line[0] in ("Private_Clean:", "Private_Dirty:"))


def cpu(pid: int) -> float:
    """Seconds of processor time, of user and kernel, since the start."""
    ticks = 0
    for member in family(pid):
        # What follows the command's name, which may have spaces in it: proc(5), utime and stime.
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS
