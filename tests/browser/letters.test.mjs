// Dead letters picked by hand: exactly those are meant, with and without JavaScript, and by keys alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, json, launch, signUp, start, tab, until } from './support.mjs';

let system;
let browser;
const users = [];
before(async () => {
  [system, browser] = await Promise.all([start(), launch()]);
  const page = await tab(browser);
  await page.goto(`${system.page}/try`);
  await page.locator('#fault-email').getByRole('button', { name: 'Make it fail' }).click();
  for (let number = 1; number <= 6; number += 1) users.push(await signUp(system, number));
  await until('six dead letters', async () => {
    await page.goto(`${system.page}/dead-letters`);
    return await page.locator('#email tbody tr').count() === 6;
  });
  await page.goto(`${system.page}/try`);
  await page.locator('#fault-email').getByRole('button', { name: 'Mend it' }).click();
  await page.context().close();
});
after(async () => { await browser?.close(); await system?.stop(); });

const mails = async (user) => (await json(`${system.urls['email-service']}/emails?user_id=${user.id}`)).emails.length;
const letters = async (page) => {
  await page.goto(`${system.page}/dead-letters`);
  return page.locator('#email tbody tr').count();
};
const rowOf = (page, user) => page.getByRole('row', { name: new RegExp(user.id.slice(-5)) });
const ended = (page) => until('the redrive', async () => {
  await page.goto(page.url());
  return (await page.locator('#job').textContent()).includes('ended');
});

for (const [javaScriptEnabled, picked] of [[true, [0, 1]], [false, [2, 3]]]) {
  test(`letters that are picked are redriven, and no others, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
    const page = await tab(browser, { javaScriptEnabled });
    const before = await letters(page);
    const button = page.locator('#email .picked');
    if (javaScriptEnabled) assert.equal(await button.isDisabled(), true, 'none is picked yet');
    for (const index of picked) await rowOf(page, users[index]).getByRole('checkbox').check();
    if (javaScriptEnabled) assert.equal(await button.textContent(), 'Redrive or discard the 2 picked');
    await button.click();
    await page.getByText('Exactly these 2 letters of email').waitFor();
    assert.equal(await page.locator('tbody tr').count(), 2);
    for (const index of picked) assert.equal(await mails(users[index]), 0, 'a plan changes nothing');
    await page.getByRole('button', { name: 'Redrive 2 to email' }).click();
    await page.waitForURL('**/jobs/*');
    await ended(page);
    for (const index of picked) await until('the mail', async () => await mails(users[index]) === 1);
    assert.deepEqual(javaScriptEnabled ? await axe(page) : [], []);
    assert.equal(await letters(page), before - 2);
    assert.equal(await mails(users[4]), 0);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

test('picking none means none, not all', async () => {
  const page = await tab(browser, { javaScriptEnabled: false });
  await letters(page);
  await page.locator('#email .picked').click();
  await page.getByText('None was picked.').waitFor();
  assert.equal(await page.locator('form[method=post]').count(), 0);
  await page.context().close();
});

test('by keys alone: a letter is chosen, picked, looked at and redriven, and Enter on a plan cancels it', async () => {
  const page = await tab(browser);
  const before = await letters(page);
  await page.keyboard.press('j');
  await page.keyboard.press('r');
  await page.waitForURL('**/dead-letters/plan?*');
  await page.getByText('Exactly this letter of email').waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/dead-letters');
  assert.equal(await page.locator('#email tbody tr').count(), before);
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  assert.equal(await page.locator('#email input:checked').count(), 1);
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/dead-letters/email/*');
  await page.keyboard.press('r');
  await page.getByText('Exactly this letter of email').waitFor();
  const redrive = page.getByRole('button', { name: 'Redrive 1 to email' });
  for (let tabs = 0; tabs < 30 && !await redrive.evaluate((it) => it === document.activeElement); tabs += 1) await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/jobs/*');
  await page.getByText('ended: 1 of 1 letter redriven').waitFor();
  await page.context().close();
});

test('one letter has a page of its own, which says why it is there and shows no payload', async () => {
  const page = await tab(browser);
  await letters(page);
  await page.locator('#email tbody tr td.id a').first().click();
  await page.getByRole('heading', { name: /^Dead letter of email/ }).waitFor();
  await page.getByText('attempts_exhausted').waitFor();
  assert.ok(!(await page.content()).includes('@example.com'));
  await page.keyboard.press('s');
  await page.waitForURL('**/payload?letter=email');
  await page.context().close();
});
