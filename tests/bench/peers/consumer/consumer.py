"""The CRM's reaction to sign-ups: one transaction per event. `gunicorn consumer:app`."""

import base64
import json
import sys

from flask import Flask, request
from google.cloud import firestore

app = Flask(__name__)
db = firestore.Client()


@firestore.transactional
def apply(transaction, event, message_id):
    mark = db.collection("processed_events").document("crm:" + event["id"])
    if mark.get(transaction=transaction).exists:
        return "duplicate"
    contact = db.collection("contacts").document(event["subject"])
    data = event["data"]
    transaction.create(mark, {"event_id": event["id"]})
    transaction.set(contact, {"email": data["email"], "name": data["name"], "message_id": message_id})
    return "applied"


@app.get("/health")
def health():
    return ""


@app.post("/pubsub/push")
def push():
    message = request.get_json()["message"]
    event = json.loads(base64.b64decode(message["data"]))
    outcome = apply(db.transaction(), event, message["messageId"])
    line = {"severity": "INFO", "message": outcome, "event_id": event["id"], "event_type": event["type"]}
    sys.stdout.write(json.dumps(line) + "\n")
    return "", 204
