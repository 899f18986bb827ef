"""Accounts as the sums of their events, with the library eventsourcing on SQLite. Asked on standard input, one JSON
object a line. The library gives SQLite a write-ahead log; `synchronous` stays FULL, SQLite's default.
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import NAMESPACE_URL, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError

OF_A_STREAM = 1_000
SNAPSHOT_EVERY = 100


class Account(Aggregate):
    @event("Opened")
    def __init__(self, name):
        self.name = name
        self.balance = 0

    @staticmethod
    def create_id(name):
        return uuid5(NAMESPACE_URL, name)

    @event("Deposited")
    def deposit(self, amount):
        self.balance += amount


class Bank(Application):
    snapshotting_intervals = {Account: SNAPSHOT_EVERY}


folder = sys.argv[1]
bank = Bank(
    env={
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": os.path.join(folder, "eventsourcing.db"),
        "SQLITE_LOCK_TIMEOUT": "60",
    }
)


def summary(seconds, times):
    times.sort()
    share = lambda part: times[max(0, -int(-len(times) * part // 1) - 1)] * 1000
    return {"seconds": seconds, "p50_ms": share(0.5), "p99_ms": share(0.99)}


def deposit(stream):
    began = time.monotonic()
    while True:
        account = bank.repository.get(Account.create_id(stream))
        account.deposit(1)
        try:
            bank.save(account)
            return time.monotonic() - began
        except IntegrityError:
            pass


def append(asked):
    count, at_once, run = asked["count"], asked["at_once"], asked["run"]

    def writer(number):
        stream = f"{run}-{0 if asked.get('one_stream') else number}"
        return [deposit(stream) for _ in range(number, count, at_once)]

    started = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        times = [took for writer in pool.map(writer, range(at_once)) for took in writer]
    return summary(time.monotonic() - started, times)


def fill(asked):
    for number in range(-(-asked["count"] // OF_A_STREAM)):
        account = Account(f"{asked['run']}-{number}")
        for place in range(1, OF_A_STREAM):
            account.deposit(1)
            if place % SNAPSHOT_EVERY == 0:
                bank.save(account)
        bank.save(account)
    return {"filled": asked["count"]}


def each(count, work):
    started, times = time.monotonic(), []
    for _ in range(count):
        began = time.monotonic()
        work()
        times.append(time.monotonic() - began)
    return summary(time.monotonic() - started, times)


def without_snapshots(stream):
    account = None
    for happened in bank.events.get(Account.create_id(stream)):
        account = happened.mutate(account)
    return account


def sums(asked):
    events = balance = 0
    for number in range(asked["at_once"]):
        account = without_snapshots(f"{asked['run']}-{number}")
        events += account.version - 1
        balance += account.balance
    return {"events": events, "balance": balance}


def answer(asked):
    run = asked.get("run", "")
    match asked["do"]:
        case "open":
            for number in range(asked["at_once"]):
                bank.save(Account(f"{run}-{number}"))
            return {"opened": asked["at_once"]}
        case "append":
            return append(asked)
        case "fill":
            return fill(asked)
        case "load":
            return each(asked["count"], lambda: bank.repository.get(Account.create_id(run)))
        case "load_all":
            return each(asked["count"], lambda: without_snapshots(run))
        case "as_of":
            middle = OF_A_STREAM // 2
            return each(asked["count"], lambda: bank.repository.get(Account.create_id(run), version=middle))
        case "sums":
            return sums(asked)
        case other:
            return {"failed": f"{other} is nothing that can be asked for"}


print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
