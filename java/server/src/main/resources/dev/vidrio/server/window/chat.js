/** Alternatives that are asked for with each token. */
const ALTERNATIVES = 5;

/** The conversation so far, as the server takes it. */
let conversation = [];

/** Calls off the answer that is being generated; null where none is. */
let running = null;

/** Adds a message to the page and returns the element of its words. */
function addMessage(who, className) {
  const words = element('p', { class: 'words', dir: 'auto' });
  const item = element('li', { class: className }, element('div', { class: 'who' }, who), words);
  at('messages').append(item);
  return words;
}

function setStatus(text, isError) {
  at('status').textContent = text;
  at('status').classList.toggle('error', Boolean(isError));
}

function setRunning(controller) {
  running = controller;
  at('send').disabled = Boolean(controller);
  at('stop').disabled = !controller;
}

/** A number from a setting, or nothing where it is empty. */
function setting(id) {
  return at(id).value === '' ? undefined : Number(at(id).value);
}

function sampling() {
  return {
    temperature: setting('temperature'),
    top_p: setting('top-p'),
    max_tokens: setting('max-tokens'),
    seed: setting('seed'),
  };
}

/** The direction that steers, or nothing. */
function steering() {
  const strength = Number(at('strength').value);
  const plus = at('plus').value;
  const minus = at('minus').value;
  if (strength === 0 || !plus || !minus || at('steering').disabled) {
    return undefined;
  }
  const hook = `blocks.${at('steering-layer').value}.hook_resid_post`;
  return { steer: [{ hook, strength, plus, minus }] };
}

/** The tokens of an event of a chat: {id, name, thought, text, logprob, top}. */
function chatTokens(event, decoder) {
  const [choice] = event.choices;
  return (choice?.logprobs?.content ?? []).map(token => ({
    thought: 'reasoning_content' in choice.delta,
    id: token.id,
    name: token.token,
    text: decoder.decode(Uint8Array.from(token.bytes), { stream: true }),
    logprob: token.logprob,
    top: token.top_logprobs.map(other => ({ text: other.token, logprob: other.logprob })),
  }));
}

/** The bytes of a token by its name in a completion, where `bytes:\xe2\x82` is part of a character. */
function bytesOf(name) {
  return /^bytes:(\\x[0-9a-f]{2})+$/.test(name)
    ? Uint8Array.from(name.match(/[0-9a-f]{2}(?=\\|$)/g), hex => parseInt(hex, 16))
    : new TextEncoder().encode(name);
}

/** The same of a text that is continued. */
function completionTokens(event, decoder) {
  const logprobs = event.choices[0]?.logprobs;
  return (logprobs?.token_ids ?? []).map((id, i) => ({
    id,
    name: logprobs.tokens[i],
    text: decoder.decode(bytesOf(logprobs.tokens[i]), { stream: true }),
    logprob: logprobs.token_logprobs[i],
    top: Object.entries(logprobs.top_logprobs[i]).map(([text, logprob]) => ({ text, logprob })),
  }));
}

/** Sends a message, and shows the answer token by token. */
async function ask(text, model) {
  const controller = new AbortController();
  setRunning(controller);
  setStatus('');
  addMessage('You', 'question').textContent = text;
  const turns = conversation;
  turns.push({ role: 'user', content: text });
  const vidrio = steering();
  const words = addMessage(vidrio ? `${model.model}, steered` : model.model, 'answer');
  words.setAttribute('role', 'group');
  words.setAttribute('aria-label', 'Answer, token by token');
  words.setAttribute('aria-busy', 'true');
  const system = at('system').value;
  const messages = [...(system ? [{ role: 'system', content: system }] : []), ...turns];
  const answer = {
    model: model.model,
    parent: model.parent,
    context: model.chat ? { messages } : { prompt: text },
    tokens: [],
    nodes: [],
    thoughts: null,
    steered: Boolean(vidrio),
    known: new Map(),
  };
  let content = '';
  let reasoning = '';
  const body = { model: model.model, ...answer.context, ...sampling(), vidrio, stream: true };
  try {
    const decoder = new TextDecoder();
    const stream = model.chat
      ? events('/v1/chat/completions', { ...body, logprobs: true, top_logprobs: ALTERNATIVES }, controller.signal)
      : events('/v1/completions', { ...body, logprobs: ALTERNATIVES }, controller.signal);
    for await (const event of stream) {
      content += event.choices[0]?.delta?.content ?? '';
      reasoning += event.choices[0]?.delta?.reasoning_content ?? '';
      for (const token of model.chat ? chatTokens(event, decoder) : completionTokens(event, decoder)) {
        addToken(words, answer, token);
      }
    }
  } catch (error) {
    if (error.name !== 'AbortError') {
      setStatus(error.message, true);
    }
  }
  words.removeAttribute('aria-busy');
  // Folded thoughts are passed over by the arrow keys.
  const first = answer.tokens.filter(token => token.thought).length;
  rove([answer.nodes.slice(0, first)], (i, j) => showToken(answer, j));
  rove([answer.nodes.slice(first)], (i, j) => showToken(answer, first + j));
  if (answer.tokens.length > 0) {
    turns.push({ role: 'assistant', content, ...(reasoning && { reasoning_content: reasoning }) });
  } else {
    turns.pop();
  }
  setRunning(null);
}

/** Adds a token to an answer, which the glass shows when it is pointed at. */
function addToken(words, answer, token) {
  const index = answer.tokens.push(token) - 1;
  const label = visible(token.text) || 'part of a character';
  const node = element('span', { class: 'token', role: 'button', 'aria-label': label }, token.text);
  node.addEventListener('mouseenter', () => showToken(answer, index));
  answer.nodes.push(node);
  if (token.thought) {
    answer.thoughts ??= addThoughts(words);
    answer.thoughts.append(node);
  } else {
    words.append(node);
  }
}

/** Adds what the model thinks, folded, before the words of its answer. */
function addThoughts(words) {
  const label = 'Thoughts, token by token';
  const thoughts = element('p', { class: 'words', dir: 'auto', role: 'group', 'aria-label': label });
  words.before(element('details', { class: 'thoughts' }, element('summary', {}, 'Thoughts'), thoughts));
  return thoughts;
}

/** Begins anew. */
function clearChat() {
  running?.abort();
  conversation = [];
  at('messages').replaceChildren();
  setStatus('');
  clearGlass();
}
