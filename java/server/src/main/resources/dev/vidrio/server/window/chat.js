import { AnswerView } from './answer.js';
import { callJson, events } from './api.js';
import { at, button, setStatus } from './controls.js';
import { Conversation } from './conversation.js';
import { changes, clearGlass, showToken } from './glass.js';
import { copyText } from './share.js';
import { keep } from './store.js';
import { chatTokens, completionTokens } from './tokens.js';

/** The number of alternatives requested for each token. */
const ALTERNATIVES = 5;

/** The maximum number of tokens of an answer by a command of the lens, which computes it token by token. */
const EDITED_TOKENS = 64;

/** The chat of the window: one conversation and its running answer. */
export class Chat {
  /** settings: {sampling(), system(), steering(), isFormatted(), color()}. onChange: it was kept. */
  constructor(settings, onChange) {
    this.settings = settings;
    this.onChange = onChange;
    /** The server's description of the model: {model, parent, chat, layers, steerable}. */
    this.model = null;
    this.running = null;
    this.open(new Conversation());
    at('messages').addEventListener('click', event => this.#copyCode(event));
  }

  /** Shows a conversation. */
  open(conversation) {
    this.stop();
    this.conversation = conversation;
    this.views = new Map();
    this.compared = new Set();
    this.editing = null;
    clearGlass();
    this.draw();
  }

  stop() {
    this.running?.abort();
  }

  /** Asks a question after the last turn. */
  ask(text) {
    const last = this.conversation.path().at(-1) ?? null;
    return this.#answer(this.conversation.add(last, { role: 'user', content: text }));
  }

  /** Answers a question once more. */
  regenerate(answer) {
    return this.#answer(this.conversation.find(answer.parent));
  }

  /** Answers a changed question, and keeps the old one beside it. */
  askInstead(question, text) {
    const before = this.conversation.find(question.parent) ?? null;
    this.editing = null;
    return this.#answer(this.conversation.add(before, { role: 'user', content: text }));
  }

  /** Continues an answer that was cut or stopped. */
  resume(answer) {
    return this.#answer(this.conversation.find(answer.parent), { after: answer, given: answer.tokens });
  }

  /** Answers again with another token at a place of an answer. */
  branch({ turn }, index, token) {
    const { isReasoning, top } = turn.tokens[index];
    const given = [...turn.tokens.slice(0, index), { ...token, text: token.name, isReasoning, top }];
    return this.#answer(this.conversation.find(turn.parent), {
      given,
      change: `${visible(token.name)} at token ${index + 1}`,
      steer: turn.steer,
    });
  }

  /** Answers again, without and with an edit of activations, at temperature 0. */
  async ablate({ turn }, ids, edit) {
    await this.#answerByLens(turn, ids, 'edit', { edit: [edit] }, async (add, { before, after }) => {
      const isShown = before.ids.every((id, i) => turn.tokens[i]?.id === id);
      if (!isShown) {
        await add(before, { change: 'temperature 0' });
      }
      await add(after, { change: edit, edits: [edit] });
    });
  }

  /** Answers again with a feature of a dictionary set to a value, at temperature 0. */
  async setFeature({ turn }, ids, feature) {
    const change = `feature ${feature.feature} set to ${feature.value}`;
    await this.#answerByLens(turn, ids, 'sae steer', feature, (add, after) => add(after, { change, feature }));
  }

  /**
   * Answers by a command of the lens.
   *
   * ids: the prompt. onResult(add, result): adds the answers of the result, each of {ids, text}.
   */
  async #answerByLens(turn, ids, command, options, onResult) {
    const { conversation } = this;
    const question = conversation.find(turn.parent);
    const controller = this.#begin('answering with the change …');
    const add = async ({ ids: answer, text }, change) => {
      const { model, base, context } = turn;
      const { pieces } = await callJson('/detokenize', { model, tokens: answer, pieces: true });
      const tokens = answer.map((id, i) => ({ id, name: pieces[i], text: pieces[i], isReasoning: false, logprob: null, top: [] }));
      conversation.add(question, { role: 'assistant', content: text, model, base, context, tokens, ...change });
    };
    try {
      const count = Math.min(EDITED_TOKENS, turn.tokens.length);
      const { result } = await callJson(
        '/v1/lens/commands',
        {
          model: turn.model,
          command,
          options: { ids: 'ids.json', temperature: 0, tokens: count, ...options },
          files: { 'ids.json': JSON.stringify(ids) },
        },
        controller.signal,
      );
      await onResult(add, result);
      this.compared.add(question.id);
      await this.#end(controller, conversation, '');
    } catch (error) {
      await this.#end(controller, conversation, messageOf(error));
    }
  }

  /** Starts a request that Stop ends. */
  #begin(status) {
    this.stop();
    this.#setRunning(new AbortController());
    setStatus(status);
    this.draw();
    return this.running;
  }

  /** Ends a request of a conversation, and keeps it. Another request or conversation may have begun. */
  async #end(controller, conversation, error) {
    if (this.running === controller) {
      this.#setRunning(null);
      setStatus(error, error);
    }
    if (this.conversation === conversation) {
      this.draw();
    }
    if (conversation.turns.length > 0) {
      await keep(conversation);
    }
    this.onChange();
  }

  /** Keeps the controller of the running request, or null, and enables Send or Stop. */
  #setRunning(controller) {
    this.running = controller;
    at('send').disabled = Boolean(controller);
    at('stop').disabled = !controller;
  }

  /**
   * Answers a question and shows the answer token by token.
   *
   * given: tokens with which the answer begins. after: an answer to continue, in its place. steer: the
   * directions; by default those of the window.
   */
  async #answer(question, { given = [], after = null, change = null, steer = this.settings.steering() } = {}) {
    const { conversation } = this;
    const { model, parent, chat } = this.model;
    conversation.model = model;
    const directions = after ? after.steer : steer;
    const turn =
      after ??
      conversation.add(question, {
        role: 'assistant',
        content: '',
        reasoning: '',
        model,
        base: parent ?? null,
        context: chat
          ? { messages: conversation.messages(question, this.settings.system()) }
          : { prompt: question.content },
        tokens: [...given],
        ...(directions && { steer: directions }),
        ...((change ?? directions) && { change: change ?? 'steered' }),
      });
    const said = turn.tokens.filter(token => !token.isReasoning);
    turn.content ||= said.map(token => token.text).join('');
    turn.reasoning ||= turn.tokens.filter(token => token.isReasoning).map(token => token.text).join('');
    turn.finish = null;
    const controller = this.#begin('');
    const view = this.views.get(turn.id);
    view.words.setAttribute('aria-busy', 'true');
    let failure = '';
    try {
      const decoder = new TextDecoder();
      for await (const event of await this.#events(turn, controller.signal)) {
        receive(turn, event, decoder);
        view.update();
      }
    } catch (error) {
      turn.finish ??= 'stopped';
      failure = messageOf(error);
    }
    view.words.removeAttribute('aria-busy');
    if (turn.tokens.length === 0 && turn.calls === undefined) {
      conversation.remove(turn);
    }
    view.draw();
    await this.#end(controller, conversation, failure);
  }

  /** Yields the parts of an answer: {tokens, content, reasoning, calls, finish}. */
  async #events({ model, context, tokens, steer }, signal) {
    const ids = tokens.map(token => token.id);
    const body = {
      model,
      ...this.settings.sampling(),
      stream: true,
      ...(steer && { vidrio: { steer } }),
    };
    if (context.messages) {
      const more = { logprobs: true, top_logprobs: ALTERNATIVES, ...(ids.length > 0 && { answer: ids }) };
      return events('/v1/chat/completions', { ...body, ...context, ...more }, signal);
    }
    let { prompt } = context;
    if (ids.length > 0) {
      const before = await callJson('/tokenize', { model, text: prompt }, signal);
      prompt = [...before.tokens, ...ids];
    }
    return events('/v1/completions', { ...body, prompt, logprobs: ALTERNATIVES }, signal);
  }

  /** Computes the entropies of the answers, one forward pass for each. */
  async addEntropies() {
    for (const view of this.views.values()) {
      const { turn } = view;
      if (turn.base || turn.tokens.length === 0 || turn.tokens.every(token => 'entropy' in token)) {
        continue;
      }
      const answer = turn.tokens.slice(0, -1).map(token => token.id);
      const { hooks } = await callJson('/v1/lens/logits', {
        model: turn.model,
        ...turn.context,
        answer,
        ...changes(turn),
        hooks: `blocks.${this.model.layers - 1}.hook_resid_post`,
        top: 1,
      });
      const cells = Object.values(hooks)[0].slice(-turn.tokens.length);
      turn.tokens.forEach((token, i) => (token.entropy = cells[i].entropy_bits));
      view.paint();
    }
  }

  /** Draws the shown turns. The texts of answers are only drawn again if they change. */
  draw() {
    const path = this.conversation.path();
    at('messages').replaceChildren(...path.map((turn, i) => this.#item(turn, i === path.length - 1)));
  }

  #item(turn, isLast) {
    const shownTurns = this.compared.has(turn.parent) ? this.#pair(turn) : [turn];
    const columns = shownTurns.map(each => this.#column(each, isLast && each === turn));
    if (columns.length > 1) {
      const [a, b] = shownTurns.map(each => each.tokens.map(token => token.id));
      const index = a.findIndex((id, i) => id !== b[i]);
      shownTurns.forEach(each => this.views.get(each.id).markDifference(index < 0 ? a.length : index));
    }
    const className = `${turn.role === 'user' ? 'question' : 'answer'}${columns.length > 1 ? ' compared' : ''}`;
    return element('li', { class: className }, ...columns);
  }

  /** Returns an answer and the one before it, or after the first. */
  #pair(turn) {
    const all = this.conversation.siblings(turn);
    const i = all.indexOf(turn);
    return all.length < 2 ? [turn] : i > 0 ? [all[i - 1], turn] : [turn, all[1]];
  }

  #column(turn, isLast) {
    const isQuestion = turn.role === 'user';
    const who = isQuestion ? 'You' : [turn.model, turn.change].filter(Boolean).join(', ');
    const body = this.editing === turn ? this.#editor(turn) : isQuestion ? questionText(turn) : this.#view(turn).node;
    const actions = this.editing === turn ? [] : isQuestion ? this.#questionActions(turn) : this.#answerActions(turn, isLast);
    return element(
      'div',
      { class: 'turn' },
      element('div', { class: 'who' }, who),
      body,
      element('div', { class: 'actions' }, ...this.#versions(turn), ...actions),
    );
  }

  #view(turn) {
    if (!this.views.has(turn.id)) {
      const view = new AnswerView(turn, this.settings, index => {
        this.views.forEach(other => other !== view && other.choose(null));
        showToken(view, index);
      });
      this.views.set(turn.id, view);
    }
    return this.views.get(turn.id);
  }

  /** Draws all answers again, after a setting changed. */
  redraw() {
    this.views.forEach(view => view.draw());
  }

  /** Returns the buttons that go from one version of a turn to the next. */
  #versions(turn) {
    const all = this.conversation.siblings(turn);
    if (all.length < 2) {
      return [];
    }
    const i = all.indexOf(turn);
    const step = (label, text, to) => {
      const node = button(text, () => this.show(all[to]), label);
      node.disabled = !all[to] || Boolean(this.running);
      return node;
    };
    return [
      step('Earlier version', '‹', i - 1),
      element('span', {}, `${i + 1} / ${all.length}`),
      step('Later version', '›', i + 1),
    ];
  }

  /** Shows another version of a turn. */
  show(turn) {
    this.conversation.choose(turn);
    clearGlass();
    this.draw();
  }

  /** Shows another version of the last answer: the one before or after it. */
  step(by) {
    const last = this.conversation.path().at(-1);
    const all = last ? this.conversation.siblings(last) : [];
    const next = all[all.indexOf(last) + by];
    if (next && !this.running) {
      this.show(next);
    }
  }

  #questionActions(turn) {
    const edit = () => {
      this.editing = turn;
      this.draw();
      at('messages').querySelector('textarea').focus();
    };
    return [button('Edit', edit, 'Edit this message'), button('Copy', () => this.copy(turn), 'Copy this message')];
  }

  #answerActions(turn, isLast) {
    const actions = [];
    if (isLast && !this.running && ['length', 'stopped'].includes(turn.finish)) {
      const text = turn.finish === 'length' ? `Cut at ${turn.tokens.length} tokens.` : 'Stopped.';
      const resume = button('Continue', () => this.resume(turn));
      resume.classList.add('continue');
      actions.push(element('span', { class: 'cut' }, text), resume);
    }
    actions.push(button('Copy', () => this.copy(turn), 'Copy this answer'));
    if (!this.running) {
      actions.push(button('Again', () => this.regenerate(turn), 'Answer again'));
    }
    if (this.conversation.siblings(turn).length > 1) {
      const compare = () => {
        const { parent } = turn;
        this.compared[this.compared.has(parent) ? 'delete' : 'add'](parent);
        this.draw();
      };
      const node = button('Compare', compare, 'Show two versions side by side');
      node.setAttribute('aria-pressed', String(this.compared.has(turn.parent)));
      actions.push(node);
    }
    return actions;
  }

  /** Copies the text of a turn. */
  async copy({ content }) {
    setStatus((await copyText(content)) ? 'Copied.' : 'The browser does not allow copying here.');
  }

  async #copyCode(event) {
    const node = event.target.closest('[data-copy=code]');
    if (node) {
      await this.copy({ content: node.closest('.code').querySelector('code').textContent });
    }
  }

  #editor(turn) {
    const area = element('textarea', { rows: '3', 'aria-label': 'Changed message' }, turn.content);
    const cancel = () => {
      this.editing = null;
      this.draw();
    };
    area.addEventListener('keydown', event => {
      if (event.key === 'Escape') {
        cancel();
      }
    });
    const send = element('button', { type: 'submit' }, 'Send');
    const form = element('form', { class: 'editor' }, area, element('div', { class: 'controls' }, send, button('Cancel', cancel)));
    form.addEventListener('submit', event => {
      event.preventDefault();
      if (area.value.trim() && !this.running) {
        this.askInstead(turn, area.value);
      }
    });
    return form;
  }
}

/** Returns the message of an error; none if the user stopped the request. */
function messageOf(error) {
  return error.name === 'AbortError' ? '' : error.message;
}

function questionText({ content }) {
  return element('p', { class: 'words', dir: 'auto' }, content);
}

/** Adds an event of a stream to an answer. */
function receive(turn, event, decoder) {
  const [choice] = event.choices;
  const tokensOf = choice?.delta ? chatTokens : completionTokens;
  turn.tokens.push(...tokensOf(event, decoder));
  turn.content += choice?.delta?.content ?? choice?.text ?? '';
  turn.reasoning += choice?.delta?.reasoning_content ?? '';
  turn.finish = choice?.finish_reason ?? turn.finish;
  for (const { index, function: part } of choice?.delta?.tool_calls ?? []) {
    turn.calls ??= [];
    turn.calls[index] ??= { name: '', arguments: '' };
    turn.calls[index].name += part.name ?? '';
    turn.calls[index].arguments += part.arguments ?? '';
  }
}
