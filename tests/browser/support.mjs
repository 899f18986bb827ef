// A running `fanout up`, a browser, and what both are asked.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

const FANOUT = process.env.FANOUT ?? new URL('../../target/debug/fanout', import.meta.url).pathname;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Starts the system on free ports with empty data; resolves once it says that it is ready. */
export async function start(...flags) {
  const folder = await mkdtemp(join(tmpdir(), 'fanout-page-'));
  const child = spawn(FANOUT, ['up', '--port', 'all=0', '--data-dir', folder, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: folder },
  });
  let log = '';
  child.stderr.on('data', (text) => { log += text; });
  const urls = {};
  let ready;
  await new Promise((resolve, reject) => {
    let told = '';
    child.stdout.on('data', (text) => {
      told += text;
      if (told.includes('ready in')) resolve();
    });
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`fanout ended:\n${told}\n${log}`)));
    ready = () => told;
  });
  for (const [, name, url] of ready().matchAll(/^ {2}(\S.*?) {2,}(http:\/\/localhost:\d+)/gm)) urls[name] = url;
  const page = urls.console ?? '';
  return {
    urls,
    page,
    pid: child.pid,
    took: Number(/ready in (\d+) ms/.exec(ready())[1]),
    log: () => log,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const launch = () => chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });

/** A tab that fails the test which looks at `faults`, should a page not do as it promises. */
export async function tab(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(error.message));
  page.on('console', (line) => { if (line.type() === 'error') page.faults.push(line.text()); });
  page.on('request', (request) => {
    const { hostname } = new URL(request.url());
    if (hostname !== 'localhost') page.faults.push(`asked ${hostname}`);
  });
  return page;
}

/** What axe finds wrong, each as one line. */
export async function axe(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map((it) => `${it.impact} ${it.id}: ${it.nodes.map((node) => node.target).join(' ; ')}`);
}

/** How far the page is wider than its window. */
export const overflow = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

export async function until(what, condition, seconds = 15) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const json = async (url) => (await fetch(url)).json();

/** Publishes messages straight to the bus; data is a text, or becomes JSON. */
export async function publish(system, topic, messages) {
  const text = (data) => (typeof data === 'string' ? data : JSON.stringify(data));
  const body = { messages: messages.map((it) => ({ ...it, data: Buffer.from(text(it.data)).toString('base64') })) };
  const url = `${system.urls['Pub/Sub REST']}/v1/projects/fanout-local/topics/${topic}:publish`;
  const sent = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  if (!sent.ok) throw new Error(`not published: ${await sent.text()}`);
}

export async function signUp(system, number = 1, name = `Ada ${number}`) {
  const answer = await fetch(`${system.urls['user-service']}/users`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: `ada${number}@example.com`, name }),
  });
  return answer.json();
}

/** Makes a picture for the documents, in each of these looks, if PICTURES says where. */
export async function picture(browser, url, name, looks) {
  const folder = process.env.PICTURES;
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  for (const look of looks) {
    const page = await tab(browser, {
      colorScheme: look === 'dark' ? 'dark' : 'light',
      viewport: { width: look === '390' ? 390 : 1280, height: look === '390' ? 844 : 720 },
    });
    await page.goto(url);
    await page.waitForFunction(() => !document.getElementById('live') || document.documentElement.matches('.is-live'));
    await page.screenshot({ path: `${folder}/${name}-${look}.png`, fullPage: look !== '390' });
    await page.context().close();
  }
}
