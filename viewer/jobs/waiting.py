"""The queue of this machine.

Who waits for which device, read from the tickets of its supervisors, and changed in its order.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from core_model.schema.atomic import write_json
from core_model.schema.config_dir import config_dir
from core_model.schema.errors import InputError
from viewer.jobs import supervisor
from viewer.runs.states import this_host


@dataclass(frozen=True)
class Waiting:
    """A job of the queue. before: how many jobs it waits for, directly or not (0: it runs).

    up, down: whether another job that waits for one of its devices stands before or behind it.
    """

    run: str
    devices: tuple[str, ...]
    running: bool = False
    before: int = 0
    up: bool = False
    down: bool = False


def queue_folder() -> Path:
    """Where the supervisors of this user leave their tickets.

    Of this machine, as the folder may be shared between several.
    """
    return Path(os.environ.get(supervisor.QUEUE_VARIABLE) or config_dir() / "queue" / this_host())


def queue(folder: Path | None = None) -> tuple[Waiting, ...]:
    """Every job with a ticket, in the order in which they run."""
    folder = folder or queue_folder()
    tickets = [ticket for _, ticket in supervisor.living_tickets(folder)] if folder.is_dir() else []
    made = []
    for place, ticket in enumerate(tickets):
        rivals = [
            i
            for i, other in enumerate(tickets)
            if i != place and set(other["devices"]) & set(ticket["devices"])
        ]
        running = bool(ticket.get("running"))
        made.append(
            Waiting(
                ticket["run"], ticket["devices"], running, 0 if running else sum(i < place for i in rivals),
                not running and any(i < place and not tickets[i].get("running") for i in rivals),
                not running and any(i > place for i in rivals),
            )
        )  # fmt: skip
    return tuple(made)


def places(folder: Path | None = None) -> dict[str, int]:
    """Run directory → how many jobs it waits for (1 = the next one); those that run already are left out."""
    return {one.run: one.before for one in queue(folder) if one.before}


def move(run: str, earlier: bool, folder: Path | None = None) -> None:
    """Let a waiting job change places with the next one before (or behind) it that wants one of its devices.

    Raises InputError where it does not wait, or has nobody to overtake.
    """
    folder = folder or queue_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with supervisor.locked(folder):
        tickets = [one for one in supervisor.living_tickets(folder) if not one[1].get("running")]
        place = next((i for i, (_, ticket) in enumerate(tickets) if ticket["run"] == run), -1)
        if place < 0:
            raise InputError(what="the job does not wait any more", where=run)
        devices = set(tickets[place][1]["devices"])
        others = range(place - 1, -1, -1) if earlier else range(place + 1, len(tickets))
        other = next((i for i in others if devices & set(tickets[i][1]["devices"])), -1)
        if other < 0:
            raise InputError(
                what=f"no job waits {'before' if earlier else 'behind'} it for the same devices", where=run
            )
        ranks = _ascending([ticket["rank"] for _, ticket in tickets])
        tickets.insert(other, tickets.pop(place))
        for (path, ticket), rank in zip(tickets, ranks, strict=True):
            if ticket["rank"] != rank:
                write_json(path, ticket | {"rank": rank})


def _ascending(ranks: list[int]) -> list[int]:
    """The same numbers where they grow; equal ones are told apart."""
    for i in range(1, len(ranks)):
        ranks[i] = max(ranks[i], ranks[i - 1] + 1)
    return ranks
