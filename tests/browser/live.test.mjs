// What is live: it holds while somebody reads, keeps the focus, is read aloud seldom, and stays paused.
import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { launch, signUp, start, tab, until } from './support.mjs';

let system;
let browser;
let page;
before(async () => {
  [system, browser] = await Promise.all([start(), launch()]);
  for (let number = 1; number <= 3; number += 1) await signUp(system, number);
});
after(async () => { await browser?.close(); await system?.stop(); });
beforeEach(async () => { page = await tab(browser); });
afterEach(async () => {
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

const live = () => page.waitForFunction(() => document.documentElement.matches('.is-live'));
const rows = () => page.locator('#rows tbody tr').count();

test('it says that it is live however late its own script comes', async () => {
  const asked = page.waitForRequest('**/live?*');
  // Held until the stream is asked for, which must not be before it is there; then for half a second.
  await page.route('**/console.js*', async (route) => {
    await Promise.race([asked, new Promise((go) => { setTimeout(go, 500); })]);
    await route.continue();
  });
  await page.goto(system.page);
  await live();
});

test('rows stand still while they are read, and say how many are new', async () => {
  await page.goto(`${system.page}/events`);
  await live();
  const before = await rows();
  await page.locator('#rows tbody a').first().focus();
  for (let number = 11; number <= 13; number += 1) await signUp(system, number);
  const news = page.getByRole('button', { name: '3 new: show them' });
  await news.waitFor();
  assert.equal(await rows(), before);
  await news.click();
  await until('the rows', async () => await rows() === before + 3);
});

test('the focus stays on its row while rows come above it', async () => {
  await page.goto(system.page);
  await live();
  const row = await page.locator('#rows tbody tr').first().getAttribute('id');
  await page.locator(`#${row} .at a`).focus();
  const before = await rows();
  await signUp(system, 20);
  await until('the row', async () => await rows() > before);
  assert.equal(await page.evaluate(() => document.activeElement.closest('tr')?.id), row);
});

for (const reducedMotion of ['no-preference', 'reduce']) {
  test(`an event is a dot on its way to each consumer, unless motion is not wanted: ${reducedMotion}`, async () => {
    const flow = await tab(browser, { reducedMotion });
    await flow.goto(system.page);
    await flow.waitForFunction(() => document.documentElement.matches('.is-live'));
    await flow.evaluate(() => {
      window.dots = 0;
      new MutationObserver((all) => { for (const it of all) window.dots += it.addedNodes.length; }).observe(document.getElementById('motion'), { childList: true });
    });
    const { id } = await signUp(system, reducedMotion === 'reduce' ? 26 : 25);
    await flow.locator(`#rows a[title="${id}"]`).waitFor();
    if (reducedMotion === 'reduce') {
      assert.equal(await flow.evaluate(() => window.dots), 0);
    } else {
      await until('the dots', () => flow.evaluate(() => window.dots >= 3));
      await until('their end', async () => await flow.locator('.dot').count() === 0);
    }
    assert.deepEqual(flow.faults, []);
    await flow.context().close();
  });
}

test('what is paused stays so, whatever is clicked and focused', async () => {
  await page.goto(`${system.page}/events`);
  await live();
  await page.getByRole('button', { name: /^Pause/ }).click();
  const before = await rows();
  await page.locator('#rows tbody a').first().focus();
  await page.locator('h1').click();
  await signUp(system, 30);
  const other = await tab(browser);
  await other.goto(`${system.page}/events`);
  await until('the row elsewhere', async () => await other.locator('#rows tbody tr').count() > before);
  assert.equal(await rows(), before);
  assert.equal(await page.locator('#pause').getAttribute('aria-pressed'), 'true');
  await other.context().close();
});

test('one thing is read aloud, and that at most every five seconds', async () => {
  await page.goto(`${system.page}/try`);
  await page.locator('#fault-crm').getByRole('button', { name: 'Pause it' }).click();
  await signUp(system, 40);
  await page.goto(system.page);
  assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('[aria-live], [role=status], [role=alert], [role=log]')].map((it) => it.id)), ['needs']);
  await page.evaluate(() => {
    window.spoken = [];
    new MutationObserver(() => {
      const now = performance.now();
      if (now - (window.spoken.at(-1) ?? -1000) > 200) window.spoken.push(now);
    }).observe(document.getElementById('needs'), { subtree: true, childList: true, characterData: true });
  });
  // The age of what waits changes each second.
  await until('three times', () => page.evaluate(() => window.spoken.length >= 3), 30);
  const spoken = await page.evaluate(() => window.spoken);
  for (const [index, at] of spoken.slice(1).entries()) assert.ok(at - spoken[index] > 4_500, `${spoken}`);
  await page.goto(`${system.page}/try`);
  await page.locator('#fault-crm').getByRole('button', { name: 'Mend it' }).click();
});

test('a hidden tab has no stream, and a shown one is current again', async () => {
  await page.goto(`${system.page}/events`);
  await live();
  const before = await rows();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setFocusEmulationEnabled', { enabled: false });
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await signUp(system, 50);
  const other = await tab(browser);
  await other.goto(`${system.page}/events`);
  await until('the row elsewhere', async () => await other.locator('#rows tbody tr').count() > before);
  assert.equal(await rows(), before);
  await page.evaluate(() => {
    delete document.hidden;
    delete document.visibilityState;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await until('the row', async () => await rows() > before);
  await other.context().close();
});
