"""What is asked of the renderer and what becomes of its answers: events in, requests out.

Nothing here draws; the frame loop calls `poll` before a GUI frame and `ask` after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import SEE_DOCTOR
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import IDLE, RenderResult, Tier
from viewer.render_client.events import (
    Answered,
    AnswerFailed,
    BakedReady,
    BakeFailed,
    Event,
    FrameReady,
    Inspected,
    InspectFailed,
    Opened,
    OpenFailed,
    RaySaved,
    WorkerDied,
    WorkerStarted,
)
from viewer.render_client.protocol import Renderer
from viewer.state import actions
from viewer.state.baked_view import DISPLAY_MS, BakeWishes, has_map, is_of
from viewer.state.compared import Compared
from viewer.state.document import Document, carried
from viewer.state.frames import FrameStore, Timing
from viewer.state.query_cache import QueryCache
from viewer.state.ray_queries import RayQueries, RayQuestion, question_at
from viewer.state.requests import full_request
from viewer.state.scheduler import Scheduler
from viewer.state.store import Banner, Store
from viewer.state.work import Work, WorkKind, picture_title, question_title

HISTORY = 240
Adopt = Callable[[Document, CheckpointInfo], Document]
"""What the first document of a checkpoint becomes."""


class RenderCoordinator:
    """Owns the renderer, the pictures and the questions; the document is the store's.

    walking: the latent goes on by itself, as in a walk or a path through heads; set by the window in each frame.
    """

    def __init__(self, client: Renderer, store: Store) -> None:
        self.client = client
        self.store = store
        self.scheduler = Scheduler()
        self.frames = FrameStore()
        self.rays = RayQueries()
        self.queries = QueryCache()
        self.compared = Compared()
        self.wishes = BakeWishes()
        self.walking = False
        self.volumes: deque[tuple[BakeQuestion, BakedReady]] = deque(maxlen=1)
        self._a_since = self._second_since = self._asked_since = 0.0
        self._other_files: frozenset[str] = frozenset()
        self.info: CheckpointInfo | None = None
        self.opening = ""
        self.history: deque[Timing] = deque(maxlen=HISTORY)
        self.opened_paths: list[str] = []
        self.requests = 0
        self._keep_view = False
        self.asked = 0
        self._then: Adopt | None = None
        self._newest: RenderResult | None = None
        self._lost: Banner | None = None

    def open(self, path: str, keep_view: bool = False, then: Adopt | None = None) -> None:
        """Ask for a checkpoint; what is open stays until the new one is, and only the last one that was asked
        for counts.

        keep_view: latent, camera … stay where they fit. then: makes of its first document what is wanted.
        """
        self.opening = path
        self._keep_view, self._then = keep_view, then
        self.asked = self.client.open(path)

    def poll(self, now: float) -> bool:
        """Take in what the renderer says; True when something changed that is drawn."""
        events = self.client.poll()
        for event in events:
            self._take(event, now)
        return bool(events)

    def ask(self, edge_px: int, now: float, volume: BakeQuestion | None = None) -> None:
        """End of a GUI frame: the next request, question and inspection, if they are due.

        edge_px 0: no picture is shown. volume: the baked one that the window can draw.
        """
        question = self.queries.next()
        if question is not None:
            self._asked_since = now
            self.queries.sent(self.client.ask(question), question)
        if edge_px <= 0:
            return
        self._ask_for_volume(now)
        self._ask_for_pictures(edge_px, now, self.stands_in(volume, self.store.doc, edge_px))
        self._free_other_checkpoints()
        self._ask_about_rays(edge_px, now)

    def stands_in(self, volume: BakeQuestion | None, doc: Document, edge_px: int) -> bool:
        """Whether a baked volume is shown while the document's view moves; on a walk that of the last head until the next is there."""
        if self.info is None or volume is None or not has_map(doc):
            return False
        if doc.view.channel not in self.frames.arrays:
            return False  # a small picture of it is there sooner than the exact one that a volume leaves to be asked for
        if not (is_of(volume, doc) or (self.walking and volume.checkpoint == doc.checkpoint)):
            return False
        exact = self.scheduler.full_ms(doc, self.info, edge_px)
        return exact is None or exact > DISPLAY_MS

    def _ask_for_volume(self, now: float) -> None:
        """Once there is a picture: the first one is not to wait."""
        doc = self.store.doc
        wish = (
            self.wishes.next(doc, self.info, now, self.walking and has_map(doc))
            if self.frames.arrays
            else None
        )
        if wish != self.wishes.asked:
            self.wishes.sent(wish, self.client.bake(wish))

    def _free_other_checkpoints(self) -> None:
        """The renderer opened what is compared by itself; nobody but the window knows when it is done with."""
        wanted = self.store.doc.compare.files
        for path in self._other_files - wanted - {self.store.doc.checkpoint}:
            self.client.close(path)
        self._other_files = wanted

    def _ask_for_pictures(self, edge_px: int, now: float, baked: bool) -> None:
        """Another view first, then what it is compared with, then what settles and refines it. While the view turns,
        the others follow each of its pictures before the next one.
        """
        self.scheduler.along = not self.client.status.far
        self.scheduler.learn(self.store.doc, self._newest)
        pending, base = self.compared.pending, self.frames.base
        if not self.compared.computing(self.store.doc):
            self._second_since = now
        if pending is not None and (
            self.info is None or base is None or not self.compared.wanted(self.store.doc, self.info, base)
        ):
            self.compared.preempted()
            self.client.withdraw_picture()
            pending = None
        if pending is not None and pending.tier is Tier.MOVING:
            return
        if pending is None and self._submit_other(edge_px):
            return
        request = self.scheduler.step(
            self.store.doc,
            (edge_px, edge_px),
            self.info,
            now,
            self._newest,
            only_new=pending is not None or (baked and self.walking),
            baked=baked,
        )
        if self.scheduler.abandon():
            self.client.withdraw_picture()
        if request is not None:
            self.requests += 1
            self._a_since = now
            self.compared.preempted()
            self.client.submit(request)

    def _submit_other(self, edge_px: int) -> bool:
        base = self.frames.base
        if (
            self.info is None
            or self.info.path != self.store.doc.checkpoint
            or self.frames.result is None
            or base is None
        ):
            return False
        if self.scheduler.waiting and self.scheduler.tier is Tier.MOVING:
            return False
        turning = self.scheduler.turns(self.store.doc, edge_px, self.info)
        if turning and base.tier is not Tier.MOVING:
            return False
        resting = not turning and base.tier is Tier.FULL
        request = self.compared.next(self.store.doc, self.info, base, resting)
        if request is None:
            return False
        self.scheduler.preempted()
        self.requests += 1
        self.client.submit(request)
        return True

    def questions(self, edge_px: int) -> tuple[RayQuestion, ...]:
        """What the screen wants to know of rays: the selected one first, then the pins."""
        if self.info is None or self.info.path != self.store.doc.checkpoint or not self.store.doc.rays.all:
            return ()
        request = full_request(self.store.doc, self.info, edge_px)
        found = (question_at(key, request) for key in self.store.doc.rays.all)
        return tuple(question for question in found if question is not None)

    def _ask_about_rays(self, edge_px: int, now: float) -> None:
        """One question at a time, and none while the view turns: a probe for each step would slow the
        turning.
        """
        self.rays.keep(self.store.doc.rays.all)
        if self.scheduler.rest_s(now) < self.store.doc.quality.settle_delay_s:
            return
        question = self.rays.next(self.questions(edge_px))
        if question is not None:
            self.rays.sent(self.client.inspect(question.request, question.x, question.y), question, now)

    def wait_s(self, now: float) -> float | None:
        """Seconds until `ask` has to be called again without any event; None = not before one."""
        asks = self.info is not None and self.compared.pending is None
        asks = asks and not self.walking  # each step of a walk is drawn anyhow
        waits = (self.scheduler.wait_s(self.store.doc, now), self.wishes.wait_s(now)) if asks else ()
        return min((w for w in waits if w is not None), default=None)

    def work(self, now: float) -> tuple[Work, ...]:
        """What is under way, the picture to compare with first: what a person may wait for, and cancel.

        Not what follows the exact picture by itself: nobody waits for it, and the status bar tells of it.
        """
        status, found = self.client.status, []

        def about(kind: WorkKind, title: str, since: float, at_once: bool = False) -> None:
            hand = status.kind == ("ask" if kind == "question" else "render")
            found.append(
                Work(
                    kind,
                    title,
                    status.stage if hand else "",
                    status.fraction if hand else 0.0,
                    now - since,
                    at_once,
                )
            )

        if self.compared.computing(self.store.doc):
            title = (
                "Computing B" if len(self.compared.rendered(self.store.doc)) == 1 else "Computing the others"
            )
            about("second", title, self._second_since, at_once=self.compared.empty(self.store.doc))
        question = self.queries.under_way
        if question is not None:
            about("question", question_title(question), self._asked_since)
        if self.scheduler.waiting and self.scheduler.tier is not None and self.scheduler.tier not in IDLE:
            about("picture", picture_title(self.scheduler.tier), self._a_since)
        return tuple(found)

    def cancel(self, kind: WorkKind | None, now: float) -> None:
        """End one piece of work; None = the first that is shown. What is on the screen stays."""
        kind = kind or next((w.kind for w in self.work(now) if w.shown), None)
        if kind == "second":
            self.store.adopt(
                self.store.doc.replace(compare=self.store.doc.compare.replace(mode="off")),
                "compare.mode",
                now,
            )
            if self.compared.pending is not None:
                self.compared.preempted()
                self.client.withdraw_picture()
        elif kind == "question":
            self.queries.cancel()
            self.client.withdraw_question()
        elif kind == "picture":
            self.scheduler.hold()
            self.client.withdraw_picture()
        if kind is not None:
            self.store.say("Cancelled", now)

    # What is asked for

    def handlers(self) -> dict[type, Callable[..., None]]:
        """The actions that concern the renderer."""
        return {
            actions.Retry: self._retry,
            actions.RestartWorker: self._restart,
            actions.SaveRay: self._save_ray,
            actions.CancelWork: lambda action, now: self.cancel(action.kind, now),
        }

    def _retry(self, action: actions.Retry, now: float) -> None:
        self.store.banner = None
        self.frames.error = None
        self.scheduler.reset()

    def _restart(self, action: actions.RestartWorker, now: float) -> None:
        self.store.banner = None
        self.compared.preempted()
        self.client.restart()
        self.scheduler.reset()
        self.store.say("Restarting the render process", now)

    def _save_ray(self, action: actions.SaveRay, now: float) -> None:
        question = self.rays.question(action.mark)
        if question is not None:
            self.client.save_ray(question.request, question.x, question.y, action.path)

    # What comes back

    def _take(self, event: Event, now: float) -> None:
        match event:
            case Opened(info=info, again=True) if self.info is not None:
                self.info = info if info.path == self.info.path else self.info
            case Opened(info=info, again=again, number=number):
                if again or number == self.asked:
                    self._opened(info)
                else:
                    self._let_go(info.path)
            case OpenFailed(path=path, number=number) if path and number != self.asked:
                pass  # another one was asked for since: nobody waits for this one any more
            case OpenFailed(path=path, error=error):
                self.compared.preempted()
                self.opening = "" if path else self.opening
                kept = "" if self.info is None else " The model that was open stays."
                name = Path(path).name if path else "the render session"
                self.store.banner = Banner(
                    f"Could not open {name}.{kept}", _joined(error.message, error.detail)
                )
            case FrameReady():
                self._frame(event)
            case Inspected(report=report, number=number):
                self.rays.answered(number, report, now)
            case InspectFailed(error=error, number=number):
                self.rays.answered(number, error, now)
            case Answered(number=number, values=values, arrays=arrays):
                self.queries.answered(number, values, arrays)
            case AnswerFailed(error=error, number=number):
                self.queries.failed(number, error)
            case BakedReady(number=number):
                question = self.wishes.came(number)
                if question is not None:
                    self.volumes.append((question, event))
            case BakeFailed(number=number):
                self.wishes.failed(number)
            case RaySaved(path=path, error=error):
                if error is None:
                    self.store.say(f"Wrote {path}", now)
                    self.store.finished.append((f"Wrote {Path(path).name}", str(path)))
                else:
                    self.store.banner = Banner(
                        f"{Path(path).name} was not written", _joined(error.message, error.detail)
                    )
            case WorkerDied(final=final):
                self.compared.preempted()
                if final:
                    self.opening = ""
                    self.rays.give_up()
                    self.queries.lost()
                self._died(event)
            case WorkerStarted(restarts=restarts, far=far) if restarts:
                if self.store.banner is not None and self.store.banner == self._lost:
                    self.store.banner = None
                self.store.say("The connection is back" if far else "The render process is back", now)
            case _:
                pass

    def _let_go(self, path: str) -> None:
        """A checkpoint that was opened after another one had been asked for."""
        if path not in (self.store.doc.checkpoint, *self._other_files, self.opening):
            self.client.close(path)

    def _opened(self, info: CheckpointInfo) -> None:
        before = self.info
        self.opening = ""
        self.info = info
        fresh = Document.defaults_from(info, quality=self.store.doc.quality).replace(
            navigation=self.store.doc.navigation,
            path=self.store.doc.path,
            rays=self.store.doc.rays.replace(selected=None),  # pins are places in the world
        )
        kept = self._keep_view and before is not None
        self.store.restart(carried(self.store.doc, fresh, info) if kept else fresh)
        self.frames.clear()
        self.rays.clear()
        self.queries.clear()
        self.compared.clear()
        self.wishes.forget()
        self.volumes.clear()
        self.history.clear()
        self.scheduler.reset()
        self._newest = None
        self.store.banner = None
        if self._then is not None:
            then, self._then = self._then, None
            self.store.restart(then(self.store.doc, info))
        self.opened_paths.append(info.path)
        if before is not None and before.path != info.path:
            self.client.close(before.path)

    def _frame(self, event: FrameReady) -> None:
        result = event.result
        other = self.compared.take(result, event.arrays)
        if other is not None:
            failed = other.error
            if failed is not None and failed.kind != "cancelled":
                self.store.banner = Banner(
                    "The picture to compare with failed", _joined(failed.message, failed.detail)
                )
            return
        if result.request is None or result.request.checkpoint != self.store.doc.checkpoint:
            return
        self._newest = result
        error, beside = result.error, result.request.tier is Tier.BESIDE
        if error is not None and beside:
            return  # nobody asked for it yet; whoever chooses such a channel is told
        if error is not None:
            if error.kind != "cancelled":
                self.frames.add(result, event.arrays)
                self.store.banner = Banner(
                    _title_of(error.kind), _joined(error.message, error.detail), remedy="retry"
                )
            return
        if self.frames.add(result, event.arrays) and not beside:
            self.history.append(Timing(result.total_ms, result.request.tier, result.width))
            if self.store.banner is not None and self.store.banner.remedy == "retry":
                self.store.banner = None

    def _died(self, event: WorkerDied) -> None:
        if event.far and event.final:
            said = Banner("The far renderer cannot be reached", event.reason, remedy="restart")
        elif event.far:
            kept = ", the last picture stays" if self.frames.arrays else ""
            title = f"The connection is lost and will be tried again{kept}"
            said = Banner(title, event.reason, remedy="restart")
            self._lost = said
        elif event.final:
            title = "The render process keeps stopping and was not started again"
            said = Banner(title, f"{event.reason}\n{SEE_DOCTOR} (Help, Check this machine)", remedy="restart")
        else:
            said = Banner(f"The render process stopped ({event.reason}) and was restarted", severity="error")
        self.store.banner = said


def _title_of(kind: str) -> str:
    return {
        "memory": "There was not enough memory for this picture",
        "input": "This view cannot be rendered",
        "worker": "The render process failed on this picture",
    }.get(kind, "This picture failed; the last good one is shown")


def _joined(message: str, detail: str) -> str:
    return f"{message}\n{detail}".strip() if detail and detail != message else message
