// What people and programs write is text in the DOM: markup, templates, marks that turn text around, and
// names of 10 KB, on every screen that shows them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, launch, overflow, publish, signUp, start, tab, until } from './support.mjs';

const TURN = '\u202e';
const TEXTS = {
  script: '<script>window.hit = 1</script>',
  image: '"><img src=x onerror="window.hit = 1">',
  template: '{{ 7 * 7 }}${7*7}<%= 7 %>',
  turned: `abc${TURN}fed\u2066x\u200f`,
  control: '\u0000\u001b[2J\u0007',
  htmx: '<p hx-get="/live" hx-trigger="load" hx-on:click="window.hit = 1">x</p>',
  long: 'x'.repeat(10_000),
  wide: 'ẞ漢👩‍👩‍👧'.repeat(600),
};

let system;
let browser;
const paths = ['/', '/events', '/dead-letters', '/try'];
before(async () => {
  [system, browser] = await Promise.all([start(), launch()]);
  for (const [name, text] of Object.entries(TEXTS)) {
    const event = {
      id: `evt_${name}${text}`, type: 'user.created', source: text, subject: text, sequence: 1, timestamp: new Date().toISOString(),
      correlation_id: text, metadata: { version: '1.0' }, data: { user_id: text, email: 'hostile@example.com', name: text },
    };
    await publish(system, 'user-events', [{ data: event, attributes: { 'ce-id': `evt_${name}`, 'ce-type': text.slice(0, 60), 'ce-subject': text.slice(0, 60) } }]);
    await publish(system, 'user-events', [{ data: text, attributes: { [`x-${name}`]: text.slice(0, 300) || 'x' } }]);
    paths.push(`/events/${encodeURIComponent(`evt_${name}`)}`, `/users/${encodeURIComponent(text.slice(0, 200))}`, `/events?user=${encodeURIComponent(text.slice(0, 200))}`);
  }
  // A person may be called so, too.
  for (const [number, text] of Object.values(TEXTS).slice(0, 4).entries()) await signUp(system, number, text.slice(0, 100));
  await until('the letters', async () => {
    const page = await (await fetch(`${system.page}/dead-letters`)).text();
    return page.includes('class="group"');
  });
  const letters = await (await fetch(`${system.page}/dead-letters`)).text();
  for (const [, href] of letters.matchAll(/<tr data-href="([^"]+)"/g)) paths.push(href.replaceAll('&amp;', '&'));
  for (const [, href] of letters.matchAll(/href="(\/dead-letters\/plan[^"]+)"/g)) paths.push(href.replaceAll('&#38;', '&').replaceAll('&amp;', '&'));
});
after(async () => { await browser?.close(); await system?.stop(); });

for (const width of [1280, 390]) {
  test(`hostile texts are text in the DOM at ${width} px`, async () => {
    const page = await tab(browser, { viewport: { width, height: 844 } });
    const wrong = [];
    for (const path of new Set(paths)) {
      const answer = await page.goto(system.page + path);
      if (answer.status() >= 500) wrong.push(`${path}: ${answer.status()}`);
      const found = await page.evaluate(() => ({
        hit: window.hit,
        scripts: [...document.scripts].filter((it) => !it.src.startsWith(`${location.origin}/assets/`)).length,
        images: document.images.length,
        handlers: document.querySelectorAll('main [onerror], main [onclick], main [hx-get], main [hx-on\\:click], main script, main style, main iframe').length,
        computed: document.querySelector('main').textContent.includes('49'.repeat(1) + '$49'),
        // A mark that turns text around must not reach beyond the element that has it.
        turning: [...document.querySelectorAll('main *')].filter((it) => [...it.childNodes].some((node) => node.nodeType === 3 && /[\u202a-\u202e\u2066-\u2069]/.test(node.data)))
          .filter((it) => it.closest('td, dd, code, pre, p, li, option, input, a, span, h1, h2, h3, label') === null || !['isolate', 'plaintext', 'isolate-override'].includes(getComputedStyle(it).unicodeBidi)).map((it) => it.outerHTML.slice(0, 80)),
      }));
      const { turning, ...rest } = found;
      if (JSON.stringify(rest) !== JSON.stringify({ scripts: 0, images: 0, handlers: 0, computed: false })) wrong.push(`${path.slice(0, 60)}: ${JSON.stringify(rest)}`);
      if (turning.length > 0) wrong.push(`${path.slice(0, 60)} lets text be turned around: ${turning[0]}`);
      const wider = await overflow(page);
      if (wider > 0) wrong.push(`${path.slice(0, 60)}: ${wider} px too wide`);
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(page.faults.filter((it) => !it.includes('404')), []);
    for (const path of ['/events', '/dead-letters']) {
      await page.goto(system.page + path);
      assert.deepEqual(await axe(page), []);
    }
    await page.context().close();
  });
}
