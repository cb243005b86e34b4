/** The functions that draw the views of each kind. */
const DRAW = {
  attention: drawAttention,
  grid: drawGrid,
  bars: drawBars,
  tokens: drawTokens,
  circuit: drawCircuit,
  graph: drawGraph,
  routes: drawRoutes,
  scatter: drawScatter,
  features: drawFeatures,
  cards: drawCards,
};

/** Draws a picture below its heading, which gets an id and a level, and its note. */
function drawPicture({ kind, view }, id, level) {
  return element(
    'section',
    { 'aria-labelledby': id },
    element(`h${level}`, { id }, view.title),
    element('p', { class: 'note' }, readable(view.note).replaceAll('\n', '⏎')),
    ...DRAW[kind](view),
  );
}
