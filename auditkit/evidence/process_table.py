"""What the system tells of a process."""

from pathlib import Path

# Places in what `stat_of` gives.
STATE, USER_TICKS, SYSTEM_TICKS, STARTED = 0, 11, 12, 19


def stat_of(pid: int) -> list[str] | None:
    """/proc/PID/stat from the state on; None where there is none, or it is hidden."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()  # the name before it may hold anything


def processor_ticks(pid: int) -> int | None:
    """Processor time of a process and all its threads; None where the system does not tell."""
    stat = stat_of(pid)
    return None if stat is None else int(stat[USER_TICKS]) + int(stat[SYSTEM_TICKS])
