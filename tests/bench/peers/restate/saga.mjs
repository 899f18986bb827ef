// A saga of four steps on Restate: its server as one node, and this process as the service that it calls. Asked on
// standard input, one JSON object a line. A step's effect is a line in a file, as cheap as an effect can be.

import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

// Standard output is for answers.
process.env.RESTATE_LOGGING = "ERROR";
const restate = await import("@restatedev/restate-sdk");

const folder = process.argv[2];
const effects = openSync(join(folder, "effects"), "a");
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

let ended = 0;
const flow = restate.service({
  name: "flow",
  handlers: {
    run: async (ctx, { saga, refused }) => {
      const done = [];
      try {
        for (let place = 1; place <= 4; place++) {
          await ctx.run(`do ${place}`, () => {
            if (refused && place === 3) throw new restate.TerminalError("refused");
            writeSync(effects, `${saga} ${place} do\n`);
          });
          done.push(place);
        }
      } catch (error) {
        if (!(error instanceof restate.TerminalError)) throw error;
        for (const place of done.reverse()) {
          await ctx.run(`undo ${place}`, () => void writeSync(effects, `${saga} ${place} undo\n`));
        }
      }
      ended++;
    },
  },
});

async function freePort() {
  const server = createServer();
  await new Promise((resume) => server.listen(0, "127.0.0.1", resume));
  const { port } = server.address();
  await new Promise((resume) => server.close(resume));
  return port;
}

// The server calls this service at the address that it was told at first: the ports stay.
const known = join(folder, "ports.json");
const isNew = !existsSync(known);
if (isNew) {
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()];
  writeFileSync(known, JSON.stringify(ports));
}
const [ingress, admin, node, service] = JSON.parse(readFileSync(known));
const at = (port) => `127.0.0.1:${port}`;

spawn("node_modules/.bin/restate-server", ["--base-dir", join(folder, "restate"), "--no-logo", "--listen-mode", "tcp"], {
  env: {
    ...process.env,
    RESTATE_BIND_ADDRESS: at(node),
    RESTATE_ADVERTISED_ADDRESS: `http://${at(node)}`,
    RESTATE_INGRESS__BIND_ADDRESS: at(ingress),
    RESTATE_ADMIN__BIND_ADDRESS: at(admin),
    RESTATE_DISABLE_TELEMETRY: "true",
    RESTATE_LOG_FILTER: "error",
  },
  stdio: ["ignore", 2, 2],
});

async function post(port, path, body, headers = {}) {
  const answer = await fetch(`http://${at(port)}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return text;
}

const call = (saga, refused, how) => post(ingress, `/flow/run${how}`, { saga, refused }, { "idempotency-key": saga });

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
    await call(`${run}-${number}`, !!refused, "");
    times.push(performance.now() - began);
  });
  const seconds = (performance.now() - started) / 1000;
  times.sort((one, other) => one - other);
  const share = (part) => times[Math.max(0, Math.ceil(times.length * part) - 1)];
  return { seconds, p50_ms: share(0.5), p99_ms: share(0.99) };
}

async function begin({ count, at_once, run, refused }) {
  ended = 0;
  await many(count, at_once, (number) => call(`${run}-${number}`, !!refused, "/send"));
  while (ended < count / 2) await pause(5);
  return { half: true };
}

async function finish({ count, run }) {
  const asked = performance.now();
  // Those that have ended: of those that have not, a server that has just been started may know none yet.
  const query = `SELECT count(*) AS ended FROM sys_invocation WHERE status = 'completed' AND idempotency_key LIKE '${run}-%'`;
  for (;;) {
    const answer = await post(admin, "/query", { query }, { accept: "application/json" }).catch(() => null);
    if (answer && JSON.parse(answer).rows[0].ended >= count) break;
    await pause(10);
  }
  return { seconds: (performance.now() - asked) / 1000 };
}

async function register() {
  for (;;) {
    try {
      return await post(admin, "/deployments", { uri: `http://${at(service)}` });
    } catch {
      await pause(50);
    }
  }
}

async function answer(asked) {
  switch (asked.do) {
    case "run": return run(asked);
    case "begin": return begin(asked);
    case "finish": return finish(asked);
    case "effects": return { written: true };
    default: return { failed: `${asked.do} is nothing that can be asked for` };
  }
}

await restate.serve({ services: [flow], port: service });
if (isNew) await register();
else while (!(await fetch(`http://${at(admin)}/health`).then((it) => it.ok, () => false))) await pause(5);
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  say(await answer(JSON.parse(line)).catch((error) => ({ failed: `${error}` })));
}
process.exit(0);
