/** A table of colored cells. */
function drawGrid(view) {
  const table = element('table', { class: 'grid', role: 'grid', 'aria-label': view.title });
  const nodes = view.rows.map(() => view.columns.map(() => element('td', { role: 'gridcell' })));
  const head = element('tr', {}, element('th', { scope: 'col' }, `${view.rowName} ╲ ${view.columnName}`));
  view.columns.forEach(label =>
    head.append(element('th', { scope: 'col', title: label }, element('bdi', {}, shortened(visible(label), 12)))),
  );
  const body = element('tbody', {});
  view.rows.forEach((label, i) =>
    body.append(element('tr', {}, element('th', { scope: 'row' }, element('bdi', {}, visible(label))), ...nodes[i])),
  );
  table.append(element('thead', {}, head), body);

  const lines = (i, j) => [
    `${view.rowName} ${quoted(view.rows[i])}, ${view.columnName} ${quoted(view.columns[j])} (${j})`,
    ...view.measures
      .filter(measure => measure.values[i][j] !== null)
      .map(measure => `${measure.name}: ${written(measure.values[i][j])}`),
    ...(view.cells.length ? view.cells[i][j].lines.map(visibleLine) : []),
  ];
  nodes.forEach((row, i) =>
    row.forEach((node, j) => {
      if (view.cells.length) {
        node.append(element('bdi', {}, shortened(visible(view.cells[i][j].text), 12)));
      }
      node.addEventListener('mousemove', event => showTip(lines(i, j), event.clientX, event.clientY));
      node.addEventListener('mouseleave', hideTip);
      node.addEventListener('blur', hideTip);
    }),
  );
  rove(nodes, (i, j, node) => showTipAt(lines(i, j), node));

  const key = element('span', {});
  const show = number => {
    const measure = view.measures[number];
    const scale = scaleOf(measure.scale, measure.values.flat(), measure.low, measure.high);
    nodes.forEach((row, i) =>
      row.forEach((node, j) => {
        const value = measure.values[i][j];
        node.setAttribute('aria-label', lines(i, j).join(', '));
        if (value === null) {
          node.removeAttribute('style');
        } else {
          paint(node, scale.of(value));
        }
      }),
    );
    key.replaceChildren(legend(scale));
  };
  show(0);
  const controls = element('div', { class: 'controls' }, measureChoice(view, show), key);
  return [controls, scrolling(view.title, false, table)];
}

/** Makes trailing spaces, which belong to a token, visible. */
function visibleLine(line) {
  const [, before, token] = /^(.*?%  )?(.*)$/s.exec(line);
  return (before ?? '') + visible(token);
}

function measureChoice(view, show) {
  if (view.measures.length === 1) {
    return element('span', {}, view.measures[0].name);
  }
  const select = element('select', { change: () => show(select.selectedIndex) });
  view.measures.forEach(measure => select.append(element('option', {}, measure.name)));
  return element('label', {}, 'Colour: ', select);
}
