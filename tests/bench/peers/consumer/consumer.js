// The CRM's reaction to sign-ups: one transaction per event. `node consumer.js`.
const express = require("express");
const { Firestore } = require("@google-cloud/firestore");

const db = new Firestore();
const app = express();
app.use(express.json());

const apply = (event, messageId) =>
  db.runTransaction(async (transaction) => {
    const mark = db.collection("processed_events").doc("crm:" + event.id);
    if ((await transaction.get(mark)).exists) return "duplicate";
    const { email, name } = event.data;
    transaction.create(mark, { event_id: event.id });
    transaction.set(db.collection("contacts").doc(event.subject), { email, name, message_id: messageId });
    return "applied";
  });

app.get("/health", (_, response) => response.sendStatus(200));

app.post("/pubsub/push", async (request, response) => {
  const { data, messageId } = request.body.message;
  const event = JSON.parse(Buffer.from(data, "base64"));
  const outcome = await apply(event, messageId);
  console.log(JSON.stringify({ severity: "INFO", message: outcome, event_id: event.id, event_type: event.type }));
  response.status(204).end();
});

app.listen(Number(process.env.PORT), "127.0.0.1");
