// What the page does beyond showing itself: pause, hold, keys, charts, copy. Everything else is HTML.
'use strict';
(() => {
  const live = document.getElementById('live');
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  root.classList.add('has-js');

  // Live: states are whole, so what is missed while paused or held is made up for by one new stream.
  let paused = false;
  let held = 0;
  const state = (name) => {
    root.classList.remove('is-live', 'is-paused', 'is-lost');
    root.classList.add(name);
  };
  const again = () => live?._htmx?.sse?.reader?.cancel();
  const reading = () => Boolean(byId('rows')?.querySelector('tbody:hover, tbody :focus'));
  const showHeld = () => {
    const note = byId('held');
    if (!note) return;
    note.hidden = held === 0;
    if (held > 0 && !note.firstChild) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = 'There is news: show it';
      button.addEventListener('click', () => { held = 0; showHeld(); document.activeElement?.blur(); again(); });
      note.append(button);
    }
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
      held += 1;
      showHeld();
    }
  });
  document.addEventListener('htmx:sse:after:message', (event) => {
    if (event.detail.message.data.includes('hx-target="#charts"')) draw();
  });
  byId('rows')?.addEventListener('pointerleave', () => { if (held > 0) { held = 0; showHeld(); again(); } });

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
  const draw = () => {
    const place = document.querySelector('.plots');
    const from = document.querySelector('.charts');
    if (!place || !from || !window.uPlot || getComputedStyle(place).display === 'none') return;
    const times = JSON.parse(from.dataset.times);
    for (const chart of from.querySelectorAll('.chart')) {
      const data = [times, JSON.parse(chart.dataset.values)];
      let plot = plots.get(chart.id);
      if (!plot) {
        const box = document.createElement('div');
        box.className = 'plot';
        box.setAttribute('aria-hidden', 'true');
        place.append(box);
        const axis = { stroke: color('--soft'), grid: { stroke: color('--hair'), width: 1 }, ticks: { show: false }, font: '11px ' + color('--sans') };
        plot = new uPlot({
          width: box.clientWidth || 200, height: 84, legend: { show: false }, cursor: { y: false, points: { size: 5 } }, padding: [6, 4, 0, 0],
          scales: { x: { time: true, range: (_, low, high) => [(high || 0) - 900, high || 0] }, y: { range: (_, low, high) => [0, Math.max(high || 0, 1)] } },
          axes: [{ ...axis, size: 20, space: 90, values: [[60, '{HH}:{mm}', null, null, null, null, null, null, 1], [1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1]] }, { ...axis, size: 40, space: 30, values: (_, splits) => splits.map((it) => (it >= 1000 ? `${it / 1000}k` : String(it))) }],
          series: [{}, { stroke: color('--accent'), width: 1.5, fill: color('--wash'), spanGaps: false, points: { show: (it, index) => it.data[index].filter((value) => value !== null).length < 3, size: 5 } }],
          tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), 'Etc/UTC'),
        }, data, box);
        plots.set(chart.id, plot);
      } else {
        plot.setData(data);
      }
    }
  };
  const redraw = () => {
    for (const plot of plots.values()) plot.destroy();
    plots.clear();
    document.querySelector('.plots')?.replaceChildren();
    draw();
  };
  draw();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  let width = innerWidth;
  addEventListener('resize', () => { if (width !== innerWidth) { width = innerWidth; redraw(); } });

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
  const keys = {
    '?': () => help.showModal(),
    '/': () => byId('filter')?.querySelector('input, select')?.focus(),
    p: toggle,
    j: () => choose(1),
    k: () => choose(-1),
    s: () => document.querySelector('[data-key="s"]')?.click(),
    r: () => document.querySelector('[data-key="r"]')?.click(),
  };
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input, select, textarea, dialog');
    if (typing || off.checked || event.ctrlKey || event.metaKey || event.altKey) return;
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
    if (row && !event.target.closest('a, button') && !String(getSelection())) location.assign(row.dataset.href);
  });
})();
