// A newcomer in the browser alone: signs up, sends the same event twice, breaks email, sees an event
// wait, be tried again and end as a dead letter, mends it, redrives it, and reads its whole life.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { json, launch, picture, signUp, start, tab, until } from './support.mjs';

let system;
let browser;
before(async () => { [system, browser] = await Promise.all([start(), launch()]); });
after(async () => { await browser?.close(); await system?.stop(); });

const emails = async (user) => (await json(`${system.urls['email-service']}/emails?user_id=${user}`)).emails;

test('a newcomer breaks email, sees a dead letter, mends it, redrives it and reads its whole life', async () => {
  const began = Date.now();
  const page = await tab(browser);
  await page.goto(system.page);
  await page.getByText('It runs. Now sign somebody up.').waitFor();
  assert.match(await page.locator('#line').textContent(), /^curl -X POST http:\/\/localhost:\d+\/users /);

  // Sign up, and see the event go through.
  await page.locator('#first').getByRole('button', { name: 'Sign up' }).click();
  await page.getByText('There it goes.').waitFor();
  await page.locator('#first .chips li.ok').nth(2).waitFor();
  await page.getByRole('link', { name: 'Read its whole life' }).click();
  await page.getByRole('heading', { name: /^Event evt_/ }).waitFor();
  const user = (await page.locator('.facts a').first().textContent()).trim();
  assert.equal((await emails(user)).length, 1);

  // The same event twice: every consumer leaves it alone, and no second mail is sent.
  await page.getByRole('button', { name: 'Send it once more' }).click();
  for (const consumer of ['email', 'analytics', 'crm']) {
    await page.locator(`#track-${consumer}`).getByText('duplicate, left alone').waitFor();
  }
  assert.equal((await emails(user)).length, 1);

  // Break email. The page says what that does to its subscription.
  await page.getByRole('link', { name: 'Try it' }).click();
  await page.locator('#fault-email').getByRole('button', { name: 'Make it fail' }).click();
  await page.locator('#fault-email').getByText('fails on purpose (100 %)').waitFor();
  await page.locator('#done').getByText('gives up after 3 tries, 1 s apart').waitFor();
  const card = page.locator('section', { has: page.getByRole('heading', { name: 'Sign up', exact: true }) });
  await card.getByLabel('E-mail').fill('grace@example.com');
  await card.getByLabel('Name').fill('Grace Hopper');
  await card.getByRole('button', { name: 'Sign up' }).click();
  await page.locator('#done').getByRole('link', { name: 'see it' }).first().click();

  // It is tried again, and ends as a dead letter; the other consumers are done with it.
  const email = page.locator('#track-email');
  await email.getByText('retrying').first().waitFor();
  await email.locator('h2').getByText('dead letter').waitFor();
  assert.equal(await email.locator('.deliveries .warn').count(), 3);
  await page.locator('#track-crm h2').getByText('done').waitFor();
  const grace = (await page.locator('.facts a').first().textContent()).trim();
  assert.equal((await emails(grace)).length, 0);
  const life = page.url();

  // Its subscription has three tries, a second apart.
  const name = `${system.urls['Pub/Sub REST']}/v1/projects/fanout-local/subscriptions/user-events-email`;
  const broken = await json(name);
  assert.equal(broken.deadLetterPolicy.maxDeliveryAttempts, 3);
  assert.equal(broken.retryPolicy.maximumBackoff, '1s');

  if (process.env.PICTURES !== undefined) for (let number = 1; number <= 5; number += 1) await signUp(system, number);
  await picture(browser, system.page, 'flow', ['light', 'dark', '390']);

  // Mend it: the subscription is as it was.
  await page.goto(system.page);
  await page.locator('#needs').getByText('email fails on purpose').waitFor();
  await page.locator('#needs li', { hasText: 'email fails on purpose' }).getByRole('link').click();
  await page.locator('#fault-email').getByRole('button', { name: 'Mend it' }).click();
  await page.locator('#fault-email').getByText('works').waitFor();
  const mended = await json(name);
  assert.equal(mended.deadLetterPolicy.maxDeliveryAttempts, 20);

  // Redrive it: first exactly what, then how far.
  await page.getByRole('link', { name: /^Dead letters/ }).first().click();
  await page.goto(`${system.page}/dead-letters`);
  await page.getByRole('row', { name: new RegExp(grace.slice(-5)) }).getByRole('link', { name: 'redrive or discard' }).click();
  await page.getByText('Exactly this letter of email').waitFor();
  assert.equal((await emails(grace)).length, 0, 'a plan changes nothing');
  await page.getByRole('button', { name: 'Redrive 1 to email' }).click();
  await page.getByText('ended: 1 of 1 letter redriven').waitFor();
  await until('the mail', async () => (await emails(grace)).length === 1);

  await picture(browser, life, 'event', ['light', 'dark']);

  // Read its whole life.
  await page.goto(life);
  await email.locator('h2').getByText('done').waitFor();
  const told = await email.locator('.deliveries .what').allTextContents();
  assert.deepEqual(told.map((it) => it.replace(/^\W+/u, '')), ['failed', 'failed', 'failed', 'dead letter', 'done']);
  await email.getByText('by an operator').waitFor();

  await page.goto(`${system.page}/dead-letters`);
  assert.equal(await page.getByText(grace.slice(-5)).count(), 0);
  assert.deepEqual(page.faults, []);
  assert.ok(Date.now() - began < 180_000);
});
