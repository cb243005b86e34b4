import { callJson } from './api.js';
import { at, button } from './controls.js';
import { commandEdits } from './edits.js';
import { download, pngOf, svgOf } from './export.js';
import { measurePatches, patchOf, questionOf } from './patching.js';

/** The file of a command with the tokens of the text, and the page that the command writes. */
const IDS = 'ids.json';
const PAGE = 'page.html';

/** The data of a page, which contains no <. */
const DATA = /<script type="application\/json" id="data">([^<]*)</;

/** The features or neurons of a graph with attributed inputs: few, so that it takes seconds. */
const FEATURES = 128;

/** The kinds of dictionaries with features that an answer can set to a value. */
const SETTABLE = new Set(['single', 'layers']);

/**
 * The methods: a command of the lens with its options, or measure(place, signal), which returns
 * {json, pictures}. option: the option that names a dictionary; without: the choice of none; byLayer:
 * the command reads one layer; refused: why it does not take a kind of dictionaries. note: how to go
 * on from the picture.
 */
const METHODS = [
  {
    name: 'Attribution graph',
    command: 'graph',
    options: { features: FEATURES, logits: 5 },
    option: 'transcoders',
    without: 'neurons',
    refused: { crosscoder: 'a graph needs transcoders' },
    note: 'Choose a neuron to answer again without it.',
  },
  { name: 'Information flow', command: 'routes', options: {} },
  {
    name: 'Attention of each head',
    command: 'attention',
    options: {},
    note: 'Choose a head to answer again without it.',
  },
  {
    name: 'Patching from another prompt',
    measure: measurePatches,
    note: 'Choose a cell to answer again, from this token on, with that activation of the other prompt.',
  },
  { name: 'Logit lens of each token', command: 'logits', options: {}, follows: true },
  {
    name: 'What heads add to this token',
    command: 'dla',
    options: { by: 'head' },
    follows: true,
    note: 'Choose a head to answer again without it.',
  },
  { name: 'What neurons add to this token', command: 'dla', options: { by: 'neuron' }, follows: true },
  {
    name: 'Mixing of the tokens (value-weighted attention)',
    command: 'mixing',
    options: { by: 'norm' },
    note: 'Attention times the norm of the transformed value, through the layers.',
  },
  { name: 'Mixing of the tokens (ALTI)', command: 'mixing', options: { by: 'alti' } },
  { name: 'Residual stream', command: 'residual', options: {} },
  {
    name: 'Features of a dictionary',
    command: 'sae features',
    options: {},
    option: 'sae',
    byLayer: true,
    note: 'Choose a feature to answer again with it set to a value.',
  },
];

/** Edits that leave out a component, by its name in pictures. */
const WITHOUT = [
  [/^L(\d+)\.H(\d+)$/, (layer, head) => `blocks.${layer}.attn.hook_z[:, ${head}] zero`],
  [/^L(\d+)\.N(\d+)@\d+$/, (layer, neuron) => `blocks.${layer}.mlp.hook_post[:, ${neuron}] zero`],
];

const FEATURE = /^#(\d+)$/;

/** The end of the name of an index's file. */
const INDEX = /\/index\.jsonl$/;

/** The requests to the window: {ablate(view, ids, edit), patch(place, patch, change), setFeature(view, ids, feature)}. */
let actions = {};

/** The names of the commands that the server runs, and the dictionaries among its shared files. */
let commands = new Set();
let dictionaries = [];

/** The directories of indexes of features among the server's shared files. */
let indexes = [];

/** The choices of a dictionary for the selected method, in the order of the field. */
let choices = [];

/** The place to explore: {view, token, ids, index}. */
let place = null;

/** The controller of the running request, or null. */
let running = null;

/** The result of the shown picture: {json, pictures, page, choice}; page: that of a command. */
let result = null;

/** Sets the requests to the window. */
export function initialize(given) {
  actions = given;
  at('method').addEventListener('change', choose);
  at('explore-run').addEventListener('click', () => run().catch(show));
  at('explore-stop').addEventListener('click', () => running?.abort());
  at('explored').addEventListener('component', event => offer(event.detail));
  at('explored').addEventListener('toggle', () => setTimeout(offerSaves), true); // once it is drawn
  at('save-picture').addEventListener('click', () => download(PAGE, 'text/html', result.page));
  at('save-result').addEventListener('click', () =>
    download('result.json', 'application/json', JSON.stringify(result.json)),
  );
  at('save-svg').addEventListener('click', async () => download('picture.svg', 'image/svg+xml', await svgOf(drawing())));
  at('save-png').addEventListener('click', () =>
    pngOf(drawing() ?? canvas())
      .then(blob => download('picture.png', 'image/png', blob))
      .catch(show),
  );
}

/** Fetches the commands of the server and its dictionaries. */
export async function refresh() {
  const list = await callJson('/v1/lens/commands');
  commands = new Set(list.commands.map(({ name }) => name));
  dictionaries = list.dictionaries;
  indexes = list.shared_files.filter(name => INDEX.test(name)).map(name => name.replace(INDEX, ''));
  at('method').replaceChildren(...METHODS.filter(isUsable).map(({ name }) => element('option', {}, name)));
  choose();
  showIfUsable();
}

/** Returns whether the server has the command of a method, and a dictionary if it takes one. */
function isUsable(method) {
  const has = !method.command || commands.has(method.command);
  return has && (!method.option || choicesOf(method).some(({ options }) => options));
}

function showIfUsable() {
  at('explore').hidden = place === null || commands.size === 0;
}

/** Sets the place to explore; null for none. The picture of another place is removed. */
export function setPlace(next) {
  place = next;
  end();
  showIfUsable();
  clear();
  showFields();
}

/** Shows the fields of patching if it is selected; the other prompt begins as a copy of this one. */
function showFields() {
  const isPatching = method()?.measure === measurePatches;
  at('patching-fields').hidden = !isPatching;
  if (isPatching && place && !at('other-prompt').value) {
    at('other-prompt').value = questionOf(place.view.turn);
  }
}

/** Ends the running request, if there is one; its result is not shown. */
function end() {
  running?.abort();
  running = null;
  at('explore-stop').disabled = true;
}

/**
 * Returns the choices of a dictionary for a method: {label, kind, options}; without options, the label
 * says why the method does not take it. A directory of directories is chosen by layer through these.
 */
function choicesOf({ option, without, byLayer, refused = {} }) {
  const found = without ? [{ label: without, options: {} }] : [];
  for (const { name, kind, layers = 0 } of option ? dictionaries : []) {
    const label = name.replace(/^shared\//, '');
    const options = { [option]: name };
    if (refused[kind]) {
      found.push({ label: `${label} (${refused[kind]})`, kind });
    } else if (byLayer && layers > 0) {
      for (let layer = 0; layer < layers; layer++) {
        found.push({ label: `${label}, layer ${layer}`, kind, options: { ...options, layer } });
      }
    } else if (!byLayer || kind !== 'directories') {
      found.push({ label, kind, options });
    }
  }
  return found;
}

/** Returns the selected dictionary, or nothing for a method without. */
function choice() {
  return choices[at('dictionary').selectedIndex];
}

function method() {
  return METHODS.find(({ name }) => name === at('method').value);
}

/** Shows the fields of the selected method. */
function choose() {
  choices = method() ? choicesOf(method()) : [];
  at('dictionary').replaceChildren(
    ...choices.map(({ label, options }) => element('option', options ? {} : { disabled: '' }, label)),
  );
  at('dictionary-field').hidden = choices.length < 2;
  end();
  clear();
  showFields();
}

function clear() {
  result = null;
  at('explored').replaceChildren();
  at('explore-note').textContent = '';
  at('component').replaceChildren();
  at('explore-saves').hidden = true;
}

function show(error) {
  at('explore-note').textContent = error.message;
}

/** Runs the selected method and draws its picture. */
async function run() {
  const { measure = runCommand, note } = method();
  const { turn } = place.view;
  clear();
  end();
  const controller = new AbortController();
  running = controller;
  const start = performance.now();
  const tick = () => {
    at('explore-note').textContent = `computing, ${Math.round((performance.now() - start) / 1000)} s …`;
  };
  tick();
  const timer = setInterval(tick, 1000);
  at('explore-stop').disabled = false;
  try {
    const chosen = choice();
    const measured = await measure(place, controller.signal);
    if (running === controller) {
      result = { ...measured, choice: chosen };
      draw();
      const plain = turn.feature ? 'This is the unchanged model.' : '';
      at('explore-note').textContent = [plain, note ?? ''].filter(Boolean).join(' ');
    }
  } catch (error) {
    if (running === controller) {
      at('explore-note').textContent = error.name === 'AbortError' ? 'Stopped.' : error.message;
    }
  } finally {
    clearInterval(timer);
    if (running === controller) {
      end();
    }
  }
}

/** Runs the command of the selected method. */
async function runCommand({ view: { turn }, token, ids }, signal) {
  const { command, options, follows } = method();
  const edits = commandEdits(turn, ids.length);
  const response = await callJson(
    '/v1/lens/commands',
    {
      model: turn.model,
      command,
      options: {
        ...options,
        ids: IDS,
        output: PAGE,
        ...choice()?.options,
        ...(follows && { token: `#${token.id}` }),
        ...(edits.length > 0 && { edit: edits }),
      },
      files: { [IDS]: JSON.stringify(ids) },
    },
    signal,
  );
  const page = response.files[PAGE];
  const [, data] = DATA.exec(page);
  return { json: response.result, pictures: JSON.parse(data).pictures, page };
}

/** Draws the pictures of the result. */
function draw() {
  at('explored').replaceChildren(...result.pictures.map((picture, i) => drawPicture(picture, `explored-${i}`, 4)));
  at('explore-saves').hidden = false;
  at('save-picture').hidden = !result.page;
  offerSaves();
}

/** Offers the formats of the picture, which has a drawing only while it is open. */
function offerSaves() {
  at('save-svg').hidden = !drawing();
  at('save-png').hidden = !drawing() && !canvas();
}

/** Returns the visible drawing, or nothing. */
function drawing() {
  return [...at('explored').querySelectorAll('svg')].find(svg => svg.checkVisibility());
}

/** Returns the largest canvas of the pictures, or null. */
function canvas() {
  const all = [...at('explored').querySelectorAll('canvas')];
  return all.reduce((a, b) => (a && a.width >= b.width ? a : b), null);
}

/** Offers to answer again without the chosen component, with another prompt's, or with a feature's value. */
function offer(name) {
  at('component').replaceChildren();
  if (place.index === null) {
    return;
  }
  if (result.other) {
    offerPatch(name);
    return;
  }
  const { view, ids, index } = place;
  const prompt = ids.slice(0, ids.length - index);
  const edit = WITHOUT.map(([pattern, edited]) => [pattern.exec(name), edited])
    .filter(([match]) => match)
    .map(([match, edited]) => edited(...match.slice(1)))[0];
  if (edit) {
    at('component').append(button(`Answer again without ${name}`, () => actions.ablate(view, prompt, edit)));
  } else if (FEATURE.test(name) && result.choice) {
    const { kind, options } = result.choice;
    const feature = Number(FEATURE.exec(name)[1]);
    offerExplanation(feature, options.sae);
    if (!SETTABLE.has(kind)) {
      at('component').append('A feature of several layers cannot be set to a value.');
      return;
    }
    const value = element('input', { type: 'number', step: 'any', value: '0', 'aria-label': `Activation of feature ${feature}` });
    const set = () => actions.setFeature(view, prompt, { ...options, feature, value: Number(value.value) });
    at('component').append(
      element('label', {}, `Feature ${feature} at every token: `, value),
      button('Answer again', set),
    );
  }
}

/** Offers to explain a feature in words by the examples of an index. */
function offerExplanation(feature, dictionary) {
  if (!commands.has('sae explain') || indexes.length === 0) {
    return;
  }
  const last = name => name.split('/').at(-1);
  const select = element('select', {}, ...indexes.map(name => element('option', { value: name }, name.replace(/^shared\//, ''))));
  select.value = indexes.find(name => last(name) === last(dictionary)) ?? indexes[0];
  const words = element('span', { role: 'status' });
  const explain = async () => {
    end();
    const controller = new AbortController();
    running = controller;
    at('explore-stop').disabled = false;
    words.textContent = 'explaining …';
    try {
      const { result: found } = await callJson(
        '/v1/lens/commands',
        {
          model: at('second-model').value || place.view.turn.model,
          command: 'sae explain',
          arguments: [select.value],
          options: { features: String(feature), output: 'words', 'no-scores': true, 'no-pages': true },
        },
        controller.signal,
      );
      const text = found.features[0]?.explanation;
      words.textContent = text
        ? `Feature ${feature} of ${found.dictionary}, by ${found.explainer}: ${text}`
        : `${found.explainer} gave no explanation of feature ${feature} of ${found.dictionary}.`;
    } catch (error) {
      words.textContent = error.name === 'AbortError' ? 'Stopped.' : error.message;
    } finally {
      if (running === controller) {
        end();
      }
    }
  };
  at('component').append(element('label', {}, 'Index ', select), button('Explain in words', explain), words);
}

function offerPatch(name) {
  const chosen = patchOf(name, result);
  if (chosen) {
    at('component').append(button(`Answer again with ${chosen.change}`, () => actions.patch(place, chosen.patch, chosen.change)));
  }
}
