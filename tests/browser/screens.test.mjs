// Every screen: as axe sees it, as wide as its window, in both schemes, with and without JavaScript.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, json, launch, overflow, picture, signUp, start, tab, until } from './support.mjs';

let system;
let browser;
let paths;
before(async () => {
  [system, browser] = await Promise.all([start('--all'), launch()]);
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
  const headers = { 'Content-Type': 'application/json' };
  const opened = await fetch(`${system.urls['account-service']}/accounts`, { method: 'POST', headers, body: '{"owner":"ada","currency":"EUR"}' });
  const account = `/users/${(await opened.json()).id}`;
  return {
    flow: '/', events: '/events', event, payload: `${event}/payload`, request, user,
    letters: '/dead-letters', plan: '/dead-letters/plan?consumer=email', processes: '/processes', process, models: '/projections', account, try: '/try',
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

test('the keyboard leads everywhere, and can be told to leave single keys alone', async () => {
  const page = await tab(browser);
  await page.goto(system.page);
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await page.waitForURL('**/events');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/events/*');
  await page.keyboard.press('s');
  await page.waitForURL('**/payload');
  await page.goto(`${system.page}/events`);
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.closest('#filter') !== null), true);
  await page.keyboard.press('Escape');
  await page.locator('h1').click();
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

test('seven tabs: the seventh loads, and four are live', async () => {
  const context = await browser.newContext();
  const pages = [];
  for (let number = 1; number <= 7; number += 1) {
    const page = await context.newPage();
    await page.goto(system.page, { timeout: 10_000 });
    await page.waitForFunction(() => document.documentElement.matches('.is-live, .is-paused'));
    pages.push(page);
  }
  await signUp(system, 77);
  const user = await json(`${system.urls['user-service']}/users?limit=1`);
  assert.ok(user);
  await pages.at(-1).locator('#rows tbody tr').first().waitFor();
  await context.close();
});

// `PICTURES=$(realpath ../../docs/pictures) node --test` makes those of the documents anew.
test('pictures of every system', { skip: process.env.PICTURES === undefined }, async () => {
  await picture(browser, system.page, 'all-flow', ['light']);
  await picture(browser, `${system.page}/events`, 'all-events', ['light', '390']);
});
