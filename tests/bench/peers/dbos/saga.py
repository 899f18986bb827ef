"""A saga of four steps on DBOS, on SQLite or PostgreSQL. Asked on standard input, one JSON object a line.

A step's effect is a line in a file, as cheap as an effect can be. SQLite has a write-ahead log here, which DBOS
itself does not ask for: one sync a commit instead of two or more. `synchronous` stays FULL, its default.
"""

import json
import os
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS, SetWorkflowID

folder, address = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
if address is None:
    database = os.path.join(folder, "dbos.sqlite")
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    address = f"sqlite:///{database}"

config = {
    "name": "bench",
    "system_database_url": address,
    "application_version": "1",
    "log_level": "ERROR",
    "run_admin_server": False,
    "max_executor_threads": 128,
}
DBOS(config=config)

effects = os.open(os.path.join(folder, "effects"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)
ended = threading.Semaphore(0)


class Refused(Exception):
    pass


@DBOS.step()
def do(saga, place, refused):
    if refused and place == 3:
        raise Refused()
    os.write(effects, f"{saga} {place} do\n".encode())


@DBOS.step()
def undo(saga, place):
    os.write(effects, f"{saga} {place} undo\n".encode())


@DBOS.workflow()
def flow(saga, refused):
    done = []
    try:
        for place in range(1, 5):
            do(saga, place, refused)
            done.append(place)
    except Refused:
        for place in reversed(done):
            undo(saga, place)
    ended.release()


def begin(saga, refused):
    with SetWorkflowID(saga):
        return DBOS.start_workflow(flow, saga, refused)


def summary(seconds, times):
    times.sort()
    share = lambda part: times[max(0, -int(-len(times) * part // 1) - 1)] * 1000
    return {"seconds": seconds, "p50_ms": share(0.5), "p99_ms": share(0.99)}


def run(count, at_once, run, refused):
    def one(number):
        began = time.monotonic()
        begin(f"{run}-{number}", refused).get_result()
        return time.monotonic() - began

    started = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        times = list(pool.map(one, range(count)))
    return summary(time.monotonic() - started, times)


def begin_all(count, at_once, run, refused):
    for _ in range(ended._value):
        ended.acquire()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda number: begin(f"{run}-{number}", refused), range(count)))
    for _ in range(count // 2):
        ended.acquire()
    return {"half": True}


def finish():
    asked = time.monotonic()
    open_ones = ["PENDING", "ENQUEUED"]
    while DBOS.list_workflows(status=open_ones, limit=1, load_input=False, load_output=False):
        time.sleep(0.01)
    return {"seconds": time.monotonic() - asked}


def main():
    DBOS.launch()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        count, at_once = asked.get("count", 0), asked.get("at_once", 1)
        name, refused = asked.get("run", ""), asked.get("refused", False)
        match asked["do"]:
            case "run":
                answer = run(count, at_once, name, refused)
            case "begin":
                answer = begin_all(count, at_once, name, refused)
            case "finish":
                answer = finish()
            case "effects":
                answer = {"written": True}
            case other:
                answer = {"failed": f"{other} is nothing that can be asked for"}
        print(json.dumps(answer), flush=True)
    os._exit(0)


main()
