/** The server's description of the selected model: {model, parent, chat, layers, steerable}. */
let model = null;

/** Lists the models; shows the key field if the server requires a key. */
async function start() {
  try {
    const { data } = await callJson('/v1/models');
    at('key-field').hidden = !sessionStorage.getItem(KEY);
    at('model').replaceChildren(...data.map(({ id }) => element('option', { value: id }, id)));
    await choose();
  } catch (error) {
    setStatus(error.message, true);
    if (error.status === 401) {
      at('key-field').hidden = false;
      at('key').focus();
    }
  }
}

/** Fetches the description of the selected model, which loads it if necessary. */
async function choose() {
  const id = at('model').value;
  clearChat();
  model = null;
  setStatus(`loading ${id} …`);
  const description = await callJson('/v1/lens/model', { model: id });
  if (at('model').value !== id) {
    return;
  }
  model = description;
  setStatus(description.chat ? '' : `${id} has no chat template: it continues your text.`);
  const layers = Array.from({ length: description.layers }, (_, i) => String(i));
  at('steering-layer').replaceChildren(...layers.map(layer => element('option', {}, layer)));
  at('steering-layer').value = layers[Math.floor(layers.length / 2)];
  at('steering').disabled = !description.steerable;
}

/** Shows an error. */
function failed(error) {
  setStatus(error.message, true);
}

at('model').addEventListener('change', () => choose().catch(failed));
at('key').addEventListener('change', () => {
  sessionStorage.setItem(KEY, at('key').value);
  start();
});
at('ask').addEventListener('submit', event => {
  event.preventDefault();
  const text = at('text').value;
  if (text.trim() && model && !running) {
    at('text').value = '';
    send(text, model).catch(failed);
  }
});
at('text').addEventListener('keydown', event => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    at('ask').requestSubmit();
  }
});
at('stop').addEventListener('click', () => running?.abort());
document.addEventListener('keydown', event => {
  if (event.key === 'Escape') {
    running?.abort();
  }
});
at('clear').addEventListener('click', clearChat);
at('strength').addEventListener('input', () => (at('strength-value').textContent = at('strength').value));
start();
