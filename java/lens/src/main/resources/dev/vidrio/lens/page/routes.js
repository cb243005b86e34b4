/** The plane of information flow routes: a column for each token, two rows for each layer. */
const PLANE = { column: 62, row: 26, left: 64, label: 30, radius: 4 };

/** The name of a row: the embedding, or a layer after attention or at its end. */
function rowName(row) {
  return row === 0 ? 'embedding' : `layer ${Math.floor((row - 1) / 2)}${row % 2 ? ' after attention' : ''}`;
}

/** The edges above a threshold that lead to the first one's target; edges are in order from the top. */
function routesAbove(edges, threshold) {
  const reached = new Set(edges.length ? [`${edges[0].high} ${edges[0].to}`] : []);
  return edges.filter(edge => {
    const follows = edge.share > threshold && reached.has(`${edge.high} ${edge.to}`);
    if (follows && !['attention_bias', 'edit'].includes(edge.kind)) {
      reached.add(`${edge.low} ${edge.from}`);
    }
    return follows;
  });
}

/** Groups values by a key. */
function grouped(values, keyOf) {
  const groups = new Map();
  values.forEach(value => {
    const key = keyOf(value);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  });
  return groups;
}

function drawRoutes(view) {
  const { column, row, left, label, radius } = PLANE;
  const rows = [...new Set(view.edges.flatMap(edge => [edge.low, edge.high]))].sort((a, b) => a - b);
  const rank = new Map(rows.map((number, r) => [number, r]));
  const width = left + view.tokens.length * column;
  const height = rows.length * row + 2 * label;
  const x = token => left + (token + 0.5) * column;
  const y = number => height - label - (rank.get(number) + 0.5) * row;

  const path = ({ kind, from, low, to, high }) => {
    const y1 = y(low);
    const y2 = y(high);
    if (from !== to || kind === 'residual') {
      return `M${x(from)} ${y1}L${x(to)} ${y2}`;
    }
    const bow = kind === 'head' ? -column / 4 : column / 4;
    return `M${x(from)} ${y1}C${x(from) + bow} ${y1} ${x(to) + bow} ${y2} ${x(to)} ${y2}`;
  };
  const kindOf = kind => (kind === 'residual' || kind === 'head' ? kind : 'block');
  const lines = [
    ...grouped(view.edges, e => [kindOf(e.kind), e.low, e.from, e.high, e.to].join(' ')).values(),
  ].map(edges => ({
    edges,
    line: drawn('path', { class: `route ${kindOf(edges[0].kind)}`, d: path(edges[0]) }),
  }));

  const names = grouped(
    view.edges.flatMap(edge => [
      { number: edge.high, token: edge.to },
      { number: edge.low, token: edge.from },
    ]),
    node => `${node.number} ${node.token}`,
  );
  const nodes = [...names].map(([key, [{ number, token }]]) => ({ key, number, token, into: [] }));
  const of = new Map(nodes.map(node => [node.key, node]));
  const about = node => [
    `${rowName(node.number)}, ${quoted(view.tokens[node.token])} (${node.token})`,
    ...node.into
      .toSorted((a, b) => b.share - a.share)
      .map(edge => {
        const from = edge.kind === 'head' ? ` from ${quoted(view.tokens[edge.from])} (${edge.from})` : '';
        return `${edge.name}${from}: ${written(edge.share)}`;
      }),
  ];
  const choose = node =>
    lines.forEach(({ edges, line }) =>
      line.classList.toggle('aside', node !== null && (edges[0].high !== node.number || edges[0].to !== node.token)),
    );
  nodes.forEach(node => {
    const place = { cx: x(node.token), cy: y(node.number), r: radius };
    node.dot = drawn('circle', { class: 'stream', role: 'img', ...place });
    node.dot.addEventListener('mousemove', event => {
      choose(node);
      showTip(about(node), event.clientX, event.clientY);
    });
    ['mouseleave', 'blur'].forEach(name =>
      node.dot.addEventListener(name, () => {
        choose(null);
        hideTip();
      }),
    );
  });
  const inRows = rows
    .toReversed()
    .map(number => nodes.filter(node => node.number === number).sort((a, b) => b.token - a.token));
  rove(inRows.map(line => line.map(node => node.dot)), (i, j, dot) => {
    choose(inRows[i][j]);
    showTipAt(about(inRows[i][j]), dot);
  });

  const count = element('span', { role: 'status' });
  const show = threshold => {
    const kept = new Set(routesAbove(view.edges, threshold));
    nodes.forEach(node => (node.into = []));
    kept.forEach(edge => of.get(`${edge.high} ${edge.to}`).into.push(edge));
    const reached = new Set([...kept].flatMap(edge => [`${edge.high} ${edge.to}`, `${edge.low} ${edge.from}`]));
    nodes.forEach(node => {
      node.dot.classList.toggle('away', !reached.has(node.key));
      node.dot.setAttribute('aria-label', about(node).join(', '));
    });
    lines.forEach(({ edges, line }) => {
      const share = edges.reduce((sum, edge) => sum + (kept.has(edge) ? edge.share : 0), 0);
      line.classList.toggle('away', share === 0);
      line.setAttribute('stroke-width', 0.8 + 5 * share);
    });
    count.textContent = `${written(threshold)}, ${kept.size} edges`;
  };

  // The slider goes from the least share to 1, by logarithm.
  const least = Math.min(0.5, Math.max(1e-6, view.edges.reduce((a, edge) => Math.min(a, edge.share), view.threshold)));
  const slider = element('input', {
    type: 'range',
    min: 0,
    max: 100,
    step: 0.5,
    value: 100 - (100 * Math.log(Math.max(least, view.threshold))) / Math.log(least),
    input: () => show(least ** (1 - slider.value / 100)),
  });
  const texts = view.tokens.flatMap((token, i) =>
    [label - 10, height - label + 18].map(at =>
      drawn('text', { class: 'token', x: x(i), y: at }, shortened(visible(token), 8)),
    ),
  );
  const layers = rows
    .filter(number => number % 2 === 0)
    .map(number =>
      drawn('text', { class: 'layer', x: left - 6, y: y(number) + 4 }, number ? String(number / 2 - 1) : 'embed'),
    );
  const svg = drawn(
    'svg',
    { class: 'routes', width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': view.title },
    ...layers,
    ...texts,
    ...lines.map(({ line }) => line),
    ...nodes.map(node => node.dot),
  );
  show(view.threshold);
  const place = scrolling(view.title, false, svg);
  // The prediction is at the top right.
  requestAnimationFrame(() => (place.scrollLeft = place.scrollWidth));
  return [element('div', { class: 'controls' }, element('label', {}, 'Threshold: ', slider), count), place];
}
