import { AnswerView } from './answer.js';
import { callJson, events } from './api.js';
import { at, button, setStatus } from './controls.js';
import { Conversation } from './conversation.js';
import { changes, commandEdits, isPatched, isSameModel, otherChanges } from './edits.js';
import { clearGlass, showToken } from './glass.js';
import { copyText } from './share.js';
import { keep } from './store.js';
import { chatTokens, comparison, completionTokens } from './tokens.js';

/** The number of alternatives requested for each token. */
const ALTERNATIVES = 5;

/** The maximum number of tokens of an answer by a command of the lens, which computes it token by token. */
const EDITED_TOKENS = 64;

/** The chat of the window: one conversation and its running answer. */
export class Chat {
  /**
   * settings: {sampling(), system(), steering(), isFormatted(), color(), secondModel()}. on: {kept(): a
   * conversation was kept, compared(): two models were compared}.
   */
  constructor(settings, on) {
    this.settings = settings;
    this.on = on;
    /** The server's description of the model: {model, parent, chat, layers, steerable}. */
    this.model = null;
    this.running = null;
    this.descriptions = new Map();
    this.open(new Conversation());
    at('messages').addEventListener('click', event => this.#copyCode(event));
  }

  /** Shows a conversation. */
  open(conversation) {
    this.stop();
    this.conversation = conversation;
    this.views = new Map();
    /** The turns with two turns after them side by side: the id of the first one, or null, by that of the turn. */
    this.compared = new Map();
    this.editing = null;
    clearGlass();
    this.draw();
  }

  stop() {
    this.running?.abort();
  }

  /** Asks a question after the last turn. */
  async ask(text) {
    const last = this.conversation.path().at(-1) ?? null;
    const second = this.settings.secondModel();
    const answer = await this.#answer(this.conversation.add(last, { role: 'user', content: text }));
    if (answer && second) {
      await this.answerBy(second, answer);
    }
  }

  /** Returns the server's description of a model, which is loaded if necessary. */
  async #describe(model) {
    if (!this.descriptions.has(model)) {
      this.descriptions.set(model, await callJson('/v1/lens/model', { model }));
    }
    return this.descriptions.get(model);
  }

  /**
   * Answers the question of an answer by another model too, without its changes, and compares the two
   * models, the first with its changes, on both answers.
   */
  async answerBy(model, first) {
    const { conversation } = this;
    setStatus(`loading ${model} …`);
    const by = await this.#describe(model);
    if (this.running || this.conversation !== conversation) {
      return;
    }
    const second = await this.#answer(conversation.find(first.parent), { by, steer: null });
    if (second && this.conversation === conversation) {
      await this.#showBoth(first, second);
    }
  }

  /** Shows two answers side by side, and compares their models on both. */
  async #showBoth(first, second) {
    this.compared.set(first.parent, first.id);
    await this.#compare(first, second);
  }

  /** Compares the models of two shown answers, each with its changes, on both. */
  async #compare(first, second) {
    const { conversation } = this;
    this.draw();
    if (first.feature || second.feature || isSameModel(first, second)) {
      return;
    }
    const controller = this.#begin('comparing the models …');
    let failure = '';
    try {
      await compareModels(first, second, controller.signal);
      await compareModels(second, first, controller.signal);
    } catch (error) {
      failure = messageOf(error);
    }
    await this.#end(controller, conversation, failure);
    this.on.compared();
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

  /** Answers again with another token at a place of an answer, by the model with its changes. */
  async branch({ turn }, index, { id, name, logprob }) {
    const { isReasoning, top } = turn.tokens[index];
    const given = [...turn.tokens.slice(0, index), { id, name, logprob, text: name, isReasoning, top }];
    const change = `${visible(name)} at token ${index + 1}`;
    if (turn.edits && turn.prompt) {
      const ids = [...turn.prompt, ...given.map(token => token.id)];
      const { edits, steer } = turn;
      await this.#answerByLens(turn, ids, given, 'edit', { edit: commandEdits(turn, ids.length) }, async (add, { after }) => [
        turn,
        await add(after, { change: `${turn.change}, ${change}`, edits, ...(steer && { steer }) }),
      ]);
      return;
    }
    await this.#answer(this.conversation.find(turn.parent), {
      by: await this.#describe(turn.model),
      given,
      change,
      steer: turn.steer,
    });
  }

  /** Answers again with one more edit of activations, at temperature 0. */
  async ablate({ turn }, ids, edit) {
    await this.#answerWithEdit(turn, ids, 0, edit, edit);
  }

  /** Answers again from a token on, with an activation of another prompt. ids: the text before it. */
  async patch({ view: { turn }, ids, index }, patch, change) {
    await this.#answerWithEdit(turn, ids, index, patch, change);
  }

  /**
   * Answers again with one more edit, beside the answer at temperature 0 without it.
   *
   * ids: the prompt with the tokens that are kept. kept: the number of tokens of the answer that are kept.
   */
  async #answerWithEdit(turn, ids, kept, edit, change) {
    const { steer } = turn;
    const edits = [...(turn.edits ?? []), edit];
    const given = turn.tokens.slice(0, kept);
    const own = commandEdits(turn, ids.length);
    const options = { edit: commandEdits({ steer, edits }, ids.length) };
    await this.#answerByLens(turn, ids, given, 'edit', options, async (add, { before, after }, run) => {
      const unedited = own.length === 0 ? before : turn.edits ? null : (await run({ edit: own })).after;
      const isShown = !unedited || unedited.ids.every((id, i) => turn.tokens[kept + i]?.id === id);
      const more = steer ? { steer } : {};
      const first = isShown ? turn : await add(unedited, { change: [turn.change, 'temperature 0'].filter(Boolean).join(', '), ...more });
      const second = await add(after, { change: own.length > 0 ? `${turn.change}, ${change}` : change, edits, ...more });
      return [first, second];
    });
  }

  /** Answers again with a feature of a dictionary set to a value, at temperature 0. */
  async setFeature({ turn }, ids, feature) {
    const change = `feature ${feature.feature} set to ${feature.value}`;
    await this.#answerByLens(turn, ids, [], 'sae steer', feature, async (add, after) => [
      turn,
      await add(after, { change, feature }),
    ]);
  }

  /**
   * Answers by a command of the lens.
   *
   * ids: the prompt with the given tokens, with which the answer begins. onResult(add, result, run): adds
   * the answers of the result, each of {ids, text}, and returns the two answers to compare;
   * run(options) returns the result with other options.
   */
  async #answerByLens(turn, ids, given, command, options, onResult) {
    const { conversation } = this;
    const question = conversation.find(turn.parent);
    const controller = this.#begin('answering with the change …');
    const prompt = ids.slice(0, ids.length - given.length);
    let answers = null;
    const add = async ({ ids: answer, text }, change) => {
      const { model, base, context } = turn;
      const { pieces } = await callJson('/detokenize', { model, tokens: answer, pieces: true });
      const added = answer.map((id, i) => ({ id, name: pieces[i], text: pieces[i], isReasoning: false, logprob: null, top: [] }));
      const content = textOf(given, false) + text;
      const reasoning = textOf(given, true);
      const tokens = [...given, ...added];
      return conversation.add(question, { role: 'assistant', content, reasoning, model, base, context, prompt, tokens, ...change });
    };
    const count = Math.min(EDITED_TOKENS, Math.max(1, turn.tokens.length - given.length));
    const run = async chosen => {
      const { result } = await callJson(
        '/v1/lens/commands',
        {
          model: turn.model,
          command,
          options: { ids: 'ids.json', temperature: 0, tokens: count, ...chosen },
          files: { 'ids.json': JSON.stringify(ids) },
        },
        controller.signal,
      );
      return result;
    };
    try {
      answers = await onResult(add, await run(options), run);
      await this.#end(controller, conversation, '');
    } catch (error) {
      await this.#end(controller, conversation, messageOf(error));
    }
    if (answers && this.conversation === conversation) {
      await this.#showBoth(...answers);
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
    this.on.kept();
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
   * given: tokens with which the answer begins. after: an answer to continue, in its place. by: the
   * description of the model; steer: the directions; by default those of the window. Returns the
   * answer, or null if it was stopped or failed.
   */
  async #answer(question, { given = [], after = null, change = null, by = this.model, steer = this.settings.steering() } = {}) {
    const { conversation } = this;
    const { model, parent, chat } = by;
    conversation.model = this.model.model;
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
    turn.content ||= textOf(turn.tokens, false);
    turn.reasoning ||= textOf(turn.tokens, true);
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
    return turn.finish === 'stopped' || turn.tokens.length === 0 ? null : turn;
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
        hooks: 'blocks.-1.hook_resid_post',
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
    at('messages').replaceChildren(...path.map((turn, i) => this.#item(turn, path[i - 1], i === path.length - 1)));
  }

  /** Returns a turn, beside the one it is compared with. before: the turn before it, if there is one. */
  #item(turn, before, isLast) {
    const shownTurns = this.compared.has(turn.parent) ? this.#pair(turn) : this.#withOther(turn, before);
    const columns = shownTurns.map(each => this.#column(each, isLast && each === turn));
    if (columns.length > 1 && shownTurns.every(each => each.role === 'assistant')) {
      const [a, b] = shownTurns.map(each => each.tokens.map(token => token.name));
      const index = a.findIndex((name, i) => name !== b[i]);
      shownTurns.forEach(each => this.views.get(each.id).markDifference(index < 0 ? a.length : index));
    }
    const className = `${turn.role === 'user' ? 'question' : 'answer'}${columns.length > 1 ? ' compared' : ''}`;
    return element('li', { class: className }, ...columns);
  }

  /** Returns an answer and the one it is compared with: by default the one before it, or after the first. */
  #pair(turn) {
    const all = this.conversation.siblings(turn);
    const i = all.indexOf(turn);
    const first = all.find(other => other !== turn && other.id === this.compared.get(turn.parent));
    if (first) {
      return [first, turn];
    }
    return all.length < 2 ? [turn] : i > 0 ? [all[i - 1], turn] : [turn, all[1]];
  }

  /** Returns an answer, beside the newest one to the question that its question is compared with. */
  #withOther(turn, question) {
    if (!question || question.role !== 'user' || !this.compared.has(question.parent)) {
      return [turn];
    }
    const pair = this.#pair(question);
    const answers = pair.map(each =>
      each === question ? turn : this.conversation.turns.findLast(other => other.parent === each.id),
    );
    return answers.length > 1 && answers.every(Boolean) ? answers : [turn];
  }

  #column(turn, isLast) {
    const isQuestion = turn.role === 'user';
    const who = isQuestion ? 'You' : nameOf(turn);
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

  /** Shows a token of a shown answer, {turn, index}. */
  showToken({ turn, index }) {
    const view = this.views.get(turn);
    if (view) {
      showToken(view, index);
    }
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
    const actions = [button('Edit', edit, 'Edit this message'), button('Copy', () => this.copy(turn), 'Copy this message')];
    if (this.conversation.siblings(turn).length > 1) {
      actions.push(this.#compareButton(turn, 'Show two versions and their answers side by side', () => this.draw()));
    }
    return actions;
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
    const second = this.settings.secondModel();
    if (!this.running && second && second !== turn.model) {
      const answer = () => this.answerBy(second, turn).catch(error => setStatus(error.message, true));
      actions.push(button(`With ${second}`, answer, `Answer with ${second} and compare the models`));
    }
    if (this.conversation.siblings(turn).length > 1) {
      const compare = () => {
        if (this.running) {
          this.draw();
        } else {
          this.#compare(...this.#pair(turn)).catch(error => setStatus(error.message, true));
        }
      };
      actions.push(this.#compareButton(turn, 'Show two versions side by side', compare));
    }
    return actions;
  }

  /** Returns the button that shows two versions of a turn side by side, or one; compare: draws them. */
  #compareButton({ parent }, label, compare) {
    const toggle = () => {
      if (this.compared.delete(parent)) {
        this.draw();
      } else {
        this.compared.set(parent, null);
        compare();
      }
    };
    const node = button('Compare', toggle, label);
    node.setAttribute('aria-pressed', String(this.compared.has(parent)));
    return node;
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

/** Returns the name of an answer's model with its changes. */
function nameOf(turn) {
  return [turn.model, turn.change].filter(Boolean).join(', ');
}

/**
 * Adds the predictions of another answer's model to the tokens of an answer. Each model has its own
 * changes. Positions of patches are those of the prompt of the answer with patches.
 */
async function compareModels(turn, other, signal) {
  const answer = turn.tokens.map(({ id }) => id);
  const prompt = [turn, other].find(isPatched)?.prompt;
  const length = prompt && prompt.length + answer.length;
  const { predictions } = await callJson(
    '/v1/lens/compare',
    {
      model: turn.model,
      with: other.model,
      ...(prompt ? { tokens: prompt } : turn.context),
      answer,
      from: -answer.length - 1,
      top: ALTERNATIVES,
      ...changes(turn, length),
      ...otherChanges(other, length),
    },
    signal,
  );
  const isOne = turn.model === other.model;
  const names = isOne ? { own: nameOf(turn), model: nameOf(other) } : { own: turn.model, model: other.model };
  turn.tokens.forEach((token, i) => (token.compared = comparison(predictions[i], names)));
}

/** Returns the text of tokens of an answer: of its reasoning, or of its content. */
function textOf(tokens, isReasoning) {
  return tokens
    .filter(token => Boolean(token.isReasoning) === isReasoning)
    .map(token => token.text)
    .join('');
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
