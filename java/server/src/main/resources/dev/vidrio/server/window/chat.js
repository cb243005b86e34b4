/** The number of alternatives requested for each token. */
const ALTERNATIVES = 5;

/** The messages of the conversation so far. */
let conversation = [];

/** Aborts the running answer; null if there is none. */
let running = null;

/** Adds a message to the page and returns the element of its text. */
function addMessage(sender, className) {
  const words = element('p', { class: 'words', dir: 'auto' });
  const item = element('li', { class: className }, element('div', { class: 'who' }, sender), words);
  at('messages').append(item);
  return words;
}

/** Shows a status line below the conversation. */
function setStatus(text, isError) {
  at('status').textContent = text;
  at('status').classList.toggle('error', Boolean(isError));
}

/** Enables Send or Stop. */
function setRunning(controller) {
  running = controller;
  at('send').disabled = Boolean(controller);
  at('stop').disabled = !controller;
}

/** Returns the number of a setting, or undefined if it is empty. */
function setting(id) {
  return at(id).value === '' ? undefined : Number(at(id).value);
}

/** Returns the sampling parameters of a request. */
function sampling() {
  return {
    temperature: setting('temperature'),
    top_p: setting('top-p'),
    max_tokens: setting('max-tokens'),
    seed: setting('seed'),
  };
}

/** Returns the steering of a request, or undefined. */
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

/** Returns the tokens of a chat's event: {id, name, isReasoning, text, logprob, top}. */
function chatTokens(event, decoder) {
  const [choice] = event.choices;
  return (choice?.logprobs?.content ?? []).map(token => ({
    isReasoning: 'reasoning_content' in choice.delta,
    id: token.id,
    name: token.token,
    text: decoder.decode(Uint8Array.from(token.bytes), { stream: true }),
    logprob: token.logprob,
    top: token.top_logprobs.map(other => ({ text: other.token, logprob: other.logprob })),
  }));
}

/** Returns the bytes of a token of a completion; `bytes:\xe2\x82` names a partial character. */
function bytesOf(name) {
  return /^bytes:(\\x[0-9a-f]{2})+$/.test(name)
    ? Uint8Array.from(name.match(/[0-9a-f]{2}(?=\\|$)/g), hex => parseInt(hex, 16))
    : new TextEncoder().encode(name);
}

/** Returns the tokens of a completion's event, like chatTokens. */
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

/** Sends a message and shows the answer token by token. */
async function send(text, model) {
  const controller = new AbortController();
  setRunning(controller);
  setStatus('');
  removeContinue();
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
    reasoning: null,
    steered: Boolean(vidrio),
    known: new Map(),
  };
  let content = '';
  let reasoning = '';
  let finish = null;
  const body = { model: model.model, ...answer.context, ...sampling(), vidrio, stream: true };
  try {
    const decoder = new TextDecoder();
    const stream = model.chat
      ? events('/v1/chat/completions', { ...body, logprobs: true, top_logprobs: ALTERNATIVES }, controller.signal)
      : events('/v1/completions', { ...body, logprobs: ALTERNATIVES }, controller.signal);
    for await (const event of stream) {
      finish = event.choices[0]?.finish_reason ?? finish;
      content += event.choices[0]?.delta?.content ?? event.choices[0]?.text ?? '';
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
  // The arrow keys skip collapsed reasoning.
  const first = answer.tokens.filter(token => token.isReasoning).length;
  rove([answer.nodes.slice(0, first)], (i, j) => showToken(answer, j));
  rove([answer.nodes.slice(first)], (i, j) => showToken(answer, first + j));
  if (answer.tokens.length > 0) {
    turns.push({ role: 'assistant', content, ...(reasoning && { reasoning_content: reasoning }) });
  } else {
    turns.pop();
  }
  setRunning(null);
  if (finish === 'length') {
    addCutNotice(words, answer, () => send(model.chat ? 'Continue.' : text + content, model));
  }
}

/** Reports that an answer was cut, with a button that continues it. */
function addCutNotice(words, answer, resume) {
  const button = element('button', { type: 'button', class: 'continue' }, 'Continue');
  button.addEventListener('click', () => resume().catch(failed));
  words.after(element('p', { class: 'cut' }, `Cut at ${answer.tokens.length} tokens. `, button));
}

/** Removes the button of an earlier cut answer. */
function removeContinue() {
  document.querySelectorAll('.continue').forEach(button => button.remove());
}

/** Adds a token to an answer. The glass shows the token under the pointer. */
function addToken(words, answer, token) {
  const index = answer.tokens.push(token) - 1;
  const label = visible(token.text) || 'part of a character';
  const node = element('span', { class: 'token', role: 'button', 'aria-label': label }, token.text);
  node.addEventListener('mouseenter', () => showToken(answer, index));
  answer.nodes.push(node);
  if (token.isReasoning) {
    answer.reasoning ??= addReasoning(words);
    answer.reasoning.append(node);
  } else {
    words.append(node);
  }
}

/** Adds a collapsed block of reasoning before the text of an answer. */
function addReasoning(words) {
  const label = 'Reasoning, token by token';
  const reasoning = element('p', { class: 'words', dir: 'auto', role: 'group', 'aria-label': label });
  words.before(element('details', { class: 'reasoning' }, element('summary', {}, 'Reasoning'), reasoning));
  return reasoning;
}

/** Starts a new conversation. */
function clearChat() {
  running?.abort();
  conversation = [];
  at('messages').replaceChildren();
  setStatus('');
  clearGlass();
}
