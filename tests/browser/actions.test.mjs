// Each thing that the page can do, its result read from the services and the bus.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { json, launch, signUp, start, tab, until } from './support.mjs';

let system;
let browser;
let page;
before(async () => { [system, browser] = await Promise.all([start('--all'), launch()]); });
after(async () => { await browser?.close(); await system?.stop(); });
beforeEach(async () => { page = await tab(browser); });
afterEach(async () => {
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

const card = (heading) => page.locator('section', { has: page.getByRole('heading', { name: heading, exact: true }) });
const tryIt = () => page.goto(`${system.page}/try`);
const seeIt = () => page.locator('#done').getByRole('link', { name: 'see it' }).first().click();
const contact = (user) => fetch(`${system.urls['crm-service']}/contacts/${user}`);

test('an order goes through all of its steps', async () => {
  await tryIt();
  await card('Order').getByLabel('User').fill('321');
  await card('Order').getByRole('button', { name: 'Order' }).click();
  await until('the order', async () => {
    const { orders } = await json(`${system.urls['order-service']}/orders?user_id=321`);
    return orders?.[0]?.status === 'confirmed';
  });
  await page.goto(`${system.page}/processes`);
  await page.locator('#processes').getByText('completed').first().waitFor();
  await page.locator('#processes tbody a').first().click();
  await page.getByRole('heading', { name: 'Steps' }).waitFor();
  await page.locator('.facts a[href^="/requests/"]').click();
  await page.locator('.waterfall').getByText('order.confirmed').waitFor();
});

const send = async (method, service, path, body) => {
  const sent = await fetch(system.urls[service] + path, { method, headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
  assert.ok(sent.ok, `${path}: ${sent.status}`);
  return sent.status === 204 ? null : sent.json();
};

test('a read model is rebuilt and rolled back, and is the same in each generation', async () => {
  await send('PUT', 'post-service', '/users/ada/following/bob');
  const post = await send('POST', 'post-service', '/posts', { author_id: 'bob', content: 'seen' });
  const feed = async () => (await json(`${system.urls['feed-service']}/feeds/ada`)).items.map((it) => it.post_id);
  await until('the post in the feed', async () => (await feed()).includes(post.id));
  await page.goto(`${system.page}/projections`);
  await page.getByRole('button', { name: 'Rebuild feed' }).click();
  await page.locator('#projections').getByText('generation 2', { exact: true }).waitFor();
  assert.deepEqual(await feed(), [post.id]);
  await page.getByRole('button', { name: 'Roll feed back' }).click();
  await page.locator('#projections td.good').getByText('generation 1', { exact: true }).waitFor();
  assert.deepEqual(await feed(), [post.id]);
});

test('an account is shown as it was', async () => {
  const account = await send('POST', 'account-service', '/accounts', { owner: 'ada', currency: 'EUR' });
  await send('POST', 'account-service', `/accounts/${account.id}/deposits`, { amount: '810', effective_at: '2026-01-31T00:00:00Z' });
  await send('POST', 'account-service', `/accounts/${account.id}/withdrawals`, { amount: '300', effective_at: '2026-02-01T00:00:00Z' });
  await page.goto(`${system.page}/users/${account.id}`);
  await page.locator('#state').getByText('510', { exact: false }).first().waitFor();
  assert.equal(await page.locator('.waterfall > li').count(), 3);
  await page.getByLabel('As it was true on').fill('2026-01-31');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.locator('#state').getByText('810', { exact: false }).first().waitFor();
  await page.getByLabel('As it was true on').fill('yesterday');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.locator('#filter + .note').waitFor();
});

test('an event by hand reaches its consumers, and one that is not valid is refused', async () => {
  await tryIt();
  const publish = card('Publish by hand');
  await publish.getByLabel('Data').fill('{"user_id":"usr_hand","email":"hand@example.com","name":"By Hand"}');
  await publish.getByRole('button', { name: 'Publish' }).click();
  await until('the contact', async () => (await contact('usr_hand')).status === 200);
  await publish.getByLabel('Data').fill('{"user_id":"usr_hand","email":7}');
  await publish.getByRole('button', { name: 'Publish' }).click();
  await page.locator('#done').getByText('the event is not valid').waitFor();
});

test('garbage is parked by every consumer, and can be discarded into a file', async () => {
  await tryIt();
  await card('Garbage').getByRole('button', { name: 'Send it' }).click();
  await seeIt();
  for (const consumer of ['email', 'analytics', 'crm']) {
    await page.locator(`#track-${consumer} h2`).getByText('parked').waitFor();
  }
  await page.locator('#track-crm').getByRole('link', { name: 'Redrive or discard' }).click();
  await page.getByText('Discard instead').click();
  await page.getByRole('button', { name: /^Discard 1 into a file/ }).click();
  const said = await page.locator('#done li').first().textContent();
  const [, file] = /kept in (\S+)/.exec(said);
  const letter = JSON.parse(await readFile(file, 'utf8'));
  assert.equal(Buffer.from(letter.data, 'base64').toString(), 'this is not JSON');
  await page.goto(`${system.page}/dead-letters`);
  assert.equal(await page.locator('#crm').count(), 0);
});

test('a known id with another payload is parked, and the first stays as it was', async () => {
  const user = await signUp(system, 50);
  await until('the contact', async () => (await contact(user.id)).status === 200);
  await tryIt();
  await card('Garbage').getByLabel('What').selectOption('reused');
  await card('Garbage').getByRole('button', { name: 'Send it' }).click();
  await seeIt();
  await page.locator('#track-crm').getByText('id_reused').first().waitFor();
  assert.equal((await (await contact(user.id)).json()).name, user.name);
});

test('a consumer that is paused waits, and goes on when it is mended', async () => {
  await tryIt();
  await page.locator('#fault-crm').getByRole('button', { name: 'Pause it' }).click();
  await page.locator('#fault-crm').getByText('paused').first().waitFor();
  const user = await signUp(system, 60);
  await page.goto(`${system.page}/events?outcome=open&consumer=crm`);
  await page.locator('#rows td.warn').first().waitFor();
  assert.equal((await contact(user.id)).status, 404);
  await tryIt();
  await page.locator('#fault-crm').getByRole('button', { name: 'Mend it' }).click();
  await until('the contact', async () => (await contact(user.id)).status === 200);
});

test('a slow consumer is slow, and the bus delivers twice when it is told to', async () => {
  await tryIt();
  await page.locator('#fault-analytics').getByRole('button', { name: 'Slow it' }).click();
  await page.locator('#fault-analytics').getByText('slowed by 2.0 s').waitFor();
  await page.getByLabel('delivered twice, %').fill('100');
  await page.locator('#bus').getByRole('button', { name: 'Set' }).click();
  await page.locator('#done').getByText('the bus delivers 100 % twice').waitFor();
  await signUp(system, 70);
  await page.goto(`${system.page}/events`);
  await page.locator('#rows tbody tr').first().getByText('again').first().waitFor();
  await tryIt();
  await page.getByLabel('delivered twice, %').fill('0');
  await page.locator('#bus').getByRole('button', { name: 'Set' }).click();
  await page.locator('#fault-analytics').getByRole('button', { name: 'Mend it' }).click();
});

test('what is live can be paused, and goes on with the present', async () => {
  await page.goto(`${system.page}/events`);
  await page.waitForFunction(() => document.documentElement.matches('.is-live'));
  const rows = () => page.locator('#rows tbody tr').count();
  const before = await rows();
  await page.keyboard.press('p');
  await signUp(system, 80);
  const { orders } = await json(`${system.urls['order-service']}/orders?user_id=321`);
  assert.ok(orders);
  assert.equal(await rows(), before);
  await page.keyboard.press('p');
  await until('the row', async () => (await rows()) > before);
});
