// POST /users: one transaction for user and address, then a publish. `node producer.js`.
const { randomUUID } = require("node:crypto");
const express = require("express");
const { Firestore } = require("@google-cloud/firestore");
const { PubSub } = require("@google-cloud/pubsub");

const db = new Firestore();
// Sent at once: nothing waits for a batch.
const topic = new PubSub().topic("user-events", { batching: { maxMessages: 1 } });
const app = express();
app.use(express.json());

const create = (userId, user) =>
  db.runTransaction(async (transaction) => {
    const address = db.collection("user_emails").doc(user.email);
    if ((await transaction.get(address)).exists) return false;
    transaction.create(address, { user_id: userId });
    transaction.create(db.collection("users").doc(userId), user);
    return true;
  });

app.get("/health", (_, response) => response.sendStatus(200));

app.post("/users", async (request, response) => {
  const { email, name } = request.body;
  if (typeof email !== "string" || !email.includes("@") || typeof name !== "string" || !name)
    return response.status(400).json({ error: "invalid" });
  const userId = "usr_" + randomUUID();
  const now = new Date().toISOString();
  if (!(await create(userId, { email, name, created_at: now })))
    return response.status(409).json({ error: "taken" });
  const event = {
    id: "evt_" + randomUUID(),
    type: "user.created",
    source: "user-service",
    subject: userId,
    sequence: 1,
    timestamp: now,
    data: { user_id: userId, email, name },
  };
  const attributes = { "ce-id": event.id, "ce-type": event.type, "ce-subject": userId };
  await topic.publishMessage({ json: event, attributes });
  console.log(JSON.stringify({ severity: "INFO", message: "signed up", event_id: event.id, user_id: userId }));
  response.status(201).json({ id: userId, email, name, created_at: now });
});

app.listen(Number(process.env.PORT), "127.0.0.1");
