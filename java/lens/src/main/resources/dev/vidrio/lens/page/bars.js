/** A bar for each part, in the model's order or by size. */
function drawBars(view) {
  const greatest = view.bars.reduce((a, bar) => Math.max(a, Math.abs(bar.value)), 0) || 1;
  const rows = view.bars.map(part => {
    const bar = element('div', { class: part.value < 0 ? 'bar negative' : 'bar', 'aria-hidden': 'true' });
    const half = (50 * Math.abs(part.value)) / greatest;
    bar.style.width = half + '%';
    bar.style.marginLeft = (part.value < 0 ? 50 - half : 50) + '%';
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, part.label),
      element('td', { class: 'value' }, (part.value < 0 ? '' : '+') + written(part.value)),
      element('td', {}, bar),
    );
  });
  const bySize = view.bars
    .map((part, i) => i)
    .sort((a, b) => Math.abs(view.bars[b].value) - Math.abs(view.bars[a].value));
  const body = element('tbody', {});
  const button = element('button', { type: 'button', click: () => show(!sorted) });
  let sorted = false;
  const show = wanted => {
    sorted = wanted;
    body.replaceChildren(...(sorted ? bySize.map(i => rows[i]) : rows));
    button.textContent = sorted ? 'In the order of the model' : 'By size';
  };
  show(true);
  const head = ['part', 'value'].map(name => element('th', { scope: 'col' }, name));
  head.push(element('td', {}));
  const table = element('table', { class: 'bars', 'aria-label': view.title }, element('thead', {}, element('tr', {}, ...head)), body);
  return [element('div', { class: 'controls' }, button), scrolling(view.title, true, table)];
}

/** A text with each token colored by a value. */
function drawTokens(view) {
  const signed = view.values.some(value => value < 0);
  const scale = scaleOf(signed ? 'DIVERGING' : 'SEQUENTIAL', view.values, signed ? null : 0, null);
  const nodes = view.tokens.map((token, i) => {
    const node = element('li', {}, element('bdi', {}, visible(token)));
    const lines = [`${quoted(token)} (${i})`, written(view.values[i])];
    paint(node, scale.of(view.values[i]));
    node.setAttribute('aria-label', lines.join(': '));
    node.addEventListener('mousemove', event => showTip(lines, event.clientX, event.clientY));
    node.addEventListener('mouseleave', hideTip);
    node.addEventListener('blur', hideTip);
    return node;
  });
  rove([nodes], (i, j, node) => showTipAt([`${quoted(view.tokens[j])} (${j})`, written(view.values[j])], node));
  return [
    element('div', { class: 'controls' }, legend(scale)),
    element('ol', { class: 'tokens', 'aria-label': view.title }, ...nodes),
  ];
}
