// A saga of four steps on openworkflow, on SQLite (which it gives a write-ahead log; `synchronous` is FULL, the default).
// Asked on standard input, one JSON object a line. A step's effect is a line in a file, as cheap as an effect can be.

import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { OpenWorkflow } from "openworkflow";
import { BackendSqlite } from "openworkflow/sqlite";

const folder = process.argv[2];
const effects = openSync(join(folder, "effects"), "a");
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

const backend = BackendSqlite.connect(join(folder, "openworkflow.db"));
const client = new OpenWorkflow({ backend });
const ends = new Map();
let ended = 0;

const flow = client.defineWorkflow({ name: "flow" }, async ({ input: { saga, refused }, step }) => {
  const done = [];
  for (let place = 1; place <= 4; place++) {
    // A step that throws is tried again: a refusal is an outcome.
    const outcome = await step.run({ name: `do ${place}` }, async () => {
      if (refused && place === 3) return "refused";
      writeSync(effects, `${saga} ${place} do\n`);
      return "done";
    });
    if (outcome === "refused") break;
    done.push(place);
  }
  if (done.length < 4) {
    for (const place of done.reverse()) {
      await step.run({ name: `undo ${place}` }, async () => {
        writeSync(effects, `${saga} ${place} undo\n`);
      });
    }
  }
  return null;
});

// A run's end is on disk when the backend has completed it: waiting for its handle would poll.
const complete = backend.completeWorkflowRun.bind(backend);
backend.completeWorkflowRun = async (parameters) => {
  const run = await complete(parameters);
  ended++;
  ends.get(parameters.workflowRunId)?.();
  ends.delete(parameters.workflowRunId);
  return run;
};

const begin = (saga, refused) => flow.run({ saga, refused }, { idempotencyKey: saga });

async function many(count, atOnce, each) {
  let next = 0;
  const one = async () => {
    for (let number = next++; number < count; number = next++) await each(number);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

async function run({ count, at_once, run, refused }) {
  const times = [];
  const started = performance.now();
  await many(count, at_once, async (number) => {
    const began = performance.now();
    const handle = await begin(`${run}-${number}`, !!refused);
    await new Promise((resume) => ends.set(handle.workflowRun.id, resume));
    times.push(performance.now() - began);
  });
  const seconds = (performance.now() - started) / 1000;
  times.sort((one, other) => one - other);
  const share = (part) => times[Math.max(0, Math.ceil(times.length * part) - 1)];
  return { seconds, p50_ms: share(0.5), p99_ms: share(0.99) };
}

async function beginAll({ count, at_once, run, refused }) {
  ended = 0;
  await many(count, at_once, (number) => begin(`${run}-${number}`, !!refused));
  while (ended < count / 2) await pause(5);
  return { half: true };
}

async function finish() {
  const asked = performance.now();
  for (;;) {
    const counts = await backend.countWorkflowRuns();
    if (!counts.pending && !counts.running && !counts.sleeping) break;
    await pause(10);
  }
  return { seconds: (performance.now() - asked) / 1000 };
}

async function answer(asked) {
  switch (asked.do) {
    case "run": return run(asked);
    case "begin": return beginAll(asked);
    case "finish": return finish();
    case "effects": return { written: true };
    default: return { failed: `${asked.do} is nothing that can be asked for` };
  }
}

await client.newWorker({ concurrency: 32 }).start();
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  say(await answer(JSON.parse(line)).catch((error) => ({ failed: `${error}` })));
}
process.exit(0);
