"""POST /users: one transaction for user and address, then a publish. `gunicorn producer:app`."""

import json
import os
import sys
import uuid
from datetime import datetime, timezone

from flask import Flask, request
from google.cloud import firestore, pubsub_v1

app = Flask(__name__)
db = firestore.Client()
# Sent at once: nothing waits for a batch.
publisher = pubsub_v1.PublisherClient(pubsub_v1.types.BatchSettings(max_messages=1))
topic = publisher.topic_path(os.environ["GOOGLE_CLOUD_PROJECT"], "user-events")


@firestore.transactional
def create(transaction, user_id, user):
    address = db.collection("user_emails").document(user["email"])
    if address.get(transaction=transaction).exists:
        return False
    transaction.create(address, {"user_id": user_id})
    transaction.create(db.collection("users").document(user_id), user)
    return True


@app.get("/health")
def health():
    return ""


@app.post("/users")
def sign_up():
    body = request.get_json()
    email, name = body.get("email"), body.get("name")
    if not isinstance(email, str) or "@" not in email or not isinstance(name, str) or not name:
        return {"error": "invalid"}, 400
    user_id = "usr_" + uuid.uuid4().hex
    now = datetime.now(timezone.utc).isoformat()
    if not create(db.transaction(), user_id, {"email": email, "name": name, "created_at": now}):
        return {"error": "taken"}, 409
    event = {
        "id": "evt_" + uuid.uuid4().hex,
        "type": "user.created",
        "source": "user-service",
        "subject": user_id,
        "sequence": 1,
        "timestamp": now,
        "data": {"user_id": user_id, "email": email, "name": name},
    }
    attributes = {"ce-id": event["id"], "ce-type": event["type"], "ce-subject": user_id}
    publisher.publish(topic, json.dumps(event).encode(), **attributes).result()
    line = {"severity": "INFO", "message": "signed up", "event_id": event["id"], "user_id": user_id}
    sys.stdout.write(json.dumps(line) + "\n")
    return {"id": user_id, "email": email, "name": name, "created_at": now}, 201
