/** How long a token is pointed at before the server is asked about it. */
const PATIENCE = 200;

/** Layers and heads: what stands for all of them. */
const MEAN = 'mean';

const at = id => document.getElementById(id);

/** What the glass shows: the token, and how to call off what it still waits for. */
let shown = null;

/**
 * Shows how a token of an answer came about.
 *
 * answer: {model, parent, context, tokens, nodes, steered, known}: context is what the model read
 * before it, as the lens takes it; known keeps what the server has said of tokens; parent is the
 * model that an adapter is of. index: which token.
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
    (answer.steered ? ' The answer was steered; attention, attribution and layers are those without steering.' : '') +
    (answer.parent ? ` ${answer.model} is an adapter: where it looked and what speaks for it is not known.` : '');
  at('alternatives').replaceChildren(alternatives(token));
  ['attention', 'attribution', 'logits'].forEach(id => at(id).replaceChildren());
  // The lens looks into models without adapters.
  if (!answer.parent) {
    now.timer = setTimeout(() => look(now), answer.known.has(index) ? 0 : PATIENCE);
  }
}

/** Forgets the token, when its answer goes. */
function clearGlass() {
  shown?.abort.abort();
  clearTimeout(shown?.timer);
  shown = null;
  at('glass').hidden = true;
}

function percent(logprob) {
  return `${(100 * Math.exp(logprob)).toFixed(1)} %`;
}

/** The tokens that could have come, and the one that came. */
function alternatives(token) {
  const own = { text: token.name, logprob: token.logprob };
  const rows = token.top.some(other => other.text === own.text) ? token.top : [...token.top, own];
  const body = rows.map(other => {
    const meter = element('div', { class: 'meter', 'aria-hidden': 'true' });
    meter.style.width = 100 * Math.exp(other.logprob) + '%';
    const came = other.text === own.text;
    return element(
      'tr',
      came ? { class: 'mark' } : {},
      element('th', { scope: 'row' }, element('bdi', {}, visible(other.text)), came ? ' ← came' : ''),
      element('td', {}, percent(other.logprob)),
      element('td', { class: 'meters' }, meter),
    );
  });
  return element('table', { 'aria-labelledby': 'alternatives-title' }, element('tbody', {}, ...body));
}

/** Asks the server for what happened inside the model, and shows it. */
async function look(now) {
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
      at('about').textContent += ` No more is known: ${error.message}`;
    }
  }
}

/** Tokens coloured by a value each. */
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

/** The numbers of layers or heads in a menu, which keeps what was chosen. */
function offer(select, count) {
  const chosen = select.value || MEAN;
  const options = [MEAN, ...Array.from({ length: count }, (_, i) => String(i))];
  select.replaceChildren(...options.map(value => element('option', { value }, value === MEAN ? 'mean of all' : value)));
  select.value = options.includes(chosen) ? chosen : MEAN;
}

function drawAttention({ pieces, patterns }) {
  offer(at('layer'), 1 + Math.max(...patterns.map(pattern => pattern.layer)));
  offer(at('head'), 1 + Math.max(...patterns.map(pattern => pattern.head)));
  const draw = () => {
    const meant = patterns.filter(
      pattern =>
        [MEAN, String(pattern.layer)].includes(at('layer').value) &&
        [MEAN, String(pattern.head)].includes(at('head').value),
    );
    const mean = pieces.map((_, i) => meant.reduce((sum, one) => sum + one.weights[0][i], 0) / meant.length);
    const scale = scaleOf('SEQUENTIAL', [], 0, Math.max(0.01, ...mean.slice(1)));
    at('attention-legend').replaceChildren(legend(scale));
    drawStrip('attention', pieces, mean, scale);
  };
  at('layer').onchange = draw;
  at('head').onchange = draw;
  draw();
}

function drawAttribution({ pieces, scores }) {
  const scale = scaleOf('DIVERGING', scores, null, null);
  at('attribution-legend').replaceChildren(legend(scale));
  drawStrip('attribution', pieces, scores, scale);
}

/** A row for each layer, the last on top; the token that came is marked. */
function drawLogits({ hooks }, came) {
  const scale = scaleOf('SEQUENTIAL', [], 0, 1);
  const rows = Object.values(hooks).map(([cell], layer) => {
    const cells = cell.top.map(candidate => {
      const share = `${(100 * candidate.probability).toFixed(1)} %`;
      const text = element('bdi', {}, shortened(visible(candidate.piece), 12));
      const node = element('td', {}, text, ` ${share}${candidate.id === came ? ' ←' : ''}`);
      paint(node, scale.of(candidate.probability));
      return node;
    });
    return element('tr', {}, element('th', { scope: 'row' }, `layer ${layer}`), ...cells);
  });
  at('logits-legend').replaceChildren(legend(scale));
  at('logits').replaceChildren(
    element('table', { 'aria-labelledby': 'logits-title' }, element('tbody', {}, ...rows.reverse())),
  );
}
