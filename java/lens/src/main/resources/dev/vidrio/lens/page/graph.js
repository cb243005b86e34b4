/** The plane of an attribution graph: a column for each token, a row for each layer. */
const FIELD = { node: 15, row: 34, left: 64, label: 34, radius: 5, least: 62 };

/** The number of edges that are drawn at first: the strongest. */
const EDGES_DRAWN = 300;

/** Edges of a node in its description. */
const EDGES_SHOWN = 8;

/** The factors of zoom. */
const ZOOM = { step: 1.25, least: 0.25, most: 4 };

/** An attribution graph. The reader can merge its nodes into groups. */
function drawGraph(view) {
  const place = element('div', {});
  const show = shown => {
    const regroup = members => show(members ? merged(shown, members) : view);
    place.replaceChildren(...graphOf(shown, shown !== view, regroup));
  };
  show(view);
  return [place];
}

/** Returns a view with a node in place of several, at the most influential one's; their edges add up. */
function merged(view, members) {
  const inside = view.nodes.map((node, i) => i).filter(i => members.has(i));
  const first = inside.reduce((a, b) => (view.nodes[b].influence > view.nodes[a].influence ? b : a));
  const names = inside.map(i => view.nodes[i].name);
  const group = {
    ...view.nodes[first],
    name: `group ${names.join(' + ')}`,
    kind: 'group',
    influence: Math.max(...inside.map(i => view.nodes[i].influence)),
    about: inside.flatMap(i => [view.nodes[i].name, ...view.nodes[i].about]),
  };
  const kept = view.nodes.map((node, i) => i).filter(i => !members.has(i) || i === first);
  const at = new Map(kept.map((i, k) => [i, k]));
  const number = i => at.get(members.has(i) ? first : i);
  const sums = new Map();
  view.edges.forEach(({ from, to, value }) => {
    const ends = [number(from), number(to)];
    if (ends[0] !== ends[1]) {
      const edge = sums.get(ends.join(' ')) ?? { from: ends[0], to: ends[1], value: 0 };
      sums.set(ends.join(' '), { ...edge, value: edge.value + value });
    }
  });
  return { ...view, nodes: kept.map(i => (i === first ? group : view.nodes[i])), edges: [...sums.values()] };
}

/** The controls and the drawing of a graph; regroup(members) merges nodes, or restores them for none. */
function graphOf(view, isGrouped, regroup) {
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
  const picked = new Set();
  const group = element('button', { type: 'button', click: () => regroup(picked) });
  const ungroup = element('button', { type: 'button', click: () => regroup(null) }, 'Ungroup');
  ungroup.hidden = !isGrouped;
  const pick = i => {
    if (i !== undefined && !picked.delete(i)) {
      picked.add(i);
    }
    dots.forEach((dot, k) => dot.classList.toggle('picked', picked.has(k)));
    group.textContent = picked.size ? `Group ${picked.size} nodes` : 'Group: Shift and click nodes';
    group.disabled = picked.size < 2;
  };
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
      node.kind === 'error' || node.kind === 'group'
        ? drawn('rect', { x: x - r, y: at - r, width: 2 * r, height: 2 * r })
        : drawn('circle', { cx: x, cy: at, r });
    const dot = drawn('g', { class: `vertex ${node.kind}`, role: 'img', 'aria-label': about(i).join(', ') }, shape);
    dot.addEventListener('mousemove', event => {
      choose(pinned ?? i);
      showTip(about(i), event.clientX, event.clientY);
    });
    const pin = event => {
      if (event.shiftKey) {
        pick(i);
        return;
      }
      pinned = pinned === i ? null : i;
      dots.forEach((other, k) => other.classList.toggle('pinned', k === pinned));
      choose(pinned ?? i);
      report(dot, node.name);
    };
    dot.addEventListener('click', pin);
    dot.addEventListener('keydown', event => {
      if (event.key === 'Enter') {
        pin(event);
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
  pick();
  let factor = 1;
  const zoom = by => {
    factor = Math.min(ZOOM.most, Math.max(ZOOM.least, factor * by));
    svg.setAttribute('width', Math.round(width * factor));
    svg.setAttribute('height', Math.round(height * factor));
  };
  const zoomButton = (text, label, by) =>
    element('button', { type: 'button', 'aria-label': label, title: label, click: () => zoom(by) }, text);
  const place = scrolling(view.title, false, svg);
  // The prediction is at the top right.
  requestAnimationFrame(() => (place.scrollLeft = place.scrollWidth));
  const controls = element(
    'div',
    { class: 'controls' },
    element('label', {}, 'Strongest edges: ', slider),
    count,
    element('span', {}, zoomButton('−', 'Smaller', 1 / ZOOM.step), ' ', zoomButton('+', 'Larger', ZOOM.step)),
    group,
    ungroup,
  );
  return [controls, place];
}
