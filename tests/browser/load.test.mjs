// What the page costs: `MEASURE=1 node --test load.test.mjs` takes two minutes, so it is not for every run.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch, start, tab } from './support.mjs';

const skip = process.env.MEASURE === undefined;
let system;
let browser;
before(async () => { if (!skip) [system, browser] = await Promise.all([start(), launch()]); });
after(async () => { await browser?.close(); await system?.stop(); });

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const resident = async () => {
  const status = await readFile(`/proc/${system.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024;
};
/** Processor time of the process so far, in ticks of 10 ms. */
const ticks = async () => {
  const stat = (await readFile(`/proc/${system.pid}/stat`, 'utf8')).split(') ')[1].split(' ');
  return Number(stat[11]) + Number(stat[12]);
};

/** Publishes so many events a second for so long, straight to the bus. */
async function publish(perSecond, seconds) {
  const url = `${system.urls['Pub/Sub REST']}/v1/projects/fanout-local/topics/user-events:publish`;
  let number = 0;
  const event = () => {
    number += 1;
    const id = `evt_load_${process.pid}_${number}_${Math.random()}`;
    const user = `usr_load_${number}_${Math.random()}`;
    const text = JSON.stringify({
      id, type: 'user.created', source: 'load', subject: user, sequence: 1, timestamp: new Date().toISOString(),
      metadata: { version: '1.0' }, data: { user_id: user, email: `${number}@example.com`, name: 'Load' },
    });
    return { data: Buffer.from(text).toString('base64'), attributes: { 'ce-id': id, 'ce-type': 'user.created' } };
  };
  const end = Date.now() + seconds * 1000;
  let next = Date.now();
  while (Date.now() < end) {
    const messages = Array.from({ length: perSecond / 10 }, event);
    await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ messages }) });
    next += 100;
    await wait(Math.max(0, next - Date.now()) / 1000);
  }
  return number / seconds;
}

test('ready in under 300 ms, and under 45 MiB idle with the page open', { skip }, async (t) => {
  const page = await tab(browser);
  await page.goto(system.page);
  await wait(3);
  const memory = await resident();
  t.diagnostic(`ready in ${system.took} ms; ${memory.toFixed(1)} MiB`);
  assert.ok(system.took < 300, `${system.took} ms`);
  assert.ok(memory < 45, `${memory} MiB`);
  await page.context().close();
});

test('an idle page costs the system at most 2 % of a processor more than none', { skip }, async (t) => {
  const during = async (seconds) => {
    const before = await ticks();
    await wait(seconds);
    return (await ticks() - before) / seconds;
  };
  const closed = await during(10);
  const page = await tab(browser);
  await page.goto(system.page);
  await wait(1);
  const open = await during(10);
  t.diagnostic(`closed ${closed.toFixed(2)} %, open ${open.toFixed(2)} %`);
  assert.ok(open - closed <= 2, `${closed} % and ${open} %`);
  await page.context().close();
});

test('1,000 events a second for 10 s: no long task, and the heap is flat a minute later', { skip }, async (t) => {
  const page = await tab(browser);
  await page.goto(`${system.page}/events`);
  await page.evaluate(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((it) => it.duration))).observe({ type: 'longtask' });
  });
  const devtools = await page.context().newCDPSession(page);
  const heap = async () => {
    await devtools.send('HeapProfiler.collectGarbage');
    return (await devtools.send('Runtime.getHeapUsage')).usedSize / 1024 / 1024;
  };
  await wait(2);
  await page.evaluate(() => { window.longTasks = []; });
  const before = await heap();
  // How long the browser's main thread was at work, in seconds.
  await devtools.send('Performance.enable');
  const busy = async () => (await devtools.send('Performance.getMetrics')).metrics.find((it) => it.name === 'TaskDuration').value;
  const begun = await busy();
  const rate = await publish(1000, 10);
  const worked = (await busy() - begun) / 10 * 1000;
  await page.getByText('events a second: shown are').waitFor();
  const tasks = await page.evaluate(() => window.longTasks);
  await wait(60);
  const after = await heap();
  t.diagnostic(`${rate.toFixed(0)} events/s published; main thread ${worked.toFixed(0)} ms/s; long tasks: ${tasks.map((it) => it.toFixed(0)).join(', ') || 'none'}; heap ${before.toFixed(1)} to ${after.toFixed(1)} MiB; system ${(await resident()).toFixed(1)} MiB`);
  assert.deepEqual(tasks, []);
  assert.ok(worked < 400, `${worked} ms/s`);
  assert.ok(after - before < 3, `${before} to ${after} MiB`);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
