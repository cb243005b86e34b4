import { callJson } from './api.js';
import { at, button } from './controls.js';
import { download, pngOf, svgOf } from './export.js';

/** The file of a command with the tokens of the text, and the page that the command writes. */
const IDS = 'ids.json';
const PAGE = 'page.html';

/** The data of a page, which contains no <. */
const DATA = /<script type="application\/json" id="data">([^<]*)</;

/** The features or neurons of a graph whose inputs are attributed: few, so that it takes seconds. */
const FEATURES = 128;

/**
 * The methods: a command of the lens with its options. dictionaries(files): the choices of a
 * dictionary for the option of that name, from the names of shared files. edits: the command takes
 * the edits of an answer. note: how to go on from the picture.
 */
const METHODS = [
  {
    name: 'Attribution graph',
    command: 'graph',
    options: { features: FEATURES, logits: 5 },
    option: 'transcoders',
    dictionaries: files => ['', ...new Set(directories(files).map(parent)), ...directories(files)],
    note: 'Choose a neuron to answer again without it.',
  },
  { name: 'Information flow', command: 'routes', options: {} },
  {
    name: 'Attention of each head',
    command: 'attention',
    options: {},
    edits: true,
    note: 'Choose a head to answer again without it.',
  },
  { name: 'Logit lens of each token', command: 'logits', options: {}, edits: true, follows: true },
  {
    name: 'What heads add to this token',
    command: 'dla',
    options: { by: 'head' },
    edits: true,
    follows: true,
    note: 'Choose a head to answer again without it.',
  },
  { name: 'What neurons add to this token', command: 'dla', options: { by: 'neuron' }, edits: true, follows: true },
  { name: 'Mixing of the tokens (ALTI)', command: 'mixing', options: { by: 'alti' } },
  { name: 'Residual stream', command: 'residual', options: {} },
  {
    name: 'Features of a dictionary',
    command: 'sae features',
    options: {},
    option: 'sae',
    dictionaries: directories,
    note: 'Choose a feature to answer again with it set to a value.',
  },
];

/** Edits that leave out a component, by its name in pictures. */
const WITHOUT = [
  [/^L(\d+)\.H(\d+)$/, (layer, head) => `blocks.${layer}.attn.hook_z[:, ${head}] zero`],
  [/^L(\d+)\.N(\d+)@\d+$/, (layer, neuron) => `blocks.${layer}.mlp.hook_post[:, ${neuron}] zero`],
];

const FEATURE = /^#(\d+)$/;

/** The requests to the window: {ablate(view, ids, edit), setFeature(view, ids, feature)}. */
let actions = {};

/** The names of the commands that the server runs, and of its shared files. */
let commands = new Set();
let sharedFiles = [];

/** The place to explore: {view, token, ids, index}. */
let place = null;

/** The controller of the running request, or null. */
let running = null;

/** The place and the response of the shown picture. */
let result = null;

/** Sets the requests to the window. */
export function initialize(given) {
  actions = given;
  at('method').addEventListener('change', choose);
  at('explore-run').addEventListener('click', () => run().catch(show));
  at('explore-stop').addEventListener('click', () => running?.abort());
  at('explored').addEventListener('component', event => offer(event.detail));
  at('save-picture').addEventListener('click', () => download(PAGE, 'text/html', result.files[PAGE]));
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

/** Fetches the commands of the server and the names of its shared files. */
export async function refresh() {
  const list = await callJson('/v1/lens/commands');
  commands = new Set(list.commands.map(({ name }) => name));
  sharedFiles = list.shared_files;
  const methods = METHODS.filter(
    ({ command, option, dictionaries }) =>
      commands.has(command) && (!option || dictionaries(sharedFiles).length > 0),
  );
  at('method').replaceChildren(...methods.map(({ name }) => element('option', {}, name)));
  choose();
  showIfUsable();
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
}

/** Ends the running request, if there is one; its result is not shown. */
function end() {
  running?.abort();
  running = null;
  at('explore-stop').disabled = true;
}

/** Returns the directories of dictionaries in SAELens's format. */
function directories(files) {
  return files.filter(name => name.endsWith('/cfg.json')).map(parent);
}

function parent(name) {
  return name.slice(0, name.lastIndexOf('/'));
}

function method() {
  return METHODS.find(({ name }) => name === at('method').value);
}

/** Shows the fields of the selected method. */
function choose() {
  const choices = method()?.dictionaries?.(sharedFiles).filter(name => name !== 'shared') ?? [];
  at('dictionary').replaceChildren(
    ...choices.map(name => element('option', { value: name }, name === '' ? 'neurons' : name.replace('shared/', ''))),
  );
  at('dictionary-field').hidden = choices.length < 2;
  end();
  clear();
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
  const { command, options, option, edits, follows, note } = method();
  const { view, token, ids } = place;
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
    const response = await callJson(
      '/v1/lens/commands',
      {
        model: view.turn.model,
        command,
        options: {
          ...options,
          ids: IDS,
          output: PAGE,
          ...(option && at('dictionary').value && { [option]: at('dictionary').value }),
          ...(follows && { token: `#${token.id}` }),
          ...(edits && view.turn.edits && { edit: view.turn.edits }),
        },
        files: { [IDS]: JSON.stringify(ids) },
      },
      controller.signal,
    );
    if (running === controller) {
      result = { json: response.result, files: response.files };
      draw();
      const plain = (view.turn.edits && !edits) || view.turn.steer || view.turn.feature;
      at('explore-note').textContent = [plain ? 'This is the unchanged model.' : '', note ?? ''].filter(Boolean).join(' ');
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

/** Draws the pictures of the page that the command wrote. */
function draw() {
  const [, data] = DATA.exec(result.files[PAGE]);
  const { pictures } = JSON.parse(data);
  at('explored').replaceChildren(...pictures.map((picture, i) => drawPicture(picture, `explored-${i}`, 4)));
  at('explore-saves').hidden = false;
  at('save-svg').hidden = !drawing();
  at('save-png').hidden = !drawing() && !canvas();
}

function drawing() {
  return at('explored').querySelector('svg');
}

/** Returns the largest canvas of the pictures, or null. */
function canvas() {
  const all = [...at('explored').querySelectorAll('canvas')];
  return all.reduce((a, b) => (a && a.width >= b.width ? a : b), null);
}

/** Offers to answer again without the chosen component, or with another activation of a feature. */
function offer(name) {
  at('component').replaceChildren();
  if (place.index === null) {
    return;
  }
  const { view, ids, index } = place;
  const prompt = ids.slice(0, ids.length - index);
  const edit = WITHOUT.map(([pattern, edited]) => [pattern.exec(name), edited])
    .filter(([match]) => match)
    .map(([match, edited]) => edited(...match.slice(1)))[0];
  if (edit) {
    at('component').append(button(`Answer again without ${name}`, () => actions.ablate(view, prompt, edit)));
  } else if (FEATURE.test(name)) {
    const feature = Number(FEATURE.exec(name)[1]);
    const value = element('input', { type: 'number', step: 'any', value: '0', 'aria-label': `Activation of feature ${feature}` });
    const sae = at('dictionary').value;
    const set = () => actions.setFeature(view, prompt, { sae, feature, value: Number(value.value) });
    at('component').append(
      element('label', {}, `Feature ${feature} at every token: `, value),
      button('Answer again', set),
    );
  }
}
