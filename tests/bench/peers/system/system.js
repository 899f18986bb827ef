// Sign-ups on SQLite in one process: `node system.js`. A commit is on disk when it returns (`synchronous=FULL`).
// User, address and event are one transaction, and so are a batch of a consumer's marks, effects and its cursor.
const { randomUUID } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const express = require("express");
const Database = require("better-sqlite3");

const db = new Database(process.env.DATABASE);
db.pragma("journal_mode = WAL");
db.pragma("synchronous = FULL");
db.exec(`
  CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT UNIQUE, name TEXT, created_at TEXT);
  CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY, id TEXT UNIQUE, event TEXT);
  CREATE TABLE IF NOT EXISTS marks (consumer TEXT, event_id TEXT, PRIMARY KEY (consumer, event_id));
  CREATE TABLE IF NOT EXISTS cursors (consumer TEXT PRIMARY KEY, position INTEGER);
  CREATE TABLE IF NOT EXISTS contacts (user_id TEXT PRIMARY KEY, email TEXT, name TEXT);
  CREATE TABLE IF NOT EXISTS mails (event_id TEXT PRIMARY KEY, user_id TEXT);
  CREATE TABLE IF NOT EXISTS signups (day TEXT PRIMARY KEY, count INTEGER);
`);
const statement = (sql) => db.prepare(sql);
const log = (message, event) =>
  console.log(JSON.stringify({ severity: "INFO", message, event_id: event.id }));

const insertUser = statement("INSERT INTO users VALUES (?, ?, ?, ?)");
const insertEvent = statement("INSERT INTO events (id, event) VALUES (?, ?)");
const create = db.transaction((user, event) => {
  insertUser.run(user.id, user.email, user.name, user.created_at);
  insertEvent.run(event.id, JSON.stringify(event));
});

const contact = statement("INSERT OR REPLACE INTO contacts VALUES (?, ?, ?)");
const mailed = statement("INSERT INTO mails VALUES (?, ?)");
const counted = statement(
  "INSERT INTO signups VALUES (?, 1) ON CONFLICT (day) DO UPDATE SET count = count + 1",
);
const effects = {
  crm: ({ data }) => contact.run(data.user_id, data.email, data.name),
  analytics: ({ timestamp }) => counted.run(timestamp.slice(0, 10)),
  email: (event) => {
    const { name, email } = event.data;
    const draft = path.join(process.env.MAIL_FOLDER, event.id + ".draft");
    fs.writeFileSync(draft, `To: ${name} <${email}>\nSubject: Welcome\n\nWelcome, ${name}!\n`, { flush: true });
    fs.renameSync(draft, draft.replace(/draft$/, "eml"));
    mailed.run(event.id, event.subject);
  },
};

const syncNames = () => {
  const folder = fs.openSync(process.env.MAIL_FOLDER);
  fs.fsyncSync(folder);
  fs.closeSync(folder);
};

const next = statement("SELECT position, event FROM events WHERE position > ? ORDER BY position LIMIT 100");
const mark = statement("INSERT OR IGNORE INTO marks VALUES (?, ?)");
const cursor = statement("SELECT position FROM cursors WHERE consumer = ?");
const advance = statement("INSERT OR REPLACE INTO cursors VALUES (?, ?)");
const apply = db.transaction((consumer, rows) => {
  for (const { event } of rows)
    if (mark.run(consumer, event.id).changes === 1) effects[consumer](event);
  if (consumer === "email") syncNames();
  advance.run(consumer, rows.at(-1).position);
});

// A batch of each consumer; then requests are answered, and the next batch is theirs.
let awake = false;
const react = () => {
  awake = false;
  for (const consumer of Object.keys(effects)) {
    const rows = next.all(cursor.get(consumer)?.position ?? 0);
    if (rows.length === 0) continue;
    for (const row of rows) row.event = JSON.parse(row.event);
    apply(consumer, rows);
    for (const { event } of rows) log("applied", event);
    wake();
  }
};
const wake = () => {
  if (!awake) setImmediate(react);
  awake = true;
};

const app = express();
app.use(express.json());
app.get("/health", (_, response) => response.sendStatus(200));
app.get("/counts", (_, response) => {
  const { contacts } = statement("SELECT count(*) AS contacts FROM contacts").get();
  const { signups } = statement("SELECT coalesce(sum(count), 0) AS signups FROM signups").get();
  response.json({ contacts, signups });
});
app.post("/users", (request, response) => {
  const { email, name } = request.body;
  if (typeof email !== "string" || !email.includes("@") || typeof name !== "string" || !name)
    return response.status(400).json({ error: "invalid" });
  const user = { id: "usr_" + randomUUID(), email, name, created_at: new Date().toISOString() };
  const event = {
    id: "evt_" + randomUUID(),
    type: "user.created",
    source: "user-service",
    subject: user.id,
    sequence: 1,
    timestamp: user.created_at,
    data: { user_id: user.id, email, name },
  };
  try {
    create(user, event);
  } catch (error) {
    if (error.code !== "SQLITE_CONSTRAINT_UNIQUE") throw error;
    return response.status(409).json({ error: "taken" });
  }
  log("signed up", event);
  response.status(201).json(user);
  wake();
});

app.listen(Number(process.env.PORT), "127.0.0.1", wake);
