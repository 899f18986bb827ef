// An operator's word to a process, and all else that can be made to go wrong; results read from the services.
import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { json, launch, signUp, start, tab, until } from './support.mjs';

let system;
let browser;
let page;
before(async () => {
  [system, browser] = await Promise.all([start('--all'), launch()]);
  const first = await tab(browser);
  await first.goto(`${system.page}/try`);
  // A step that is not answered, for each of the verbs.
  await first.locator('#fault-inventory').getByRole('button', { name: 'Pause it' }).click();
  await first.locator('#fault-inventory').getByText('paused').first().waitFor();
  await first.context().close();
});
after(async () => { await browser?.close(); await system?.stop(); });
beforeEach(async () => { page = await tab(browser); });
afterEach(async () => {
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

const card = (heading) => page.locator('section', { has: page.getByRole('heading', { name: heading, exact: true }) });
const orderOf = async (user) => (await json(`${system.urls['order-service']}/orders?user_id=${user}`)).orders?.[0];

/** Orders as this user, and opens the page of the process. */
async function process(user) {
  await page.goto(`${system.page}/try`);
  await card('Order').getByLabel('User').fill(user);
  await card('Order').getByRole('button', { name: 'Order' }).click();
  const order = await until('the order', () => orderOf(user));
  const path = `/processes/order/${order.id}`;
  await until('the process', async () => (await page.goto(system.page + path)).status() === 200);
  await page.getByRole('heading', { name: 'Steps' }).waitFor();
  return path;
}

test('retry asks once more for what is not answered, and says so in an event', async () => {
  const path = await process('verb-retry');
  const asked = async () => {
    await page.goto(`${system.page}/events?type=inventory.reservation_requested`);
    return page.locator('#rows tbody tr').count();
  };
  const before = await asked();
  await page.goto(system.page + path);
  await page.getByRole('button', { name: 'Retry' }).click();
  await page.locator('#notice').getByText('retry').waitFor();
  await until('the request', async () => await asked() > before);
  await page.goto(`${system.page}/events?type=operator.intervened`);
  await page.locator('#rows tbody tr').first().waitFor();
});

test('skip takes a step as done, and the order goes on without it', async () => {
  await process('verb-skip');
  const step = await page.locator('select[name=step]').inputValue();
  await page.getByRole('button', { name: 'Skip' }).click();
  await page.locator('#notice').getByText('skip').waitFor();
  const row = page.getByRole('row', { name: new RegExp(step) });
  await row.getByText('done').waitFor();
  await until('a payment', async () => {
    await page.goto(`${system.page}/events?type=payment.charge_requested`);
    return await page.locator('#rows tbody tr').count() > 0;
  });
});

test('compensate turns an order around', async () => {
  const path = await process('verb-compensate');
  await page.getByRole('button', { name: 'Compensate' }).click();
  await page.locator('#notice').getByText('compensate').waitFor();
  await page.goto(system.page + path);
  await page.locator('h1').getByText('compensating').waitFor();
  // What is refused is said, and changes nothing.
  await page.getByRole('button', { name: 'Compensate' }).click();
  await page.locator('#notice .bad').waitFor();
});

test('abandon gives it up with a reason, and then nothing more is offered', async () => {
  const path = await process('verb-abandon');
  await page.getByRole('button', { name: 'Abandon' }).click();
  assert.equal(await page.evaluate(() => document.querySelector('input[name=reason]').validity.valueMissing), true);
  await page.getByLabel('Why').fill('made by a test');
  await page.getByRole('button', { name: 'Abandon' }).click();
  await page.goto(system.page + path);
  await page.locator('h1').getByText('abandoned').waitFor();
  assert.equal(await page.locator('form[method=post]').count(), 0);
  await page.goto(`${system.page}/processes?status=abandoned`);
  await page.locator('#processes tbody tr').waitFor();
});

test('a consumer fails as often as it is told to, exactly', async () => {
  await page.goto(`${system.page}/try`);
  const crm = page.locator('#fault-crm');
  await crm.getByText('exactly').click();
  await crm.getByLabel('fails, %').fill('37');
  await crm.getByLabel('slower, ms').fill('100');
  await crm.getByLabel('paused').check();
  await crm.getByRole('button', { name: 'Set' }).click();
  await crm.getByText('paused, fails on purpose (37 %), slowed by 100 ms').waitFor();
  await crm.getByRole('button', { name: 'Mend it' }).click();
  await crm.getByText('works').waitFor();
});

for (const [what, reason] of [['a version of the future', 'unsupported_version'], ['the wrong fields', 'invalid'], ['the text below', 'undecodable']]) {
  test(`garbage: ${what} is parked as such`, async () => {
    await page.goto(`${system.page}/try`);
    await card('Garbage').getByLabel('What').selectOption(what);
    await card('Garbage').locator('input[name=text]').fill('{"half":');
    await card('Garbage').getByRole('button', { name: 'Send it' }).click();
    await page.locator('#done').getByRole('link', { name: 'see it' }).first().click();
    await page.locator('#track-email h2').getByText('parked').waitFor();
    await page.goto(`${system.page}/dead-letters`);
    await page.locator('#email').getByRole('heading', { name: reason }).waitFor();
  });
}

test('the bus loses answers and disturbs the order, and every effect is still made once', async () => {
  await page.goto(`${system.page}/try`);
  await page.getByLabel('answers lost, %').fill('50');
  await page.getByLabel('order disturbed').check();
  await page.locator('#bus').getByRole('button', { name: 'Set' }).click();
  await page.locator('#done').getByText('loses 50 % of the answers, and disturbs the order').waitFor();
  await page.goto(system.page);
  await page.locator('#needs').getByText('the bus misbehaves on purpose').waitFor();
  const user = await signUp(system, 90);
  await until('the mail', async () => (await json(`${system.urls['email-service']}/emails?user_id=${user.id}`)).emails.length === 1, 60);
  await page.goto(`${system.page}/try`);
  await page.getByLabel('answers lost, %').fill('0');
  await page.getByLabel('order disturbed').uncheck();
  await page.locator('#bus').getByRole('button', { name: 'Set' }).click();
});
