/** The plane of an attribution graph: a column for each token, a row for each layer. */
const FIELD = { node: 15, row: 34, left: 64, label: 34, radius: 5, least: 62 };

/** The number of edges that are drawn at first: the strongest. */
const EDGES_DRAWN = 300;

/** Edges of a node in its description. */
const EDGES_SHOWN = 8;

function drawGraph(view) {
  const cells = grouped(
    view.nodes.map((node, i) => ({ ...node, i })),
    node => `${node.row} ${node.column}`,
  );
  const widths = view.tokens.map((token, column) =>
    view.rows.reduce(
      (most, name, row) => Math.max(most, ((cells.get(`${row} ${column}`) ?? []).length + 1) * FIELD.node),
      FIELD.least,
    ),
  );
  const starts = widths.map((width, column) => FIELD.left + widths.slice(0, column).reduce((a, b) => a + b, 0));
  const width = FIELD.left + widths.reduce((a, b) => a + b, 0);
  const used = view.rows.map((name, row) => row).filter(row => view.nodes.some(node => node.row === row));
  const rank = new Map(used.map((row, r) => [row, r]));
  const height = used.length * FIELD.row + 2 * FIELD.label;
  const y = row => height - FIELD.label - (rank.get(row) + 0.5) * FIELD.row;
  const places = view.nodes.map(() => null);
  cells.forEach(nodes =>
    nodes.forEach((node, k) => {
      const center = starts[node.column] + widths[node.column] / 2;
      places[node.i] = { x: center + (k - (nodes.length - 1) / 2) * FIELD.node, y: y(node.row) };
    }),
  );

  const greatest = view.edges.reduce((a, edge) => Math.max(a, Math.abs(edge.value)), 0) || 1;
  const lines = view.edges.map(edge => {
    const from = places[edge.from];
    const to = places[edge.to];
    const middle = (from.y + to.y) / 2;
    return drawn('path', {
      class: edge.value < 0 ? 'arc negative' : 'arc',
      d: `M${from.x} ${from.y}C${from.x} ${middle} ${to.x} ${middle} ${to.x} ${to.y}`,
      'stroke-width': 0.4 + (4 * Math.abs(edge.value)) / greatest,
    });
  });

  const edgesOf = view.nodes.map(() => []);
  view.edges.forEach((edge, e) => {
    edgesOf[edge.from].push(e);
    edgesOf[edge.to].push(e);
  });
  const about = i => {
    const own = edgesOf[i].toSorted((a, b) => Math.abs(view.edges[b].value) - Math.abs(view.edges[a].value));
    return [
      view.nodes[i].name,
      ...view.nodes[i].about,
      ...own.slice(0, EDGES_SHOWN).map(e => {
        const edge = view.edges[e];
        const way = edge.to === i ? `from ${view.nodes[edge.from].name}` : `to ${view.nodes[edge.to].name}`;
        return `${way}: ${written(edge.value)}`;
      }),
    ];
  };
  const byStrength = view.edges
    .map((edge, e) => e)
    .sort((a, b) => Math.abs(view.edges[b].value) - Math.abs(view.edges[a].value));
  let strongest = new Set();
  let pinned = null;
  const choose = i => {
    const own = new Set(i === null ? [] : edgesOf[i]);
    const near = new Set([...own].flatMap(e => [view.edges[e].from, view.edges[e].to]));
    lines.forEach((line, e) => line.classList.toggle('away', !(i === null ? strongest : own).has(e)));
    dots.forEach((dot, k) => dot.classList.toggle('away', i !== null && k !== i && !near.has(k)));
  };
  const dots = view.nodes.map((node, i) => {
    const { x, y: at } = places[i];
    const r = FIELD.radius * (0.7 + 0.6 * Math.sqrt(node.influence));
    const shape =
      node.kind === 'error'
        ? drawn('rect', { x: x - r, y: at - r, width: 2 * r, height: 2 * r })
        : drawn('circle', { cx: x, cy: at, r });
    const dot = drawn('g', { class: `vertex ${node.kind}`, role: 'img', 'aria-label': about(i).join(', ') }, shape);
    dot.addEventListener('mousemove', event => {
      choose(pinned ?? i);
      showTip(about(i), event.clientX, event.clientY);
    });
    const pin = () => {
      pinned = pinned === i ? null : i;
      dots.forEach((other, k) => other.classList.toggle('pinned', k === pinned));
      choose(pinned ?? i);
      report(dot, node.name);
    };
    dot.addEventListener('click', pin);
    dot.addEventListener('keydown', event => {
      if (event.key === 'Enter') {
        pin();
      }
    });
    ['mouseleave', 'blur'].forEach(name =>
      dot.addEventListener(name, () => {
        choose(pinned);
        hideTip();
      }),
    );
    return dot;
  });
  const fromTheTop = used
    .toReversed()
    .map(row =>
      view.nodes
        .map((node, i) => i)
        .filter(i => view.nodes[i].row === row)
        .sort((a, b) => places[a].x - places[b].x),
    );
  rove(fromTheTop.map(row => row.map(i => dots[i])), (r, k, dot) => {
    choose(pinned ?? fromTheTop[r][k]);
    showTipAt(about(fromTheTop[r][k]), dot);
  });
  const texts = view.tokens.map((token, column) =>
    drawn(
      'text',
      { class: 'token', x: starts[column] + widths[column] / 2, y: height - FIELD.label + 20 },
      shortened(visible(token), 10),
    ),
  );
  const layers = used.map(row => drawn('text', { class: 'layer', x: FIELD.left - 6, y: y(row) + 4 }, view.rows[row]));
  const svg = drawn(
    'svg',
    { class: 'graph', width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': view.title },
    ...layers,
    ...texts,
    ...lines,
    ...dots,
  );
  const count = element('span', { role: 'status' });
  const show = number => {
    strongest = new Set(byStrength.slice(0, number));
    count.textContent = `${strongest.size} of ${lines.length}`;
    choose(pinned);
  };
  // The slider goes from 1 edge to all, by logarithm.
  const all = Math.log(Math.max(2, lines.length));
  const slider = element('input', {
    type: 'range',
    min: 0,
    max: 100,
    step: 0.5,
    value: (100 * Math.log(Math.max(1, Math.min(EDGES_DRAWN, lines.length)))) / all,
    input: () => show(Math.round(Math.exp((all * slider.value) / 100))),
  });
  show(EDGES_DRAWN);
  const place = scrolling(view.title, false, svg);
  // The prediction is at the top right.
  requestAnimationFrame(() => (place.scrollLeft = place.scrollWidth));
  return [element('div', { class: 'controls' }, element('label', {}, 'Strongest edges: ', slider), count), place];
}
