/** The weight, 0 to 1, of a key for a query; 0 where the key lies after it. */
function weight(view, head, query, key) {
  if (key > query) {
    return 0;
  }
  const before = (query * (query + 1) - view.from * (view.from + 1)) / 2;
  return head.weights[before + key] / 10000;
}

const THUMBNAIL = 64;

/** A small picture of a pattern: each of its dots is the largest weight of its area. */
function thumbnail(view, head) {
  const keys = view.tokens.length;
  const queries = keys - view.from;
  const width = Math.min(keys, THUMBNAIL);
  const height = Math.min(queries, THUMBNAIL);
  const greatest = new Float32Array(width * height);
  for (let query = view.from; query < keys; query++) {
    const y = Math.floor(((query - view.from) * height) / queries);
    for (let key = 0; key <= query; key++) {
      const at = y * width + Math.floor((key * width) / keys);
      greatest[at] = Math.max(greatest[at], weight(view, head, query, key));
    }
  }
  const canvas = element('canvas', { width, height, 'aria-hidden': 'true' });
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  greatest.forEach((value, at) => image.data.set([...color(VIRIDIS, value), 255], 4 * at));
  context.putImageData(image, 0, 0);
  return canvas;
}

/** All heads, and the one that is chosen. */
function drawAttention(view) {
  const layers = [...new Set(view.heads.map(head => head.layer))];
  const columns = [...new Set(view.heads.map(head => head.head))].sort((a, b) => a - b);
  const nameOf = head => `Layer ${head.layer}, head ${head.head}`;
  const chosen = drawPattern(view);
  const lines = drawLines(view);
  const body = element('tbody', {});
  let last = null;
  const nodes = layers.map(layer => {
    const heads = view.heads.filter(head => head.layer === layer);
    const buttons = heads.map(head => {
      const label = `${nameOf(head)}: ${head.about}`;
      const button = element('button', { type: 'button', 'aria-label': label, title: label }, thumbnail(view, head));
      button.addEventListener('click', () => choose(head, button));
      return button;
    });
    const cells = buttons.map(button => element('td', {}, button));
    body.append(element('tr', {}, element('th', { scope: 'row' }, String(layer)), ...cells));
    return buttons;
  });
  const choose = (head, button) => {
    last?.classList.remove('chosen');
    last?.removeAttribute('aria-current');
    button.classList.add('chosen');
    button.setAttribute('aria-current', 'true');
    last = button;
    chosen.show(head, `${nameOf(head)}: ${head.about}`);
    lines.show(head);
    report(button, `L${head.layer}.H${head.head}`);
  };
  rove(nodes, (i, j, button) => choose(view.heads.filter(head => head.layer === layers[i])[j], button));
  choose(view.heads[0], nodes[0][0]);
  const head = element('tr', {}, element('th', { scope: 'col' }, 'layer ╲ head'));
  columns.forEach(column => head.append(element('th', { scope: 'col' }, String(column))));
  const table = element('table', { class: 'heads', 'aria-label': 'Heads' }, element('thead', {}, head), body);
  return [
    element('div', { class: 'controls' }, 'weight', legend(scaleOf('SEQUENTIAL', [], 0, 1))),
    element('div', { class: 'attention' }, scrolling('Heads', false, table), chosen.node),
    lines.node,
  ];
}

/** The plane of lines between tokens: queries at the left, keys at the right. */
const LINES = { row: 17, label: 110, span: 200, least: 0.02 };

/** Lines from queries to the keys that they attend to, drawn once they are opened: {node, show(head)}. */
function drawLines(view) {
  const { row, label, span, least } = LINES;
  const keys = view.tokens.length;
  const width = 2 * label + span;
  const title = 'Lines between tokens';
  const place = scrolling(title, false);
  const node = element('details', {}, element('summary', {}, title), place);
  const y = i => (i + 0.5) * row;
  const name = i => shortened(visible(view.tokens[i]), 13);
  let shown = null;

  const draw = () => {
    if (!node.open) {
      return;
    }
    const groups = view.tokens.slice(view.from).map((token, i) => {
      const query = view.from + i;
      const weights = view.tokens
        .map((other, key) => [key, weight(view, shown, query, key)])
        .filter(([, value]) => value >= least)
        .sort((a, b) => b[1] - a[1]);
      const about = [
        `query ${quoted(token)} (${query})`,
        ...weights.map(([key, value]) => `${quoted(view.tokens[key])} (${key}): ${written(value)}`),
      ];
      const group = drawn(
        'g',
        { class: 'query', role: 'img', 'aria-label': about.join(', ') },
        drawn('text', { x: label - 6, y: y(query) + 4 }, name(query)),
        ...weights.map(([key, value]) =>
          drawn('path', {
            d: `M${label} ${y(query)}C${label + span / 2} ${y(query)} ${label + span / 2} ${y(key)} ${label + span} ${y(key)}`,
            'stroke-width': 0.5 + 3 * value,
            opacity: value,
          }),
        ),
      );
      group.addEventListener('mousemove', event => {
        choose(group);
        showTip(about, event.clientX, event.clientY);
      });
      ['mouseleave', 'blur'].forEach(event =>
        group.addEventListener(event, () => {
          choose(null);
          hideTip();
        }),
      );
      return { group, about };
    });
    const choose = chosen => groups.forEach(({ group }) => group.classList.toggle('aside', Boolean(chosen) && group !== chosen));
    rove(groups.map(({ group }) => [group]), (i, j, group) => {
      choose(group);
      showTipAt(groups[i].about, group);
    });
    const height = keys * row;
    place.replaceChildren(
      drawn(
        'svg',
        { class: 'lines', width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': title },
        ...view.tokens.map((token, key) => drawn('text', { x: label + span + 6, y: y(key) + 4 }, name(key))),
        ...groups.map(({ group }) => group),
      ),
    );
  };
  node.addEventListener('toggle', draw);
  return {
    node,
    show: head => {
      shown = head;
      draw();
    },
  };
}

/** The pattern of one head, large: {node, show(head, caption)}. */
function drawPattern(view) {
  const keys = view.tokens.length;
  const queries = keys - view.from;
  const size = Math.max(2, Math.min(22, Math.floor(600 / keys)));
  const labels = size >= 9 ? 96 : 0;
  const canvas = element('canvas', { tabindex: '0', role: 'img' });
  const caption = element('figcaption', {});
  const strip = element('ol', { class: 'tokens', 'aria-label': 'Keys of the chosen query' });
  let shown = null;
  let at = [queries - 1, 0];

  const draw = () => {
    const ratio = devicePixelRatio || 1;
    canvas.width = (labels + keys * size) * ratio;
    canvas.height = (labels + queries * size) * ratio;
    canvas.style.width = labels + keys * size + 'px';
    const context = canvas.getContext('2d');
    context.scale(ratio, ratio);
    const style = getComputedStyle(document.body);
    for (let i = 0; i < queries; i++) {
      for (let j = 0; j <= view.from + i; j++) {
        context.fillStyle = css(color(VIRIDIS, weight(view, shown, view.from + i, j)));
        context.fillRect(labels + j * size, labels + i * size, size - (size > 4), size - (size > 4));
      }
    }
    if (labels) {
      context.fillStyle = style.color;
      context.font = `${Math.min(12, size)}px ui-monospace, monospace`;
      context.textBaseline = 'middle';
      context.textAlign = 'right';
      for (let i = 0; i < queries; i++) {
        context.fillText(shortened(visible(view.tokens[view.from + i]), 11), labels - 5, labels + (i + 0.5) * size);
      }
      context.rotate(-Math.PI / 2);
      context.textAlign = 'left';
      for (let j = 0; j < keys; j++) {
        context.fillText(shortened(visible(view.tokens[j]), 11), 5 - labels, labels + (j + 0.5) * size);
      }
      context.rotate(Math.PI / 2);
    }
    context.strokeStyle = style.getPropertyValue('--focus');
    context.lineWidth = 2;
    context.strokeRect(labels + at[1] * size, labels + at[0] * size, size, size);
  };
  const lines = () => {
    const query = view.from + at[0];
    return [
      `query ${quoted(view.tokens[query])} (${query}) → key ${quoted(view.tokens[at[1]])} (${at[1]})`,
      `weight ${weight(view, shown, query, at[1]).toFixed(4)}`,
    ];
  };
  const shade = () => {
    const query = view.from + at[0];
    strip.replaceChildren(
      ...view.tokens.slice(0, query + 1).map((token, j) => {
        const value = weight(view, shown, query, j);
        const item = element('li', { title: value.toFixed(4) }, element('bdi', {}, visible(token)));
        paint(item, color(VIRIDIS, value));
        return item;
      }),
    );
  };
  const move = (i, j) => {
    at = [i, Math.min(j, view.from + i)];
    draw();
    shade();
  };
  canvas.addEventListener('keydown', event => {
    const next = moved(event.key, at[0], at[1], queries, keys);
    if (next) {
      event.preventDefault();
      move(...next);
      const box = canvas.getBoundingClientRect();
      showTip(lines(), box.left + labels + at[1] * size, box.top + labels + at[0] * size);
    }
  });
  canvas.addEventListener('mousemove', event => {
    const i = Math.floor((event.offsetY - labels) / size);
    const j = Math.floor((event.offsetX - labels) / size);
    if (i < 0 || i >= queries || j < 0 || j > view.from + i) {
      hideTip();
    } else {
      if (i !== at[0] || j !== at[1]) {
        move(i, j);
      }
      showTip(lines(), event.clientX, event.clientY);
    }
  });
  canvas.addEventListener('mouseleave', hideTip);
  canvas.addEventListener('blur', hideTip);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw());
  return {
    node: element('figure', {}, caption, scrolling('Weights', false, canvas), strip),
    show: (head, text) => {
      shown = head;
      caption.textContent = text;
      canvas.setAttribute('aria-label', `${text}. Arrow keys go from weight to weight.`);
      move(...at);
    },
  };
}
