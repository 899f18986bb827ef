// Every screen: as axe sees it, as wide as its window, in both schemes, with and without JavaScript.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, json, launch, overflow, picture, signUp, start, tab, until } from './support.mjs';

let system;
let browser;
let paths;
before(async () => {
  [system, browser] = await Promise.all([start('--all', '--trace-url', 'http://localhost:16686/trace/{trace_id}'), launch()]);
  paths = await scene();
});
after(async () => { await browser?.close(); await system?.stop(); });

/** Something of everything: done, duplicate, parked, dead, waiting, a process. */
async function scene() {
  const page = await tab(browser);
  const act = async (heading, button) => {
    await page.goto(`${system.page}/try`);
    const card = page.locator('section', { has: page.getByRole('heading', { name: heading, exact: true }) });
    await card.getByRole('button', { name: button }).click();
  };
  for (let number = 1; number <= 6; number += 1) await signUp(system, number);
  await act('Order', 'Order');
  await act('Garbage', 'Send it');
  await page.goto(`${system.page}/try`);
  await page.locator('#fault-email').getByRole('button', { name: 'Make it fail' }).click();
  await page.locator('#fault-crm').getByRole('button', { name: 'Pause it' }).click();
  await act('Sign up', 'Sign up');
  await page.locator('#done').getByRole('link', { name: 'see it' }).first().click();
  const event = new URL(page.url()).pathname;
  await page.getByRole('button', { name: 'Send it once more' }).click();
  await page.locator('#track-email h2').getByText('dead letter').waitFor();
  const request = await page.locator('.facts a[href^="/requests/"]').getAttribute('href');
  const user = await page.locator('.facts a[href^="/users/"]').getAttribute('href');
  await page.goto(`${system.page}/processes`);
  const process = await page.locator('#processes tbody a').first().getAttribute('href');
  await page.context().close();
  const letter = `/dead-letters/email/${event.split('/').at(-1)}`;
  const headers = { 'Content-Type': 'application/json' };
  const opened = await fetch(`${system.urls['account-service']}/accounts`, { method: 'POST', headers, body: '{"owner":"ada","currency":"EUR"}' });
  const account = `/users/${(await opened.json()).id}`;
  return {
    flow: '/', events: '/events', event, payload: `${event}/payload`, request, user,
    letters: '/dead-letters', letter, plan: '/dead-letters/plan?consumer=email', processes: '/processes', process, models: '/projections', account, try: '/try',
  };
}

for (const [scheme, width] of [['light', 1280], ['dark', 1280], ['light', 390], ['dark', 390]]) {
  test(`axe finds nothing wrong and nothing is wider than ${width} px, ${scheme}`, async () => {
    const page = await tab(browser, { colorScheme: scheme, viewport: { width, height: 844 } });
    const wrong = [];
    for (const [name, path] of Object.entries(paths)) {
      await page.goto(system.page + path);
      for (const line of await axe(page)) wrong.push(`${name}: ${line}`);
      const wider = await overflow(page);
      if (wider > 0) wrong.push(`${name}: ${wider} px wider than the window`);
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

test('reading and redriving work without JavaScript', async () => {
  const page = await tab(browser, { javaScriptEnabled: false });
  for (const path of Object.values(paths)) {
    const answer = await page.goto(system.page + path);
    assert.equal(answer.status(), 200, path);
    assert.ok(await page.locator('main').textContent(), path);
  }
  await page.goto(`${system.page}/try`);
  await page.locator('#fault-email').getByRole('button', { name: 'Mend it' }).click();
  await page.goto(system.page + paths.plan);
  await page.getByRole('button', { name: /^Redrive \d+ to email/ }).click();
  await page.waitForURL('**/jobs/*');
  await until('the redrive', async () => {
    await page.goto(page.url());
    return (await page.locator('#job').textContent()).includes('ended');
  });
  await page.context().close();
});

test('each screen has its landmarks, one heading of the first level, and says where it stands', async () => {
  const page = await tab(browser);
  const screens = { flow: 'Flow', events: 'Events', event: 'Events', letters: /^Dead letters/, letter: /^Dead letters/, plan: /^Dead letters/, processes: 'Processes', process: 'Processes', models: 'Read models', try: 'Try it' };
  for (const [name, says] of Object.entries(screens)) {
    await page.goto(system.page + paths[name]);
    assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1, name);
    for (const landmark of ['banner', 'navigation', 'main', 'contentinfo']) assert.equal(await page.getByRole(landmark).count(), 1, `${name}: ${landmark}`);
    assert.match((await page.locator('nav [aria-current=page]').textContent()).trim(), new RegExp(says), name);
  }
  await page.context().close();
});

test('at 390 px a table stays a table, and what is pressed is 44 px high', async () => {
  const page = await tab(browser, { viewport: { width: 390, height: 844 } });
  await page.goto(`${system.page}/events`);
  const table = page.getByRole('table');
  assert.ok(await table.getByRole('row').count() > 5);
  assert.ok(await table.getByRole('row').first().getByRole('cell').count() >= 3);
  const small = [];
  for (const [name, path] of Object.entries(paths)) {
    await page.goto(system.page + path);
    small.push(...await page.evaluate((screen) => [...document.querySelectorAll('button, .button, select, input:not([type=checkbox]):not([type=hidden]), label.check, .pick label, nav a, .quick a, .needs a, .do a, .at a')]
      .filter((it) => it.checkVisibility() && it.getBoundingClientRect().height < 43.5)
      .map((it) => `${screen}: ${it.outerHTML.slice(0, 90)} ${it.getBoundingClientRect().height}`), name));
  }
  assert.deepEqual(small, []);
  await page.context().close();
});

test('no picture is more than what runs: every topic and every consumer of every system, and each leads to its events', async () => {
  const page = await tab(browser);
  await page.goto(system.page);
  const { topics } = await json(`${system.urls['Pub/Sub REST']}/v1/projects/fanout-local/topics?pageSize=200`);
  const names = topics.map((it) => it.name.split('/').at(-1)).filter((it) => !it.endsWith('-dead-letters'));
  const shown = await page.locator('.topic a').allTextContents();
  for (const name of shown) assert.ok(names.includes(name), name);
  const { subscriptions } = await json(`${system.urls['Pub/Sub REST']}/v1/projects/fanout-local/subscriptions?pageSize=500`);
  for (const { name, topic } of subscriptions) {
    const [on, of] = [topic.split('/').at(-1), name.split('/').at(-1)];
    if (on.endsWith('-dead-letters')) continue;
    const consumer = of.slice(on.length + 1);
    assert.equal(await page.locator(`[id="l-${on}-${consumer}"]`).count(), 1, `${on} to ${consumer}`);
  }
  await page.locator('.topic a', { hasText: 'order-events' }).click();
  await page.waitForURL('**/events?topic=order-events');
  const types = await page.locator('#rows td.type').allTextContents();
  assert.ok(types.length > 0 && types.every((it) => it.startsWith('order.')), `${types}`);
  await page.context().close();
});

test('an event tells what was logged of it, what it took along, and where its trace is', async () => {
  const page = await tab(browser);
  const trace = 'a'.repeat(32);
  const answer = await fetch(`${system.urls['user-service']}/users`, {
    method: 'POST', headers: { 'Content-Type': 'application/json', traceparent: `00-${trace}-${'b'.repeat(16)}-01` },
    body: '{"email":"traced@example.com","name":"Traced"}',
  });
  const { id } = await answer.json();
  await page.goto(`${system.page}/events?user=${id}`);
  await page.locator('#rows .at a').first().click();
  await page.locator('.lines').getByText('published', { exact: true }).waitFor();
  await page.locator('.pairs').getByText('ce-type', { exact: true }).waitFor();
  assert.equal(await page.locator('.trace a').getAttribute('href'), `http://localhost:16686/trace/${trace}`);
  await page.locator('#track-analytics .answer').getByText('answered 2').waitFor();
  assert.ok(!(await page.content()).includes('traced@example.com'));
  await page.context().close();
});

test('the keyboard leads everywhere, and can be told to leave single keys alone', async () => {
  const page = await tab(browser);
  await page.goto(system.page);
  for (const [key, path] of Object.entries({ e: '/events', d: '/dead-letters', o: '/processes', m: '/projections', t: '/try', f: '/' })) {
    // On a busy machine the second key may come too late for the first.
    await until(`g ${key}`, async () => {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.waitForURL(`${system.page}${path}`, { timeout: 3_000 }).catch(() => {});
      return page.url() === `${system.page}${path}`;
    });
  }
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await page.waitForURL('**/events');
  for (const key of ['j', 'j', 'k']) await page.keyboard.press(key);
  assert.equal(await page.evaluate(() => document.activeElement.closest('tr') === document.querySelector('#rows tbody tr')), true);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/events/*');
  await page.keyboard.press('s');
  await page.waitForURL('**/payload');
  await page.goto(`${system.page}/events`);
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.closest('#filter') !== null), true);
  await page.keyboard.press('Escape');
  await page.keyboard.press('p');
  assert.equal(await page.locator('#pause').getAttribute('aria-pressed'), 'true');
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByLabel('Leave single keys alone').check();
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  assert.match(page.url(), /\/events$/);
  await page.context().close();
});

test('names and addresses are covered until they are asked for, and each look is logged', async () => {
  const page = await tab(browser);
  await page.goto(system.page + paths.payload);
  assert.ok(!(await page.content()).includes('@example.com'));
  await page.getByRole('link', { name: 'Uncover names and addresses' }).click();
  await page.getByText('@example.com').waitFor();
  assert.match(system.log(), /console showed a payload/);
  await page.context().close();
});

test('seven tabs: the seventh loads, and the newest four are live', async () => {
  const context = await browser.newContext();
  const pages = [];
  for (let number = 1; number <= 7; number += 1) {
    const page = await context.newPage();
    await page.goto(system.page, { timeout: 10_000 });
    await page.waitForFunction(() => document.documentElement.matches('.is-live, .is-paused'));
    pages.push(page);
  }
  const { id } = await signUp(system, 77);
  for (const page of pages.slice(3)) await page.locator(`#rows a[title="${id}"]`).waitFor();
  const live = await Promise.all(pages.map((page) => page.evaluate(() => document.documentElement.matches('.is-live'))));
  assert.equal(live.filter(Boolean).length, 4);
  await context.close();
});

// `PICTURES=$(realpath ../../docs/pictures) node --test` makes those of the documents anew.
test('pictures of every system', { skip: process.env.PICTURES === undefined }, async () => {
  await picture(browser, system.page, 'all-flow', ['light']);
  await picture(browser, `${system.page}/events`, 'all-events', ['light', '390']);
});
