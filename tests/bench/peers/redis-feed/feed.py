"""Feeds in Redis, as the example does it that this project's feed grew from: a consumer of a stream of posts pushes
each post's id to a list for each of its author's followers. Asked on standard input, one JSON object a line.

Redis appends each write to a file and syncs it. The consumer acknowledges a post once it is in all feeds, and may push
it again after a crash. A rebuild empties the feeds and reads the stream of posts from its beginning.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time

import redis

folder = sys.argv[1]
socket = os.path.join(folder, "redis.sock")
server = subprocess.Popen(
    ["redis-server", "--port", "0", "--unixsocket", socket, "--dir", folder, "--appendonly", "yes",
     "--appendfsync", "always", "--save", "", "--loglevel", "warning"],
    stdout=subprocess.DEVNULL,
)


def connect():
    return redis.Redis(unix_socket_path=socket, decode_responses=True)


client = connect()
while True:
    try:
        client.ping()
        break
    except redis.ConnectionError:
        time.sleep(0.01)
client.xgroup_create("posts", "feed", id="0", mkstream=True)

CHUNK = 1_000
AUTHORS = 100


def fan_out(own, posts):
    pushing = own.pipeline(transaction=False)
    for fields in posts:
        for follower in own.smembers(f"followers:{fields['author']}"):
            pushing.lpush(f"feed:{follower}", fields["post"])
    pushing.execute()


def consume():
    own = connect()
    while True:
        for _, entries in own.xreadgroup("feed", "one", {"posts": ">"}, count=100, block=100) or []:
            fan_out(own, [fields for _, fields in entries])
            own.xack("posts", "feed", *[entry for entry, _ in entries])


threading.Thread(target=consume, daemon=True).start()


def summary(seconds, times):
    times.sort()
    share = lambda part: times[max(0, -int(-len(times) * part // 1) - 1)] * 1000
    return {"seconds": seconds, "p50_ms": share(0.5), "p99_ms": share(0.99)}


def follow(asked):
    run = asked["run"]
    adding = client.pipeline(transaction=False)
    for number in range(asked["count"]):
        adding.sadd(f"followers:{run}", f"{run}-{number}")
    adding.execute()
    return {"followed": asked["count"]}


def visible(asked):
    run, followers = asked["run"], asked["followers"]
    started, times = time.monotonic(), []
    for number in range(asked["count"]):
        post = f"{run}-post-{number}"
        waiting = {f"{run}-{reader}" for reader in random.sample(range(followers), min(followers, 10))}
        began = time.monotonic()
        client.xadd("posts", {"post": post, "author": run})
        while waiting:
            for reader in list(waiting):
                if client.lindex(f"feed:{reader}", 0) == post:
                    times.append(time.monotonic() - began)
                    waiting.discard(reader)
            if waiting:
                time.sleep(0.001)
    return summary(time.monotonic() - started, times)


def fill(asked):
    run, count = asked["run"], asked["count"]
    for author in range(AUTHORS):
        client.sadd(f"followers:{run}-{author}", f"{run}-{author}-reader")
    for first in range(0, count, CHUNK):
        adding = client.pipeline(transaction=False)
        for number in range(first, min(count, first + CHUNK)):
            author = f"{run}-{number % AUTHORS}"
            adding.xadd("posts", {"post": f"{run}-post-{number}", "author": author})
        adding.execute()
    settle()
    return {"filled": count}


def settle():
    while True:
        group = client.xinfo_groups("posts")[0]
        if not group["lag"] and not group["pending"]:
            return
        time.sleep(0.01)


def missing_of(own, run, author, posts):
    """How many of an author's posts with numbers below `posts` are not in the reader's feed, and how many rows of it are
    of a post that has one already."""
    rows = own.lrange(f"feed:{run}-{author}-reader", 0, -1)
    found = set(rows)
    missing = sum(f"{run}-post-{number}" not in found for number in range(author, posts, AUTHORS))
    return missing, len(rows) - len(found)


def rebuild(asked):
    run, count, rate = asked["run"], asked["count"], asked["rate"]
    over, posted, worst, times = threading.Event(), [count], [0], []

    def post():
        own, next_at = connect(), time.monotonic()
        while not over.is_set():
            number = posted[0]
            own.xadd("posts", {"post": f"{run}-post-{number}", "author": f"{run}-{number % AUTHORS}"})
            posted[0] += 1
            next_at += 1 / rate
            time.sleep(max(0, next_at - time.monotonic()))

    def read():
        own, author = connect(), 0
        while not over.is_set():
            began = time.monotonic()
            missing, _ = missing_of(own, run, author, count)
            times.append(time.monotonic() - began)
            worst[0] = max(worst[0], missing)
            author = (author + 1) % AUTHORS
            time.sleep(0.01)

    threads = [threading.Thread(target=post), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    started, own, last = time.monotonic(), connect(), "-"
    feeds = list(own.scan_iter("feed:*", count=10_000))
    if feeds:
        own.delete(*feeds)
    newest = own.xrevrange("posts", count=1)[0][0]
    while True:
        entries = own.xrange("posts", min=last if last == "-" else f"({last}", max=newest, count=CHUNK)
        if not entries:
            break
        fan_out(own, [fields for _, fields in entries])
        last = entries[-1][0]
    seconds = time.monotonic() - started
    over.set()
    for thread in threads:
        thread.join()
    settle()
    of_each = [missing_of(own, run, author, posted[0]) for author in range(AUTHORS)]
    return {
        "seconds": seconds,
        "posted": posted[0] - count,
        "missing": worst[0],
        "missing_after": sum(missing for missing, _ in of_each),
        "repeated_after": sum(repeated for _, repeated in of_each),
        "read_p99_ms": summary(seconds, times)["p99_ms"],
    }


def answer(asked):
    match asked["do"]:
        case "follow":
            return follow(asked)
        case "visible":
            return visible(asked)
        case "fill":
            return fill(asked)
        case "rebuild":
            return rebuild(asked)
        case other:
            return {"failed": f"{other} is nothing that can be asked for"}


print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
server.kill()
os._exit(0)
