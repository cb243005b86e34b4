import { colorLegend } from './answer.js';
import { apiKey, callJson, keepApiKey } from './api.js';
import { Chat } from './chat.js';
import { at, button, setStatus } from './controls.js';
import { Conversation } from './conversation.js';
import * as explore from './explore.js';
import { initialize, selectHead, shownToken } from './glass.js';
import { copyText, linkTo, linked, saveHtml, saveJson } from './share.js';
import { forget, stored } from './store.js';

/** The local storage key of the settings. */
const SETTINGS = 'vidrio-settings';

/** The settings that the browser keeps. */
const KEPT = ['temperature', 'top-p', 'max-tokens', 'seed', 'system', 'view', 'color', 'theme'];

/** Returns the number of a setting, or undefined if it is empty. */
function setting(id) {
  return at(id).value === '' ? undefined : Number(at(id).value);
}

const settings = {
  sampling: () => ({
    temperature: setting('temperature'),
    top_p: setting('top-p'),
    max_tokens: setting('max-tokens'),
    seed: setting('seed'),
  }),
  system: () => at('system').value,
  isFormatted: () => at('view').value === 'formatted',
  color: () => at('color').value,
  secondModel: () => at('second-model').value,
  /** Returns the directions of the next answer, or undefined. */
  steering: () => {
    const strength = Number(at('strength').value);
    const plus = at('plus').value;
    const minus = at('minus').value;
    if (strength === 0 || !plus || !minus || at('steering').disabled) {
      return undefined;
    }
    return [{ hook: `blocks.${at('steering-layer').value}.hook_resid_post`, strength, plus, minus }];
  },
};

const chat = new Chat(settings, {
  kept: listConversations,
  compared: () => {
    at('color').value ||= 'difference';
    colorAnswers();
  },
});

function failed(error) {
  setStatus(error.message, true);
}

/** Lists the models; shows the key field if the server requires a key. */
async function start() {
  try {
    const { data } = await callJson('/v1/models');
    at('key-field').hidden = !apiKey();
    at('model').replaceChildren(...data.map(({ id }) => element('option', { value: id }, id)));
    offerSecondModels();
    at('second-field').hidden = data.length < 2;
    const link = await linked();
    if (link) {
      history.replaceState(null, '', location.pathname);
      await openConversation(link.conversation);
      if (link.token) {
        selectHead(link.token);
        chat.showToken(link.token);
      }
    } else {
      await choose();
    }
    explore.refresh().catch(failed); // the page is usable before
  } catch (error) {
    failed(error);
    if (error.status === 401) {
      at('key-field').hidden = false;
      at('key').focus();
    }
  }
  await listConversations();
}

/** Offers the other models to compare the selected one with, and keeps the selection. */
function offerSecondModels() {
  const kept = at('second-model').value;
  const others = [...at('model').options].map(({ value }) => value).filter(id => id !== at('model').value);
  at('second-model').replaceChildren(
    element('option', { value: '' }, 'none'),
    ...others.map(id => element('option', { value: id }, id)),
  );
  at('second-model').value = others.includes(kept) ? kept : '';
}

/** Fetches the description of the selected model, which loads it if necessary. */
async function choose() {
  const id = at('model').value;
  chat.model = null;
  offerSecondModels();
  setStatus(`loading ${id} …`);
  const description = await callJson('/v1/lens/model', { model: id });
  if (at('model').value !== id) {
    return;
  }
  chat.model = description;
  setStatus(description.chat ? '' : `${id} has no chat template: it continues your text.`);
  const layers = Array.from({ length: description.layers }, (_, i) => String(i));
  at('steering-layer').replaceChildren(...layers.map(layer => element('option', {}, layer)));
  at('steering-layer').value = layers[Math.floor(layers.length / 2)];
  at('steering').disabled = !description.steerable;
}

/** Opens a conversation, with its model if the server has it. */
async function openConversation(conversation) {
  const models = [...at('model').options].map(option => option.value);
  if (models.includes(conversation.model)) {
    at('model').value = conversation.model;
  }
  await choose();
  chat.open(conversation);
  colorAnswers();
}

function newChat() {
  chat.open(new Conversation());
  setStatus(chat.model && !chat.model.chat ? `${chat.model.model} has no chat template: it continues your text.` : '');
  at('text').focus();
}

/** Lists the kept conversations. */
async function listConversations() {
  const all = await stored();
  at('conversation-count').textContent = all.length;
  at('conversation-list').replaceChildren(
    ...all.map(one => {
      const conversation = new Conversation(one);
      const open = () => {
        at('conversations').open = false;
        openConversation(conversation).catch(failed);
      };
      const remove = async () => {
        await forget(one.id);
        await listConversations();
        if (chat.conversation.id === one.id) {
          newChat();
        }
      };
      const title = conversation.title();
      const when = new Date(one.updated).toLocaleString();
      return element(
        'li',
        {},
        element('button', { type: 'button', class: 'open', click: open, title: when }, title),
        button('×', remove, `Delete ${title}`),
      );
    }),
  );
}

/** Colors the answers, for which entropies may have to be computed. */
function colorAnswers() {
  at('color-legend').replaceChildren(...colorLegend(at('color').value));
  chat.redraw();
  if (at('color').value === 'entropy') {
    chat.addEntropies().catch(failed);
  }
}

function applyTheme() {
  document.documentElement.style.colorScheme = at('theme').value;
}

/** Restores the settings, and keeps them from now on. */
function keepSettings() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(SETTINGS)) ?? {};
  } catch {
    // Settings of another version are not read.
  }
  for (const id of KEPT) {
    if (kept[id] !== undefined) {
      at(id).value = kept[id];
    }
    at(id).addEventListener('change', () => {
      kept[id] = at(id).value;
      localStorage.setItem(SETTINGS, JSON.stringify(kept));
    });
  }
  applyTheme();
}

async function copyLink() {
  const link = await linkTo(chat.conversation, shownToken());
  if (!link) {
    setStatus('The conversation is too long for a link; save it as a file.', true);
  } else if (await copyText(link)) {
    setStatus('Link copied.');
  } else {
    location.assign(link);
  }
}

/** The keys with Alt, and what they do. */
const KEYS = {
  n: newChat,
  r: () => {
    const last = chat.conversation.path().at(-1);
    if (last?.role === 'assistant' && !chat.running) {
      chat.regenerate(last);
    }
  },
  t: () => {
    at('view').value = settings.isFormatted() ? 'tokens' : 'formatted';
    at('view').dispatchEvent(new Event('change'));
  },
  ArrowLeft: () => chat.step(-1),
  ArrowRight: () => chat.step(1),
};

keepSettings();
const ablate = (view, ids, edit) => chat.ablate(view, ids, edit).catch(failed);
initialize({
  branch: (view, index, token) => chat.branch(view, index, token).catch(failed),
  ablate,
});
explore.initialize({
  ablate,
  patch: (place, patch, change) => chat.patch(place, patch, change).catch(failed),
  setFeature: (view, ids, feature) => chat.setFeature(view, ids, feature).catch(failed),
});
at('model').addEventListener('change', () => choose().then(newChat).catch(failed));
at('key').addEventListener('change', () => {
  keepApiKey(at('key').value);
  start();
});
at('ask').addEventListener('submit', event => {
  event.preventDefault();
  const text = at('text').value;
  if (text.trim() && chat.model && !chat.running) {
    at('text').value = '';
    chat.ask(text).then(colorAnswers).catch(failed);
  }
});
at('text').addEventListener('keydown', event => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    at('ask').requestSubmit();
  }
});
at('stop').addEventListener('click', () => chat.stop());
document.addEventListener('keydown', event => {
  if (event.key === 'Escape') {
    chat.stop();
    document.querySelectorAll('.menu').forEach(menu => (menu.open = false));
  } else if (event.altKey && !event.ctrlKey && KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  } else if (event.key === '/' && !event.target.closest('input, textarea, select')) {
    event.preventDefault();
    at('text').focus();
  }
});
at('new').addEventListener('click', newChat);
at('second-model').addEventListener('change', () => chat.draw());
at('view').addEventListener('change', () => chat.redraw());
at('color').addEventListener('change', colorAnswers);
at('theme').addEventListener('change', applyTheme);
at('copy-link').addEventListener('click', () => copyLink().catch(failed));
at('save-json').addEventListener('click', () => saveJson(chat.conversation));
at('save-html').addEventListener('click', () => {
  const parts = [at('messages'), ...(at('glass').hidden ? [] : [at('about'), at('glass')])];
  saveHtml(chat.conversation, parts).catch(failed);
});
at('strength').addEventListener('input', () => (at('strength-value').textContent = at('strength').value));
start();
