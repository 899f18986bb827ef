// The documents' pictures are of the page as it is: whoever changes how it looks makes them anew with
// `PICTURES=$(realpath ../../docs/pictures) node --test --test-concurrency=1`.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

const PAGE = new URL('../../functions/fanout/', import.meta.url);
const KEPT = new URL('../../docs/pictures/', import.meta.url);

/** What everything that a look is made of comes to. */
async function look() {
  const files = (await readdir(new URL('templates/console/', PAGE), { recursive: true })).filter((it) => it.endsWith('.html')).sort();
  const all = createHash('sha256');
  for (const file of [...files.map((it) => `templates/console/${it}`), 'assets/console.css', 'assets/console.js']) {
    all.update(`${file}\n`).update(await readFile(new URL(file, PAGE)));
  }
  return `${all.digest('hex')}\n`;
}

test('the pictures are of this page', async () => {
  const kept = new URL('look.sha256', KEPT);
  if (process.env.PICTURES !== undefined) await writeFile(kept, await look());
  assert.equal(await readFile(kept, 'utf8'), await look(), 'the page looks another way than its pictures: make them anew');
});

test('every picture that a document shows is there, and each that is there is shown', async () => {
  const shown = new Set();
  for (const document of ['README.md', 'docs/CONSOLE.md']) {
    const text = await readFile(new URL(`../../${document}`, import.meta.url), 'utf8');
    for (const [, name] of text.matchAll(/pictures\/([\w-]+\.png)/g)) shown.add(name);
  }
  const there = (await readdir(KEPT)).filter((it) => it.endsWith('.png'));
  assert.deepEqual([...shown].sort(), there.sort());
});
