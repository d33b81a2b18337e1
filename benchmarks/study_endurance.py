"""The study's server is killed again and again: is every acknowledged answer kept, once?

    python benchmarks/study_endurance.py            # 50 kills, four experts

Four experts answer without a pause while the server is killed (SIGKILL) at random moments and started again
at the same port. A browser that hears nothing sends the same form again, with the same nonce. In the end the
database is held to what was acknowledged: every such revision is there, once, with its own text; nothing is
there that nobody sent. Exit status 1: something was lost, doubled or made up.
"""

import argparse
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from study_hands import Hands, Server, small_study

from auditkit.study.folder import DATABASE, read_blinded
from auditkit.study.serving import database_of
from auditkit.study.storing import Store


def main() -> int:
    given = _parser().parse_args()
    folder, source = Path(tempfile.mkdtemp()), random.Random(given.seed)
    small_study(folder, references=2000, models=5, experts=given.experts, side=16)
    server = Server(folder, given.port)
    server.start()
    hands = [Hands(given.port, server.links[f"e{n}"], n) for n in range(given.experts)]
    over = threading.Event()
    threads = [threading.Thread(target=_work, args=(one, over)) for one in hands]
    for thread in threads:
        thread.start()
    for number in range(given.kills):
        time.sleep(source.uniform(0.2, 2.0))
        server.kill()
        server.start()
        kept = sum(len(one.kept) for one in hands)
        print(f"kill {number + 1}: {kept} revisions acknowledged", flush=True)
    time.sleep(1)
    over.set()
    for thread in threads:
        thread.join()
    server.stop()
    status = _compare(folder, hands)
    shutil.rmtree(folder)
    return status


def _work(hands: Hands, over: threading.Event) -> None:
    while not over.is_set() and hands.answer_one():
        pass


def _compare(folder: Path, hands: list[Hands]) -> int:
    """Hold the database to what was acknowledged, by its own tables and through the store."""
    sound = sqlite3.connect(folder / DATABASE).execute("pragma integrity_check").fetchone()[0]
    store = Store(database_of(folder, ""), read_blinded(folder))
    lost = doubled = made_up = unheard = 0
    for number, one in enumerate(hands):
        name = f"e{number}"
        there: Counter[str] = Counter()
        own = {task.slug for task in store.tasks(name, "stage-1")}
        by_place = {}
        for slug in own:
            for revision in store.revisions(name, slug):
                there[revision.answer.comment] += 1
                by_place[slug, revision.number] = revision.answer.comment
        lost += sum(by_place.get((kept.slug, kept.revision)) != kept.comment for kept in one.kept)
        doubled += sum(count - 1 for count in there.values())
        made_up += len(set(there) - set(one.sent.values()))
        unheard += len(set(there) - {kept.comment for kept in one.kept})
    kept = sum(len(one.kept) for one in hands)
    failures = [text for one in hands for text in one.failures]
    print(
        f"{kept} revisions acknowledged: {lost} lost, {doubled} doubled, {made_up} made up, {unheard} "
        f"kept but not acknowledged when it ended; {len(failures)} requests refused; database: {sound}"
    )
    for text in failures[:5]:
        print(text)
    return int(bool(lost or doubled or made_up or failures) or sound != "ok")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--experts", type=int, default=4)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--port", type=int, default=8798)
    return parser


if __name__ == "__main__":
    sys.exit(main())
