// Accounts as the sums of their events, with emmett on SQLite. Asked on standard input, one JSON object a line. emmett
// gives SQLite a write-ahead log; `synchronous` stays FULL, SQLite's default. It has no snapshots of streams.
//
// Writers of this process take turns. Operations of one store at once share a connection that the first to finish
// closes: they hang. With a store for each writer, those that wait for SQLite's lock hold all threads of Node, and the
// one that has it gets none: four writers made a deposit a second where one made 53. With more threads a SQLITE_BUSY
// that emmett does not catch ends the process.

import { join } from "node:path";
import { createInterface } from "node:readline";
import { CommandHandler } from "@event-driven-io/emmett";
import { getSQLiteEventStore } from "@event-driven-io/emmett-sqlite";

const OF_A_STREAM = 1000;
const OF_A_COMMIT = 100;

const fileName = join(process.argv[2], "emmett.db");
const store = getSQLiteEventStore({ fileName, schema: { autoMigration: "CreateOrUpdate" } });
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");

const initialState = () => ({ opened: false, events: 0, balance: 0 });
const evolve = (state, { type, data }) => {
  if (type === "Opened") return { ...state, opened: true };
  return { ...state, events: state.events + 1, balance: state.balance + data.amount };
};
const handle = CommandHandler({ evolve, initialState });
const deposited = { type: "Deposited", data: { amount: 1 } };

const open = (stream) => store.appendToStream(stream, [{ type: "Opened", data: { owner: "owner" } }]);

let turn = Promise.resolve();

async function deposit(stream) {
  const began = performance.now();
  turn = turn.then(() => handle(store, stream, () => [deposited]));
  await turn;
  return performance.now() - began;
}

function summary(started, times) {
  times.sort((one, other) => one - other);
  const share = (part) => times[Math.max(0, Math.ceil(times.length * part) - 1)];
  return { seconds: (performance.now() - started) / 1000, p50_ms: share(0.5), p99_ms: share(0.99) };
}

async function append({ count, at_once, run, one_stream }) {
  const started = performance.now();
  const writer = async (number) => {
    const times = [];
    for (let place = number; place < count; place += at_once) times.push(await deposit(`${run}-${one_stream ? 0 : number}`));
    return times;
  };
  const times = await Promise.all(Array.from({ length: at_once }, (_, number) => writer(number)));
  return summary(started, times.flat());
}

async function fill({ count, run }) {
  for (let number = 0; number < Math.ceil(count / OF_A_STREAM); number++) {
    const stream = `${run}-${number}`;
    await open(stream);
    for (let missing = OF_A_STREAM - 1; missing > 0; missing -= OF_A_COMMIT) {
      await store.appendToStream(stream, Array(Math.min(missing, OF_A_COMMIT)).fill(deposited));
    }
  }
  return { filled: count };
}

async function each(count, work) {
  const started = performance.now();
  const times = [];
  for (let number = 0; number < count; number++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return summary(started, times);
}

const load = async (stream, read) => (await store.aggregateStream(stream, { evolve, initialState, read })).state;

async function sums({ at_once, run }) {
  let [events, balance] = [0, 0];
  for (let number = 0; number < at_once; number++) {
    const account = await load(`${run}-${number}`);
    events += account.events;
    balance += account.balance;
  }
  return { events, balance };
}

async function answer(asked) {
  switch (asked.do) {
    case "open":
      for (let number = 0; number < asked.at_once; number++) await open(`${asked.run}-${number}`);
      return { opened: asked.at_once };
    case "append": return append(asked);
    case "fill": return fill(asked);
    case "load": return {};
    case "load_all": return each(asked.count, () => load(asked.run));
    case "as_of": return each(asked.count, () => load(asked.run, { to: BigInt(OF_A_STREAM / 2) }));
    case "sums": return sums(asked);
    default: return { failed: `${asked.do} is nothing that can be asked for` };
  }
}

say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  say(await answer(JSON.parse(line)).catch((error) => ({ failed: `${error}` })));
}
process.exit(0);
