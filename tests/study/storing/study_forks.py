"""A process that forks others, which open a store or save answers until they are killed.

For each line ``URL NAME RUN`` of the standard input, one that saves; for each ``URL``, one that opens. It
imports everything once, and has no connection of its own that a fork could inherit.
"""

import os
import sys

import study_storing_world as world

from auditkit.study.storing import Store


def say(*words: object) -> None:
    """One line, in one piece."""
    os.write(1, (" ".join(str(word) for word in (*words, os.getpid())) + "\n").encode())


def open_store(url: str) -> None:
    """Tell how many tasks there are."""
    say("tasks", len(Store(url, world.study()).tasks("ann", "screening")))


def save_on(url: str, name: str, run: str) -> None:
    """Save revisions of the first three tasks in turn; tell which are tried, and which are kept."""
    store = Store(url, world.study())
    slugs = [one.slug for one in store.tasks(name, store.phase)][:3]
    number = 0
    while True:
        slug, nonce = slugs[number % 3], f"{run}-{number}"
        say("try", slug, nonce)
        answer = world.ScreeningAnswer(artifact=True)
        saved = store.save(name, slug, nonce, answer, submitted=True)
        say("kept", slug, nonce, saved.revision)
        number += 1


def main() -> None:
    """Fork for each line; a child ends with its work."""
    for line in sys.stdin:
        if os.fork() == 0:
            words = line.split()
            (open_store if len(words) == 1 else save_on)(*words)
            os._exit(0)


main()
