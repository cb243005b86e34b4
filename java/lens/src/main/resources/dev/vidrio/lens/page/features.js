/** The number of rows of a table that are in the page at once. */
const SHOWN_ROWS = 200;

/** The orders of the table of features. */
const FEATURE_ORDERS = [
  ['number', (a, b) => a.feature - b.feature],
  ['density, highest first', (a, b) => b.density - a.density],
  ['largest activation', (a, b) => b.max - a.max],
  ['detection', (a, b) => (b.detection ?? -1) - (a.detection ?? -1)],
  ['fuzzing', (a, b) => (b.fuzzing ?? -1) - (a.fuzzing ?? -1)],
];

/** A table of features with a search in their explanations and tokens. */
function drawFeatures(view) {
  const described = view.rows.some(row => row.explanation);
  const columns = ['feature', 'density', 'max', ...(described ? ['explanation', 'detection', 'fuzzing'] : []), 'active at', 'promotes'];
  const search = element('input', { type: 'search', size: 30, input: () => show() });
  const order = element('select', { change: () => show() });
  const orders = FEATURE_ORDERS.filter(([name]) => described || !['detection', 'fuzzing'].includes(name));
  orders.forEach(([name]) => order.append(element('option', {}, name)));
  const status = element('p', { class: 'note', role: 'status' });
  const body = element('tbody', {});
  const score = value => (value === null ? '' : value.toFixed(2));
  const texts = view.rows.map(row => [row.explanation, ...row.active, ...row.promoted].join('\n').toLowerCase());

  const line = row => {
    const number = text => element('td', { class: 'number' }, text);
    const pieces = list => element('td', { class: 'pieces' }, element('bdi', {}, list.map(visible).join(' ')));
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, element('a', { href: `${row.page}#${row.feature}` }, `#${row.feature}`)),
      number((100 * row.density).toPrecision(2) + ' %'),
      number(written(row.max)),
      ...(described
        ? [element('td', { class: 'words' }, readable(row.explanation)), number(score(row.detection)), number(score(row.fuzzing))]
        : []),
      pieces(row.active),
      pieces(row.promoted),
    );
  };
  const show = () => {
    const wanted = search.value.trim().toLowerCase();
    const id = /^#?\d+$/.test(wanted) ? Number(wanted.replace('#', '')) : -1;
    const found = view.rows.filter((row, i) => texts[i].includes(wanted) || row.feature === id);
    found.sort(orders[order.selectedIndex][1]);
    found.sort((a, b) => (b.feature === id) - (a.feature === id));
    body.replaceChildren(...found.slice(0, SHOWN_ROWS).map(line));
    status.textContent =
      found.length > SHOWN_ROWS ? `${found.length} features, the first ${SHOWN_ROWS} shown` : `${found.length} features`;
  };
  order.selectedIndex = 0;
  show();
  const head = element('tr', {}, ...columns.map(name => element('th', { scope: 'col' }, name)));
  const table = element('table', { class: 'features', 'aria-label': view.title }, element('thead', {}, head), body);
  return [
    element('div', { class: 'controls' }, element('label', {}, 'Search: ', search), element('label', {}, 'Order: ', order)),
    status,
    scrolling(view.title, true, table),
  ];
}

/** The details of the feature that the address names. */
function drawCards(view) {
  const numbers = view.cards.map(card => card.feature);
  const input = element('input', { type: 'number', min: numbers[0], max: numbers.at(-1), change: () => go(Number(input.value)) });
  const step = by => go(numbers[Math.min(numbers.length - 1, Math.max(0, numbers.indexOf(Number(input.value)) + by))]);
  const place = element('div', {});
  const go = number => {
    location.hash = String(number);
  };
  const show = () => {
    const wanted = Number(location.hash.slice(1) || numbers[0]);
    const card = view.cards[numbers.indexOf(wanted)];
    input.value = card ? wanted : numbers[0];
    place.replaceChildren(
      ...(card ? drawCard(card) : [element('p', { role: 'status' }, `This page has features ${numbers[0]} to ${numbers.at(-1)}.`)]),
    );
  };
  addEventListener('hashchange', show);
  show();
  return [
    element(
      'div',
      { class: 'controls' },
      element('a', { href: view.contents }, 'All features'),
      element('label', {}, 'Feature: ', input),
      element('button', { type: 'button', click: () => step(-1) }, 'Previous'),
      element('button', { type: 'button', click: () => step(1) }, 'Next'),
    ),
    place,
  ];
}

function drawCard(card) {
  const scale = scaleOf('SEQUENTIAL', [0, card.max], 0, card.max || 1);
  const title = text => element('h4', {}, text);
  const examples = list => list.map(example => drawExample(example, scale));
  return [
    element('h3', {}, `Feature #${card.feature}`),
    ...(card.explanation ? [element('p', { class: 'words' }, readable(card.explanation))] : []),
    ...(card.scores.length ? [drawScores(card.scores)] : []),
    element(
      'p',
      { class: 'note' },
      `Active at ${card.active} tokens, ${(100 * card.density).toPrecision(2)} %; mean activation ${written(card.mean)}, largest ${written(card.max)}.`,
    ),
    ...(card.histogram.counts.length ? drawHistogram(card) : []),
    ...(card.promoted.length
      ? [
          element('div', { class: 'effects' }, drawEffects('Promotes', card.promoted), drawEffects('Suppresses', card.suppressed)),
        ]
      : []),
    ...(card.top.length ? [title('Largest activations'), element('div', { class: 'controls' }, legend(scale)), ...examples(card.top)] : []),
    ...[...card.quantiles]
      .reverse()
      .flatMap(group => [title(`Random examples from ${written(group.from)} to ${written(group.to)}`), ...examples(group.examples)]),
  ];
}

function drawScores(scores) {
  const cell = text => element('td', { class: 'number' }, text);
  const head = ['score', 'accuracy', "with another feature's explanation", 'not answered'];
  return element(
    'table',
    { class: 'features', 'aria-label': 'Scores of the explanation' },
    element('thead', {}, element('tr', {}, ...head.map(name => element('th', { scope: 'col' }, name)))),
    element(
      'tbody',
      {},
      ...scores.map(score =>
        element('tr', {}, element('th', { scope: 'row' }, score.name), cell(score.own.toFixed(2)), cell(score.other.toFixed(2)), cell(String(score.failed))),
      ),
    ),
  );
}

/** Bars of the numbers of tokens by activation, by logarithm. */
function drawHistogram({ histogram: { width, counts } }) {
  const height = count => (count ? 100 * (Math.log1p(count) / Math.log1p(Math.max(...counts))) : 0);
  const bars = counts.map((count, i) => {
    const bar = element('div', {});
    bar.style.height = height(count) + '%';
    bar.addEventListener('mousemove', event =>
      showTip([`${written(i * width)} to ${written((i + 1) * width)}: ${count} tokens`], event.clientX, event.clientY),
    );
    bar.addEventListener('mouseleave', hideTip);
    return bar;
  });
  const label = `Histogram of activations from 0 to ${written(counts.length * width)}, heights by logarithm`;
  return [
    element('div', { class: 'histogram', role: 'img', 'aria-label': label }, ...bars),
    element('p', { class: 'note' }, label),
  ];
}

function drawEffects(name, effects) {
  const rows = effects.map(effect =>
    element('tr', {}, element('th', { scope: 'row' }, element('bdi', {}, visible(effect.piece) || '·')), element('td', { class: 'number' }, written(effect.value))),
  );
  return element(
    'table',
    { class: 'features' },
    element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, name), element('th', { scope: 'col' }, 'logit'))),
    element('tbody', {}, ...rows),
  );
}

/** A line of text with the active tokens in color; arrow keys go from one to the next. */
function drawExample(example, scale) {
  const active = [];
  const nodes = example.tokens.map((token, i) => {
    const value = example.activations[i];
    const node = element('span', i === example.position - example.from ? { class: 'at' } : {}, readable(token).replaceAll('\n', '⏎').replaceAll('\t', '⇥') || '·');
    if (value > 0) {
      const lines = [`${quoted(token)} ${written(value)}`];
      paint(node, scale.of(value));
      node.setAttribute('role', 'img');
      node.setAttribute('aria-label', lines[0]);
      node.addEventListener('mousemove', event => showTip(lines, event.clientX, event.clientY));
      node.addEventListener('mouseleave', hideTip);
      node.addEventListener('blur', hideTip);
      active.push({ node, lines });
    }
    return node;
  });
  rove([active.map(each => each.node)], (i, j, node) => showTipAt(active[j].lines, node));
  const value = example.activations[example.position - example.from];
  return element('p', { class: 'example' }, element('span', { class: 'amount' }, written(value)), element('bdi', {}, ...nodes));
}
