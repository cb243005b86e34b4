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
  const component = (i, j) => {
    if (view.rowName !== 'layer') {
      return view.rows[i];
    }
    const layer = `L${view.rows[i].replace(/^L/, '')}`;
    return view.columnName === 'head' ? `${layer}.H${view.columns[j].replace(/^H/, '')}` : `${layer}@${j}`;
  };
  nodes.forEach((row, i) =>
    row.forEach((node, j) => {
      if (view.cells.length) {
        node.append(element('bdi', {}, shortened(visible(view.cells[i][j].text), 12)));
      }
      node.addEventListener('mousemove', event => showTip(lines(i, j), event.clientX, event.clientY));
      node.addEventListener('mouseleave', hideTip);
      node.addEventListener('blur', hideTip);
      node.addEventListener('click', () => report(node, component(i, j)));
      node.addEventListener('keydown', event => {
        if (event.key === 'Enter') {
          report(node, component(i, j));
        }
      });
    }),
  );
  rove(nodes, (i, j, node) => showTipAt(lines(i, j), node));
  followPaths(view, nodes);

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

/** Lets the reader select a cell: its column then shows the values of its path instead of texts. */
function followPaths(view, nodes) {
  let selected = null;
  const text = (i, j) => shortened(visible(view.cells[i][j].text), 12);
  const write = (j, of) => nodes.forEach((row, i) => row[j].replaceChildren(element('bdi', {}, of(i))));
  const select = (i, j) => {
    if (selected) {
      const [row, column] = selected;
      nodes[row][column].classList.remove('chosen');
      write(column, at => text(at, column));
    }
    selected = selected && selected[0] === i && selected[1] === j ? null : [i, j];
    if (selected) {
      const path = view.cells[i][j].path;
      nodes[i][j].classList.add('chosen');
      write(j, at => (at === i ? `${text(i, j)} ${path[at]}` : String(path[at])));
    }
  };
  view.cells.forEach((row, i) =>
    row.forEach((cell, j) => {
      if (cell.path.length) {
        nodes[i][j].addEventListener('click', () => select(i, j));
        nodes[i][j].addEventListener('keydown', event => {
          if (event.key === 'Enter') {
            select(i, j);
          }
        });
      }
    }),
  );
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
