"""Sign-ups on Redis streams: `gunicorn system:app` takes them, `python system.py NAME` is one of three consumers.

Redis answers once what was asked is on disk (`appendfsync always`). User, address and event are one script, and so
are a consumer's mark, effect and acknowledgement."""

import json
import os
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

import redis

db = redis.Redis(port=int(os.environ["REDIS_PORT"]), decode_responses=True)
MAIL = Path(os.environ["MAIL_FOLDER"])
CREATE = db.register_script(
    "if redis.call('hsetnx', 'emails', ARGV[1], ARGV[2]) == 0 then return 0 end "
    "redis.call('set', 'user:' .. ARGV[2], ARGV[3]) "
    "redis.call('xadd', 'user-events', '*', 'event', ARGV[4]) return 1"
)
APPLY = {
    "crm": "redis.call('hset', 'contacts', ARGV[2], ARGV[3])",
    "analytics": "redis.call('hincrby', 'signups', ARGV[4], 1)",
    "email": "redis.call('set', 'mail:' .. ARGV[1], ARGV[2])",
}
DONE = (
    "if redis.call('set', 'mark:' .. KEYS[1] .. ':' .. ARGV[1], '', 'NX') then %s end "
    "return redis.call('xack', 'user-events', KEYS[1], ARGV[5])"
)


def web():
    from flask import Flask, request

    app = Flask(__name__)

    @app.get("/health")
    def health():
        return ""

    @app.get("/counts")
    def counts():
        signups = sum(int(count) for count in db.hvals("signups"))
        return {"contacts": db.hlen("contacts"), "signups": signups}

    @app.post("/users")
    def sign_up():
        body = request.get_json()
        email, name = body.get("email"), body.get("name")
        if not isinstance(email, str) or "@" not in email or not isinstance(name, str) or not name:
            return {"error": "invalid"}, 400
        user_id = "usr_" + uuid.uuid4().hex
        now = datetime.now(timezone.utc).isoformat()
        user = {"id": user_id, "email": email, "name": name, "created_at": now}
        event = {
            "id": "evt_" + uuid.uuid4().hex,
            "type": "user.created",
            "source": "user-service",
            "subject": user_id,
            "sequence": 1,
            "timestamp": now,
            "data": {"user_id": user_id, "email": email, "name": name},
        }
        if not CREATE(args=[email, user_id, json.dumps(user), json.dumps(event)]):
            return {"error": "taken"}, 409
        log("signed up", event)
        return user, 201

    return app


def consume(name):
    done = db.register_script(DONE % APPLY[name])
    try:
        db.xgroup_create("user-events", name, "0", mkstream=True)
    except redis.ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise
    while True:
        streams = db.xreadgroup(name, "one", {"user-events": ">"}, count=100, block=1000)
        for _, entries in streams or []:
            with db.pipeline(transaction=False) as pipeline:
                for entry, fields in entries:
                    event = json.loads(fields["event"])
                    data = event["data"]
                    if name == "email":
                        mail(event)
                    arguments = [event["id"], event["subject"], json.dumps(data), event["timestamp"][:10], entry]
                    done(keys=[name], args=arguments, client=pipeline)
                    log("applied", event)
                if name == "email":
                    sync_names()
                pipeline.execute()


def mail(event):
    data = event["data"]
    text = f"To: {data['name']} <{data['email']}>\nSubject: Welcome\n\nWelcome, {data['name']}!\n"
    draft = MAIL / (event["id"] + ".draft")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(MAIL / (event["id"] + ".eml"))


def sync_names():
    folder = os.open(MAIL, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def log(message, event):
    sys.stdout.write(json.dumps({"severity": "INFO", "message": message, "event_id": event["id"]}) + "\n")


if __name__ == "__main__":
    consume(sys.argv[1])
else:
    app = web()
