/** A graph with its nodes in ranks, from the bottom up; a node shows the edges that it has. */
const BOX = { width: 76, height: 26, gapX: 18, gapY: 58 };

/** The curvature of an edge per rank that it passes, so that it does not cross nodes. */
const BOW = { each: 22, most: 110 };

function drawCircuit(view) {
  const ranks = [...new Set(view.nodes.map(node => node.rank))].sort((a, b) => a - b);
  const rows = ranks.map(rank => view.nodes.map((node, i) => i).filter(i => view.nodes[i].rank === rank));
  const step = BOX.width + BOX.gapX;
  const width = Math.max(...rows.map(row => row.length)) * step + BOX.gapX + 2 * BOW.most;
  const height = rows.length * (BOX.height + BOX.gapY);
  const places = view.nodes.map(() => null);
  rows.forEach((row, r) =>
    row.forEach((i, k) => {
      places[i] = {
        r,
        x: width / 2 + (k - (row.length - 1) / 2) * step,
        y: height - BOX.gapY / 2 - BOX.height / 2 - r * (BOX.height + BOX.gapY),
      };
    }),
  );

  const greatest = view.edges.reduce((a, edge) => Math.max(a, Math.abs(edge.value)), 0) || 1;
  const lines = view.edges.map((edge, e) => {
    const from = places[edge.from];
    const to = places[edge.to];
    const y1 = from.y - BOX.height / 2;
    const y2 = to.y + BOX.height / 2;
    const bend = (y1 - y2) / 2;
    const bow = (e % 2 ? 1 : -1) * Math.min(BOW.most, BOW.each * (to.r - from.r - 1));
    return drawn('path', {
      class: edge.value < 0 ? 'arc negative' : 'arc',
      d: `M${from.x} ${y1}C${from.x + bow} ${y1 - bend} ${to.x + bow} ${y2 + bend} ${to.x} ${y2}`,
      'stroke-width': 0.8 + (4 * Math.abs(edge.value)) / greatest,
    });
  });

  const of = i => view.edges.map((edge, e) => e).filter(e => [view.edges[e].from, view.edges[e].to].includes(i));
  const about = i => [
    view.nodes[i].label,
    ...of(i).map(e => {
      const edge = view.edges[e];
      const way = edge.to === i ? `from ${view.nodes[edge.from].label}` : `to ${view.nodes[edge.to].label}`;
      return `${way}${edge.input ? ' as ' + edge.input : ''}: ${written(edge.value)}`;
    }),
  ];
  const choose = i => {
    const own = new Set(i === null ? [] : of(i));
    lines.forEach((line, e) => line.classList.toggle('aside', i !== null && !own.has(e)));
  };
  const boxes = view.nodes.map((node, i) => {
    const { x, y } = places[i];
    const attributes = { class: 'node', role: 'img', 'aria-label': about(i).join(', ') };
    const shape = { x: x - BOX.width / 2, y: y - BOX.height / 2, width: BOX.width, height: BOX.height, rx: 4 };
    const box = drawn('g', attributes, drawn('rect', shape), drawn('text', { x, y: y + 4 }, node.label));
    box.addEventListener('mousemove', event => {
      choose(i);
      showTip(about(i), event.clientX, event.clientY);
    });
    ['mouseleave', 'blur'].forEach(name =>
      box.addEventListener(name, () => {
        choose(null);
        hideTip();
      }),
    );
    return box;
  });
  const fromTheTop = rows.toReversed();
  rove(fromTheTop.map(row => row.map(i => boxes[i])), (r, k, node) => {
    choose(fromTheTop[r][k]);
    showTipAt(about(fromTheTop[r][k]), node);
  });
  const svg = drawn(
    'svg',
    { class: 'circuit', width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': view.title },
    ...lines,
    ...boxes,
  );
  const place = scrolling(view.title, false, svg);
  // Wider than the window, it begins in the middle, where the logits are.
  requestAnimationFrame(() => (place.scrollLeft = (place.scrollWidth - place.clientWidth) / 2));
  return [place];
}
