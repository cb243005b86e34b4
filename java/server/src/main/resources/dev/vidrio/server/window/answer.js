import { markdown } from './markdown.js';
import { percent } from './tokens.js';

/** The longest time, in milliseconds, until a running answer is drawn again. */
const MAX_DELAY = 300;

/** How the tokens of answers are colored: {label, scale, value(token)}. */
const COLORS = {
  probability: {
    label: 'probability',
    scale: scaleOf('SEQUENTIAL', [], 0, 1),
    value: token => token.logprob === null ? null : Math.exp(token.logprob),
  },
  entropy: {
    label: 'entropy in bits',
    scale: scaleOf('SEQUENTIAL', [], 0, 8),
    value: token => token.entropy ?? null,
  },
  difference: {
    label: 'KL divergence of the models in bits',
    scale: scaleOf('SEQUENTIAL', [], 0, 2),
    value: token => token.compared?.kl ?? null,
  },
};

/** Returns the legend of a kind of color, or nothing. */
export function colorLegend(kind) {
  return COLORS[kind] ? [legend(COLORS[kind].scale)] : [];
}

/** The text of an answer. Its tokens can be pointed at, reached by keyboard and colored. */
export class AnswerView {
  /**
   * turn: the answer. options: {isFormatted(), color()} of the window. onToken(index): a token is
   * pointed at or has the focus.
   */
  constructor(turn, options, onToken) {
    this.turn = turn;
    this.options = options;
    this.onToken = onToken;
    /** Results of the lens by place. */
    this.known = new Map();
    this.chosen = null;
    this.timer = 0;
    this.words = element('div', { class: 'words', dir: 'auto', role: 'group', 'aria-label': 'Answer, token by token' });
    this.thoughts = element('p', { class: 'words', dir: 'auto', role: 'group', 'aria-label': 'Reasoning, token by token' });
    this.reasoning = element('details', { class: 'reasoning' }, element('summary', {}, 'Reasoning'), this.thoughts);
    this.calls = element('div', { class: 'calls' });
    this.node = element('div', { class: 'said' }, this.reasoning, this.words, this.calls);
    this.node.addEventListener('mouseover', event => this.#point(event));
    this.node.addEventListener('focusin', event => this.#point(event));
    this.node.addEventListener('keydown', event => this.#move(event));
    this.draw();
  }

  /** Draws the answer again soon: the longer it is, the later, so that drawing takes little time. */
  update() {
    this.timer ||= setTimeout(() => this.draw(), Math.min(MAX_DELAY, this.turn.tokens.length / 2));
  }

  draw() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.nodes = this.turn.tokens.map(() => []);
    const indices = this.turn.tokens.map((_, i) => i);
    const thoughts = indices.filter(i => this.turn.tokens[i].isReasoning);
    const said = indices.filter(i => !this.turn.tokens[i].isReasoning);
    this.reasoning.hidden = thoughts.length === 0;
    this.thoughts.replaceChildren(...this.#raw(thoughts));
    const isFormatted = this.options.isFormatted();
    this.words.classList.toggle('formatted', isFormatted);
    this.words.replaceChildren(...(isFormatted ? this.#formatted(said) : this.#raw(said)));
    this.calls.replaceChildren(...(this.turn.calls ?? []).map(callElement));
    [thoughts, said].forEach(group => this.#enter(group));
    this.paint();
    if (this.chosen !== null) {
      this.choose(this.chosen);
    }
  }

  #raw(indices) {
    return indices.map(i => this.#token(i, this.turn.tokens[i].text));
  }

  /**
   * Returns the formatted content. Its tokens are known if they form it: those of tool calls do not.
   */
  #formatted(indices) {
    const texts = indices.map(i => this.turn.tokens[i].text);
    const source = this.turn.content;
    if (texts.join('').trimEnd() !== source.trimEnd()) {
      return markdown(source, (from, to) => [source.slice(from, to)]);
    }
    const ends = [];
    texts.reduce((end, text, i) => (ends[i] = end + text.length), 0);
    return markdown(source, (from, to) => {
      const nodes = [];
      let i = ends.findIndex(end => end > from);
      for (let at = from; at < to && i >= 0 && i < ends.length; i++) {
        const end = Math.min(to, ends[i]);
        if (end > at) {
          nodes.push(this.#token(indices[i], source.slice(at, end)));
        }
        at = end;
      }
      return nodes;
    });
  }

  #token(index, text) {
    const label = visible(this.turn.tokens[index].text) || 'part of a character';
    const node = element(
      'span',
      { class: 'token', role: 'button', tabindex: '-1', 'data-token': index, 'aria-label': label },
      text,
    );
    this.nodes[index].push(node);
    return node;
  }

  /** Lets the keyboard enter a group at its first token. */
  #enter(indices) {
    const first = indices.find(i => this.nodes[i].length > 0);
    if (first !== undefined) {
      this.nodes[first][0].tabIndex = 0;
    }
  }

  #indexOf(event) {
    const node = event.target.closest('.token');
    return node ? Number(node.dataset.token) : null;
  }

  #point(event) {
    const index = this.#indexOf(event);
    if (index !== null) {
      this.onToken(index);
    }
  }

  /** Moves the focus to another token of the same group. */
  #move(event) {
    const index = this.#indexOf(event);
    if (index === null || event.altKey) {
      return;
    }
    const group = this.turn.tokens
      .map((token, i) => i)
      .filter(i => this.nodes[i].length > 0 && this.turn.tokens[i].isReasoning === this.turn.tokens[index].isReasoning);
    const next = moved(event.key, 0, group.indexOf(index), 1, group.length);
    if (next) {
      event.preventDefault();
      group.forEach(i => (this.nodes[i][0].tabIndex = i === group[next[1]] ? 0 : -1));
      this.nodes[group[next[1]]][0].focus();
    }
  }

  /** Marks a token. */
  choose(index) {
    this.#each(this.chosen, node => node.classList.remove('chosen'));
    this.chosen = index;
    this.#each(index, node => node.classList.add('chosen'));
  }

  /** Marks the first token that another answer does not have. */
  markDifference(index) {
    this.node.querySelectorAll('.differs').forEach(node => node.classList.remove('differs'));
    this.#each(index, node => node.classList.add('differs'));
  }

  #each(index, action) {
    (this.nodes[index] ?? []).forEach(action);
  }

  /** Colors the tokens. */
  paint() {
    const color = COLORS[this.options.color()];
    this.turn.tokens.forEach((token, i) => {
      const value = color ? color.value(token) : null;
      this.#each(i, node => {
        node.removeAttribute('style');
        node.removeAttribute('title');
        node.classList.toggle('parts', Boolean(token.compared?.parts));
        if (value !== null) {
          paint(node, color.scale.of(value));
          node.title = `${color.label}: ${color.label === 'probability' ? percent(token.logprob) : written(value)}`;
        }
      });
    });
  }
}

/** Returns a tool call with its arguments. */
function callElement({ name, arguments: given }) {
  let text = given;
  try {
    text = JSON.stringify(JSON.parse(given), null, 2);
  } catch {
    // The call was cut: its arguments are shown as they are.
  }
  return element('figure', { class: 'call' }, element('figcaption', {}, `Call of ${name}`), element('pre', {}, text));
}
