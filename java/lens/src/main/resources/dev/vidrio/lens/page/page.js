/** Draws the pictures of the page's data. */
const data = JSON.parse(document.getElementById('data').textContent);
const DRAW = {
  attention: drawAttention,
  grid: drawGrid,
  bars: drawBars,
  tokens: drawTokens,
  circuit: drawCircuit,
  graph: drawGraph,
  routes: drawRoutes,
  scatter: drawScatter,
};
const main = document.getElementById('main');
main.append(element('h1', {}, data.title), element('p', { class: 'model' }, data.model));
if (data.text) {
  const text = element('blockquote', { class: 'text', dir: 'auto' }, readable(data.text));
  main.append(text);
  if (text.scrollHeight > text.clientHeight) {
    text.tabIndex = 0;
  }
}
data.pictures.forEach(({ kind, view }, number) => {
  const heading = `picture-${number}`;
  main.append(
    element(
      'section',
      { 'aria-labelledby': heading },
      element('h2', { id: heading }, view.title),
      element('p', { class: 'note' }, readable(view.note).replaceAll('\n', '⏎')),
      ...DRAW[kind](view),
    ),
  );
});
