// What the page does beyond showing itself: pause, hold, keys, charts, copy. Everything else is HTML.
'use strict';
(() => {
  const live = document.getElementById('live');
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  root.classList.add('has-js');

  // Live: states are whole, so what is missed while paused or held is made up for by one new stream.
  let paused = false;
  let held = -1;
  const state = (name) => {
    root.classList.remove('is-live', 'is-paused', 'is-lost');
    root.classList.add(name);
  };
  const again = () => live?._htmx?.sse?.reader?.cancel();
  const reading = () => Boolean(byId('rows')?.querySelector('tbody:hover, tbody :focus'));
  const showHeld = () => {
    const note = byId('held');
    if (!note) return;
    note.hidden = held < 0;
    if (!note.firstChild) {
      const button = document.createElement('button');
      button.type = 'button';
      button.addEventListener('click', () => { held = -1; showHeld(); document.activeElement?.blur(); again(); });
      note.append(button);
    }
    note.firstChild.textContent = held > 0 ? `${held} new: show them` : 'Something has changed: show it';
  };
  // How many of the rows that came are later than the first that is shown.
  const newer = (html) => {
    const number = (id) => Number(id.slice(2));
    const first = number(byId('rows').querySelector('tbody tr')?.id ?? 'e-0');
    return [...html.matchAll(/ id="(e-\d+)"/g)].filter(([, id]) => number(id) > first).length;
  };
  document.addEventListener('htmx:sse:after:connection', () => { if (!paused) state('is-live'); });
  document.addEventListener('htmx:sse:error', () => state('is-lost'));
  document.addEventListener('htmx:sse:close', (event) => {
    if (event.detail?.reason === 'message') {
      state('is-paused');
      byId('status').textContent = 'other tabs are live: load this one again';
    }
  });
  document.addEventListener('htmx:sse:before:message', (event) => {
    if (event.detail.message.event) return;
    const data = event.detail.message.data;
    if (paused) { event.preventDefault(); return; }
    if (data.startsWith('<hx-partial hx-target="#rows"') && byId('held') && reading()) {
      event.preventDefault();
      held = newer(data);
      showHeld();
    }
  });
  document.addEventListener('htmx:sse:after:message', (event) => {
    if (event.detail.message.data.includes('hx-target="#chart-')) draw();
    if (event.detail.message.data.includes('hx-target="#lanes"')) move();
  });
  byId('rows')?.addEventListener('pointerleave', () => { if (held >= 0) { held = -1; showHeld(); again(); } });

  const pause = byId('pause');
  const toggle = () => {
    if (!live) return;
    paused = !paused;
    pause.firstChild.textContent = paused ? 'Go on ' : 'Pause ';
    pause.setAttribute('aria-pressed', String(paused));
    state(paused ? 'is-paused' : 'is-live');
    if (!paused) again();
  };
  if (pause) {
    pause.hidden = !live;
    pause.addEventListener('click', toggle);
  }

  // Charts: drawn once, then given their numbers.
  const plots = new Map();
  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const window15 = (_, low, high) => [Math.max(high - 900, Math.min(low, high - 120)), high];
  const plotOf = (box, data, unit) => {
    const axis = { stroke: color('--soft'), grid: { stroke: color('--hair'), width: 1 }, ticks: { show: false }, font: '11px ' + color('--sans') };
    return new uPlot({
      width: box.clientWidth || 200, height: 96, legend: { show: false }, cursor: { y: false, points: { size: 5 } }, padding: [8, 16, 0, 0],
      scales: { x: { time: true, range: window15 }, y: { range: (_, low, high) => [0, Math.max(high || 0, 1)] } },
      axes: [{ ...axis, size: 20, space: 70, values: [[60, '{HH}:{mm}', null, null, null, null, null, null, 1], [1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1]] }, { ...axis, size: 34, space: 30, values: (_, splits) => splits.map((it) => (it >= 1000 ? `${it / 1000}${unit === ' ms' ? ' s' : 'k'}` : String(it))) }],
      series: [{}, { stroke: color('--accent'), width: 1.5, fill: color('--wash'), spanGaps: false, points: { show: (it, index) => it.data[index].filter((value) => value !== null).length < 3, size: 5 } }],
      tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), 'Etc/UTC'),
    }, data, box);
  };
  const draw = () => {
    if (!window.uPlot) return;
    for (const chart of document.querySelectorAll('.chart')) {
      const box = chart.querySelector('.plot');
      const { from, step, values, unit } = chart.querySelector('[data-values]').dataset;
      const shown = JSON.parse(values);
      const data = [shown.map((_, index) => Number(from) + index * Number(step)), shown];
      const plot = plots.get(box);
      if (plot) plot.setData(data);
      else plots.set(box, plotOf(box, data, unit));
    }
  };
  const redraw = () => {
    for (const plot of plots.values()) plot.destroy();
    plots.clear();
    draw();
  };
  draw();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  let width = innerWidth;
  addEventListener('resize', () => { if (width !== innerWidth) { width = innerWidth; redraw(); } });

  // Picking: the button says how many, and waits for the first.
  for (const form of document.querySelectorAll('.picking')) {
    const button = form.querySelector('.picked');
    // One letter alone is not picked.
    if (!button) continue;
    const says = button.textContent;
    const count = () => {
      const picked = form.querySelectorAll('input:checked').length;
      button.disabled = picked === 0;
      button.textContent = picked === 0 ? says : says.replace('those picked', `the ${picked} picked`);
    };
    form.addEventListener('change', count);
    count();
  }

  // Motion: a dot for each event on its way to each consumer, twelve an edge at most; from many a second on it is a band.
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  const narrow = matchMedia('(max-width: 760px)');
  let counts = null;
  const run = (place, from, to, delay) => {
    const dot = document.createElement('i');
    dot.className = 'dot';
    place.append(dot);
    const at = (x, y) => `translate(${x}px, ${y}px)`;
    const bend = to.x - 20;
    const path = [{ transform: at(from.x, from.y) }, { transform: at(bend, from.y) }, { transform: at(bend, to.y) }, { transform: at(to.x, to.y) }];
    const moved = dot.animate(path, { duration: 550, delay, fill: 'backwards', easing: 'ease-in-out' });
    moved.finished.then(() => dot.remove(), () => dot.remove());
  };
  const move = () => {
    const place = byId('motion');
    if (!place) return;
    const lanes = [...document.querySelectorAll('#lanes .lane[id]')];
    const before = counts;
    counts = new Map(lanes.map((it) => [it.id, Number(it.querySelector('.topic').dataset.all)]));
    if (!before || still.matches || narrow.matches || document.hidden) return;
    if (lanes.every((it) => counts.get(it.id) === before.get(it.id))) return;
    const origin = place.getBoundingClientRect();
    const middle = (box) => (box.top + box.bottom) / 2 - origin.y;
    const edges = lanes.filter((it) => !it.matches('.band')).flatMap((lane) => {
      const count = counts.get(lane.id) - (before.get(lane.id) ?? 0);
      if (count <= 0) return [];
      const from = lane.querySelector('.topic').getBoundingClientRect();
      const ends = [...lane.querySelectorAll('.listener[id]')].map((it) => it.getBoundingClientRect());
      return ends.map((to) => [{ x: from.right - origin.x, y: middle(from) }, { x: to.left - origin.x, y: middle(to) }, count]);
    });
    for (const [from, to, count] of edges) for (let dot = 0; dot < Math.min(count, 12); dot += 1) run(place, from, to, dot * 20);
  };
  move();

  // Copy.
  document.addEventListener('click', async (event) => {
    const button = event.target.closest?.('[data-copy]');
    if (!button) return;
    await navigator.clipboard.writeText(byId(button.dataset.copy).textContent);
    button.textContent = 'Copied';
  });

  // Keys. Single ones can be left alone (WCAG 2.1.4).
  const help = byId('help');
  const off = byId('keys-off');
  off.checked = localStorage.getItem('keys') === 'off';
  off.addEventListener('change', () => localStorage.setItem('keys', off.checked ? 'off' : 'on'));
  byId('help-open')?.addEventListener('click', () => help.showModal());
  const screens = { f: '/', e: '/events', d: '/dead-letters', o: '/processes', m: '/projections', t: '/try' };
  let went = false;
  const choose = (step) => {
    const rows = [...document.querySelectorAll('tr[data-href]')];
    if (rows.length === 0) return;
    const at = rows.findIndex((row) => row.classList.contains('chosen'));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    rows[at]?.classList.remove('chosen');
    next.classList.add('chosen');
    (next.querySelector('a') ?? next).focus({ preventScroll: true });
    next.scrollIntoView({ block: 'nearest' });
  };
  // Of the chosen row, else of the screen.
  const follow = (key) => (document.querySelector(`tr.chosen [data-key="${key}"]`) ?? document.querySelector(`[data-key="${key}"]`))?.click();
  const keys = {
    '?': () => help.showModal(),
    '/': () => byId('filter')?.querySelector('input, select')?.focus(),
    p: toggle,
    j: () => choose(1),
    k: () => choose(-1),
    s: () => follow('s'),
    r: () => follow('r'),
    x: () => document.querySelector('tr.chosen input[type=checkbox]')?.click(),
  };
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input, select, textarea, dialog');
    if (typing && event.key === 'Escape') typing.blur();
    if ((typing && typing.type !== 'checkbox') || off.checked || event.ctrlKey || event.metaKey || event.altKey) return;
    if (went) {
      went = false;
      const to = screens[event.key];
      if (to) location.assign(to);
      return;
    }
    if (event.key === 'g') { went = true; setTimeout(() => { went = false; }, 1500); return; }
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  document.addEventListener('click', (event) => {
    const row = event.target.closest?.('tr[data-href]');
    if (row && !event.target.closest('a, button, label') && !String(getSelection())) location.assign(row.dataset.href);
  });
})();
