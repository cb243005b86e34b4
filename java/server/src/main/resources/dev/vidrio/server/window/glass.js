/** Milliseconds of pointing at a token before the lens is requested. */
const HOVER_DELAY = 200;

/** The menu value for the mean over all layers or heads. */
const MEAN = 'mean';

const at = id => document.getElementById(id);

/** The shown token, with the controller of its pending requests. */
let shown = null;

/**
 * Shows a token of an answer.
 *
 * answer: {model, parent, context, tokens, nodes, steered, known}: context is the input before the
 * answer, in the lens's format; known caches the lens's results by token; parent is the base model
 * of an adapter. index: the index of the token.
 */
function showToken(answer, index) {
  if (shown?.answer === answer && shown.index === index) {
    return;
  }
  shown?.answer.nodes[shown.index].classList.remove('chosen');
  answer.nodes[index].classList.add('chosen');
  shown?.abort.abort();
  clearTimeout(shown?.timer);
  const now = { answer, index, abort: new AbortController() };
  shown = now;
  const token = answer.tokens[index];
  at('glass').hidden = false;
  at('about').textContent =
    `Token ${index + 1} of the answer, ${quoted(token.text)}: ${percent(token.logprob)}.` +
    (answer.steered ? ' The answer was steered; attention, attribution and logit lens are computed without steering.' : '') +
    (answer.parent ? ` ${answer.model} is an adapter, which the lens does not support.` : '');
  at('alternatives').replaceChildren(alternatives(token));
  ['attention', 'attribution', 'logits'].forEach(id => at(id).replaceChildren());
  // The lens does not support adapters.
  if (!answer.parent) {
    now.timer = setTimeout(() => inspect(now), answer.known.has(index) ? 0 : HOVER_DELAY);
  }
}

/** Hides the glass. */
function clearGlass() {
  shown?.abort.abort();
  clearTimeout(shown?.timer);
  shown = null;
  at('glass').hidden = true;
}

/** Formats the probability of a log-probability. */
function percent(logprob) {
  return `${(100 * Math.exp(logprob)).toFixed(1)} %`;
}

/** Returns a table of the most likely tokens and the generated one. */
function alternatives(token) {
  const own = { text: token.name, logprob: token.logprob };
  const rows = token.top.some(other => other.text === own.text) ? token.top : [...token.top, own];
  const body = rows.map(other => {
    const meter = element('div', { class: 'meter', 'aria-hidden': 'true' });
    meter.style.width = 100 * Math.exp(other.logprob) + '%';
    const isGenerated = other.text === own.text;
    return element(
      'tr',
      isGenerated ? { class: 'mark' } : {},
      element('th', { scope: 'row' }, element('bdi', {}, visible(other.text)), isGenerated ? ' ← generated' : ''),
      element('td', {}, percent(other.logprob)),
      element('td', { class: 'meters' }, meter),
    );
  });
  return element('table', { 'aria-labelledby': 'alternatives-title' }, element('tbody', {}, ...body));
}

/** Requests attention, attribution and logit lens of a token, and shows them. */
async function inspect(now) {
  const { answer, index } = now;
  const ids = answer.tokens.map(token => token.id);
  const before = { model: answer.model, ...answer.context, answer: ids.slice(0, index), position: -1 };
  const upTo = { model: answer.model, ...answer.context, answer: ids.slice(0, index + 1) };
  try {
    if (!answer.known.has(index)) {
      const signal = now.abort.signal;
      const [attention, attribution, logits] = await Promise.all([
        callJson('/v1/lens/attention', before, signal),
        callJson('/v1/lens/attribution', upTo, signal),
        callJson('/v1/lens/logits', { ...before, top: 3 }, signal),
      ]);
      answer.known.set(index, { attention, attribution, logits });
    }
    if (shown === now) {
      const { attention, attribution, logits } = answer.known.get(index);
      drawAttention(attention);
      drawAttribution(attribution);
      drawLogits(logits, answer.tokens[index].id);
    }
  } catch (error) {
    if (shown === now && error.name !== 'AbortError') {
      at('about').textContent += ` The lens failed: ${error.message}`;
    }
  }
}

/** Shows tokens, each colored by a value. */
function drawStrip(id, pieces, values, scale) {
  const nodes = pieces.map((piece, i) => {
    const node = element('li', {}, element('bdi', {}, visible(piece)));
    const lines = [`${quoted(piece)} (${i})`, written(values[i])];
    paint(node, scale.of(values[i]));
    node.setAttribute('aria-label', lines.join(': '));
    node.addEventListener('mousemove', event => showTip(lines, event.clientX, event.clientY));
    node.addEventListener('mouseleave', hideTip);
    node.addEventListener('blur', hideTip);
    return node;
  });
  rove([nodes], (i, j, node) => showTipAt([`${quoted(pieces[j])} (${j})`, written(values[j])], node));
  at(id).replaceChildren(...nodes);
}

/** Fills a menu of layers or heads, and keeps the selection. */
function offer(select, count) {
  const chosen = select.value || MEAN;
  const options = [MEAN, ...Array.from({ length: count }, (_, i) => String(i))];
  select.replaceChildren(...options.map(value => element('option', { value }, value === MEAN ? 'mean of all' : value)));
  select.value = options.includes(chosen) ? chosen : MEAN;
}

/** Shows the attention weights of the selected layer and head. */
function drawAttention({ pieces, patterns }) {
  offer(at('layer'), 1 + Math.max(...patterns.map(pattern => pattern.layer)));
  offer(at('head'), 1 + Math.max(...patterns.map(pattern => pattern.head)));
  const draw = () => {
    const selected = patterns.filter(
      pattern =>
        [MEAN, String(pattern.layer)].includes(at('layer').value) &&
        [MEAN, String(pattern.head)].includes(at('head').value),
    );
    const mean = pieces.map((_, i) => selected.reduce((sum, one) => sum + one.weights[0][i], 0) / selected.length);
    const scale = scaleOf('SEQUENTIAL', [], 0, Math.max(0.01, ...mean.slice(1)));
    at('attention-legend').replaceChildren(legend(scale));
    drawStrip('attention', pieces, mean, scale);
  };
  at('layer').onchange = draw;
  at('head').onchange = draw;
  draw();
}

/** Shows the attribution scores of the input tokens. */
function drawAttribution({ pieces, scores }) {
  const scale = scaleOf('DIVERGING', scores, null, null);
  at('attribution-legend').replaceChildren(legend(scale));
  drawStrip('attribution', pieces, scores, scale);
}

/** Shows a row for each layer and marks the generated token. */
function drawLogits({ hooks }, generated) {
  const scale = scaleOf('SEQUENTIAL', [], 0, 1);
  const rows = Object.values(hooks).map(([cell], layer) => {
    const cells = cell.top.map(candidate => {
      const share = `${(100 * candidate.probability).toFixed(1)} %`;
      const text = element('bdi', {}, shortened(visible(candidate.piece), 12));
      const node = element('td', {}, text, ` ${share}${candidate.id === generated ? ' ←' : ''}`);
      paint(node, scale.of(candidate.probability));
      return node;
    });
    return element('tr', {}, element('th', { scope: 'row' }, `layer ${layer}`), ...cells);
  });
  at('logits-legend').replaceChildren(legend(scale));
  at('logits').replaceChildren(
    element('table', { 'aria-labelledby': 'logits-title' }, element('tbody', {}, ...rows)),
  );
}
