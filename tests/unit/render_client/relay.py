"""A thin line: `python relay.py BYTES_PER_SECOND DELAY_S COMMAND…` passes both streams on, that slowly and that late."""

import subprocess
import sys
import threading
import time
from collections import deque

CHUNK = 4096


def carry(read: int, write: int, rate: float, delay: float) -> None:
    """Bytes in at any speed, out at `rate`, each `delay` seconds after it could first have left.

    What waits is bounded (256 kB, as in the buffers of a router): beyond that the sender is stopped.
    """
    import os

    line: deque[tuple[float, bytes]] = deque()
    changed, ended = threading.Condition(), False

    def out() -> None:
        while True:
            with changed:
                changed.wait_for(lambda: line or ended)
                if not line:
                    os.close(write)
                    return
                at, data = line.popleft()
                changed.notify_all()
            time.sleep(max(at - time.monotonic(), 0.0))
            try:
                os.write(write, data)
            except OSError:
                return

    thread = threading.Thread(target=out)
    thread.start()
    free = time.monotonic()
    while data := os.read(read, CHUNK):
        with changed:
            changed.wait_for(lambda: len(line) < 64)
            free = max(free, time.monotonic()) + len(data) / rate
            line.append((free + delay, data))
            changed.notify_all()
        time.sleep(max(free - time.monotonic() - 0.05, 0.0))
    with changed:
        ended = True
        changed.notify_all()
    thread.join()


if __name__ == "__main__":
    rate, delay = float(sys.argv[1]), float(sys.argv[2])
    child = subprocess.Popen(sys.argv[3:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin and child.stdout
    up = threading.Thread(target=carry, args=(0, child.stdin.fileno(), rate, delay / 2), daemon=True)
    up.start()
    carry(child.stdout.fileno(), 1, rate, delay / 2)
    sys.exit(child.wait())
