import { callJson } from './api.js';
import { at, button } from './controls.js';
import { changes } from './edits.js';
import { setPlace } from './explore.js';
import { percent } from './tokens.js';

/** Milliseconds of pointing at a token before the lens is requested: not for those that are passed over. */
const HOVER_DELAY = 30;

/** Maximum number of tokens that are attributed together. */
const MOST_ATTRIBUTED = 128;

/** Tokens from a place on that run with those before it, so that these places are shown sooner. */
const AHEAD = 128;

/** The menu value for the mean over all layers or heads. */
const MEAN = 'mean';

/** The shown place, with the controller of its pending requests. */
let shown = null;

/** The requests to the window: {branch(view, index, token), ablate(view, ids, edit)}. */
let actions = {};

/** Sets the requests to the window. */
export function initialize(given) {
  actions = given;
  at('span').addEventListener('change', () => {
    if (shown) {
      attribute(shown).catch(error => failed(shown, error));
    }
  });
  at('ablate').addEventListener('click', () => ablate('attention'));
  at('ablate-mlp').addEventListener('click', () => ablate('mlp'));
}

/** Shows a token of an answer. */
export function showToken(view, index) {
  const { turn } = view;
  const ids = turn.tokens.map(token => token.id);
  show({
    view,
    index,
    key: index,
    token: turn.tokens[index],
    title: `Token ${index + 1} of the answer`,
    before: { ...turn.context, answer: ids.slice(0, index), ahead: ids.slice(index, index + AHEAD) },
    upTo: count => ({
      ...turn.context,
      answer: ids.slice(0, index + count),
      ahead: ids.slice(index + count, index + AHEAD),
    }),
    most: Math.min(MOST_ATTRIBUTED, ids.length - index),
  });
}

/** Shows a token of the input before the place that is shown. */
function showInput(view, tokens, pieces, position) {
  show({
    view,
    index: null,
    key: `input ${position}`,
    token: { id: tokens[position], name: pieces[position], logprob: null, top: [] },
    title: `Token ${position + 1} of the input`,
    before: { tokens: tokens.slice(0, position), ahead: tokens.slice(position, position + AHEAD) },
    upTo: count => ({ tokens: tokens.slice(0, position + count) }),
    most: Math.min(MOST_ATTRIBUTED, tokens.length - position),
  });
}

function show(place) {
  if (shown?.view === place.view && shown.key === place.key) {
    return;
  }
  shown?.view.choose(null);
  shown?.abort.abort();
  clearTimeout(shown?.timer);
  shown = { ...place, abort: new AbortController() };
  const now = shown;
  const { view, index, token } = now;
  view.choose(index);
  at('glass').hidden = false;
  at('about').textContent = aboutOf(now);
  at('alternatives').replaceChildren(...(token.top.length > 0 || token.compared ? [alternatives(now, token.top)] : []));
  ['attention', 'attribution', 'logits'].forEach(id => at(id).replaceChildren());
  ['layer', 'head'].forEach(id => (at(id).onchange = null));
  ['ablate', 'ablate-mlp'].forEach(id => (at(id).disabled = true));
  Object.assign(at('span'), { value: 1, max: now.most, disabled: true });
  at('attribution-sum').textContent = '';
  setPlace(null);
  if (!view.turn.base) {
    now.timer = setTimeout(() => inspect(now), view.known.has(now.key) ? 0 : HOVER_DELAY);
  }
}

function aboutOf({ view: { turn }, token, title }) {
  const chance = token.logprob === null ? '' : `: ${percent(token.logprob)}`;
  return [
    `${title}, ${quoted(token.name)}${chance}.`,
    turn.steer || turn.edits
      ? 'The glass shows the changed model that gave this answer.'
      : turn.feature
        ? 'The glass shows the model without the changed feature.'
        : '',
    token.compared
      ? `KL divergence of ${token.compared.own} from ${token.compared.model}: ${written(token.compared.kl)} bits.`
      : '',
    turn.base ? `${turn.model} is an adapter, which the lens does not support.` : '',
  ]
    .filter(Boolean)
    .join(' ');
}

/** Returns the shown token of an answer, {turn, index, layer, head}, or null. */
export function shownToken() {
  return shown === null || shown.index === null
    ? null
    : { turn: shown.view.turn.id, index: shown.index, layer: at('layer').value, head: at('head').value };
}

/** Selects the layer and the head of attention before they are known. */
export function selectHead({ layer, head }) {
  for (const [id, value] of Object.entries({ layer, head })) {
    if (/^\d+$/.test(value)) {
      at(id).replaceChildren(element('option', { value }, value));
    }
  }
}

/** Hides the glass. */
export function clearGlass() {
  shown?.abort.abort();
  clearTimeout(shown?.timer);
  shown = null;
  setPlace(null);
  at('glass').hidden = true;
  at('about').textContent = at('about').dataset.hint;
}

/** Returns a table of the most likely tokens and the generated one. */
function alternatives(now, offered) {
  const { index, token } = now;
  const { compared } = token;
  const top = compared?.top ?? offered;
  const own = { id: token.id, name: token.name, logprob: token.logprob };
  const isOwn = other => (other.id === undefined ? other.name === own.name : other.id === own.id);
  const rows = top.some(isOwn) || own.logprob === null ? top : [...top, own];
  const body = rows.map(other => {
    const meter = element('div', { class: 'meter', 'aria-hidden': 'true' });
    meter.style.width = 100 * Math.exp(other.logprob) + '%';
    const name = element('bdi', {}, visible(other.name));
    const canBranch = index !== null && !isOwn(other) && other.id !== undefined;
    return element(
      'tr',
      isOwn(other) ? { class: 'mark' } : {},
      element('th', { scope: 'row' }, canBranch ? branchButton(now, other) : name, isOwn(other) ? ' ← this one' : ''),
      element('td', {}, percent(other.logprob)),
      ...(compared ? [element('td', {}, percent(other.other))] : []),
      element('td', { class: 'meters' }, meter),
    );
  });
  const heads = compared ? ['', compared.own, compared.model, ''] : [];
  const columns = heads.map(text => element(text ? 'th' : 'td', text ? { scope: 'col' } : {}, text));
  return element(
    'table',
    { 'aria-labelledby': 'alternatives-title' },
    ...(compared ? [element('thead', {}, element('tr', {}, ...columns))] : []),
    element('tbody', {}, ...body),
  );
}

/** Returns a button that answers again with another token at a place. */
function branchButton({ view, index }, token) {
  const name = visible(token.name);
  const content = element('bdi', {}, name);
  const branch = button(content, () => actions.branch(view, index, token), `Answer again with ${name} here`);
  branch.classList.add('branch');
  return branch;
}

/**
 * Requests logit lens and attention of a place, then the attribution, which the server computes while
 * they are drawn.
 */
async function inspect(now) {
  const { before } = now;
  if (before.tokens?.length === 0) {
    return;
  }
  const asked = { position: -1, top: 5, token: now.token.id, patterns: true };
  try {
    const prediction = await request(now, 'prediction', '/v1/lens/logits', { ...before, ...asked });
    if (prediction) {
      const attributed = attribute(now);
      drawPrediction(now, prediction);
      await attributed;
    }
  } catch (error) {
    failed(now, error);
  }
}

function drawPrediction(now, prediction) {
  drawAlternatives(now, prediction);
  drawLogits(prediction, now.token);
  drawAttention(now, prediction);
  at('span').disabled = now.most < 2;
  setPlace({ view: now.view, token: now.token, ids: prediction.tokens, index: now.index });
}

/** Requests the attribution of the token, or of as many from it on as are selected, and shows it. */
async function attribute(now) {
  const count = Math.min(now.most, Math.max(1, Math.round(Number(at('span').value)) || 1));
  at('span').value = count;
  const end = now.view.known.get(now.key).prediction.tokens.length + count;
  const several = count > 1 ? { position: -count, to: end } : {};
  const body = { ...now.upTo(count), ...several };
  const attribution = await request(now, `attribution ${count}`, '/v1/lens/attribution', body, end - 1);
  if (attribution && count === Number(at('span').value)) {
    drawAttribution(now, attribution);
  }
}

/**
 * Returns a result of the lens at a place, which is requested once; null if another place is shown.
 *
 * length: the number of tokens that run, if it is known.
 */
async function request(now, name, path, body, length = now.before.tokens?.length) {
  const { view: { turn, known }, key, abort: { signal } } = now;
  if (!known.has(key)) {
    known.set(key, {});
  }
  const results = known.get(key);
  results[name] ??= await callJson(path, { model: turn.model, ...changes(turn, length), ...body }, signal);
  return shown === now ? results[name] : null;
}

function failed(now, error) {
  if (shown === now && error.name !== 'AbortError') {
    at('about').textContent += ` The lens failed: ${error.message}`;
  }
}

/** Completes the alternatives by the last layer, which knows the ids of all and those of the input. */
function drawAlternatives(now, { hooks }) {
  const last = Object.values(hooks).at(-1)[0];
  const logprob = probability => Math.log(probability);
  const ids = new Map(last.top.map(({ id, piece }) => [piece, id]));
  const top = now.token.top.length > 0
    ? now.token.top.map(other => ({ ...other, id: other.id ?? ids.get(other.name) }))
    : last.top.map(({ id, piece, probability }) => ({ id, name: piece, logprob: logprob(probability) }));
  now.token.logprob ??= logprob(last.token_probability);
  at('alternatives').replaceChildren(alternatives(now, top));
}

/** Shows tokens, each colored by a value; a click inspects one, with Shift it calls onShift(index, nodes). */
function drawStrip(now, id, { tokens, pieces }, values, scale, onShift) {
  const nodes = pieces.map((piece, i) => {
    const node = element('span', { role: 'button' }, element('bdi', {}, visible(piece)));
    const lines = [`${quoted(piece)} (${i})`, written(values[i])];
    paint(node, scale.of(values[i]));
    node.setAttribute('aria-label', lines.join(': '));
    node.addEventListener('mousemove', event => showTip(lines, event.clientX, event.clientY));
    node.addEventListener('mouseleave', hideTip);
    node.addEventListener('blur', hideTip);
    const open = () => {
      hideTip();
      showInput(now.view, tokens, pieces, i);
    };
    const act = event => (event.shiftKey && onShift ? onShift(i, nodes) : open());
    node.addEventListener('click', act);
    node.addEventListener('keydown', event => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        act(event);
      }
    });
    return node;
  });
  rove([nodes], (i, j, node) => showTipAt([`${quoted(pieces[j])} (${j})`, written(values[j])], node));
  at(id).replaceChildren(element('div', { role: 'group', class: 'tokens', 'aria-labelledby': `${id}-title` }, ...nodes));
}

/** Fills a menu of layers or heads, and keeps the selection. */
function offer(select, count) {
  const chosen = select.value || MEAN;
  const options = [MEAN, ...Array.from({ length: count }, (_, i) => String(i))];
  select.replaceChildren(...options.map(value => element('option', { value }, value === MEAN ? 'mean of all' : value)));
  select.value = options.includes(chosen) ? chosen : MEAN;
}

/** Shows the attention weights of the selected layer and head. */
function drawAttention(now, attention) {
  const { pieces, patterns } = attention;
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
    drawStrip(now, 'attention', attention, mean, scale);
    offerAblations(now);
  };
  at('layer').onchange = draw;
  at('head').onchange = draw;
  draw();
}

/** Names what the buttons of an ablation leave out: a layer's head or attention, or its feed-forward block. */
function offerAblations(now) {
  const layer = at('layer').value;
  const head = at('head').value;
  const isOff = layer === MEAN || now.index === null;
  at('ablate').disabled = isOff;
  at('ablate-mlp').disabled = isOff;
  at('ablate').textContent = isOff || head === MEAN ? 'Without this attention' : `Without head ${head}`;
}

function ablate(kind) {
  const layer = at('layer').value;
  const head = at('head').value;
  const { view, index } = shown;
  const { tokens } = view.known.get(shown.key).prediction;
  const site =
    kind === 'mlp' ? 'hook_mlp_out' : head === MEAN ? 'hook_attn_out' : `attn.hook_z[:, ${head}]`;
  actions.ablate(view, tokens.slice(0, tokens.length - index), `blocks.${layer}.${site} zero`);
}

/** Shows the attribution scores of the input tokens. */
function drawAttribution(now, attribution) {
  const scale = scaleOf('DIVERGING', attribution.scores, null, null);
  at('attribution-legend').replaceChildren(legend(scale));
  at('attribution-sum').textContent = '';
  let first = null;
  const sum = (index, nodes) => {
    const from = Math.min(first ?? index, index);
    const to = Math.max(first ?? index, index);
    first = first === null ? index : null;
    nodes.forEach((node, i) => node.classList.toggle('chosen', i >= from && i <= to));
    const total = attribution.scores.slice(from, to + 1).reduce((a, b) => a + b, 0);
    at('attribution-sum').textContent = `Sum of tokens ${from} to ${to}: ${written(total)}`;
  };
  drawStrip(now, 'attribution', attribution, attribution.scores, scale, sum);
}

/** Shows a row for each layer: the most likely tokens, the token's rank. */
function drawLogits({ hooks }, token) {
  const scale = scaleOf('SEQUENTIAL', [], 0, 1);
  const rows = Object.values(hooks).map(([cell], layer) => {
    const cells = cell.top.slice(0, 3).map(candidate => {
      const share = `${(100 * candidate.probability).toFixed(1)} %`;
      const text = element('bdi', {}, shortened(visible(candidate.piece), 12));
      const node = element('td', {}, text, ` ${share}${candidate.id === token.id ? ' ←' : ''}`);
      paint(node, scale.of(candidate.probability));
      return node;
    });
    const rank = element('td', { class: 'rank' }, (cell.token_rank + 1).toLocaleString('en'));
    return element('tr', {}, element('th', { scope: 'row' }, `layer ${layer}`), ...cells, rank);
  });
  const heads = ['', '1st', '2nd', '3rd'].map(text => element(text ? 'th' : 'td', text ? { scope: 'col' } : {}, text));
  const own = element('th', { scope: 'col' }, 'rank of ', element('bdi', {}, shortened(visible(token.name), 12)));
  at('logits-legend').replaceChildren(legend(scale));
  at('logits').replaceChildren(
    element(
      'table',
      { 'aria-labelledby': 'logits-title' },
      element('thead', {}, element('tr', {}, ...heads, own)),
      element('tbody', {}, ...rows),
    ),
  );
}
