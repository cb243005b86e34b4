/**
 * Renders Markdown as elements. Their texts know where they come from in the source: `leaf(from, to)`
 * creates the nodes for a range of it. So tokens stay visible in formatted text.
 *
 * It knows what models write: headings, paragraphs, lists, quotes, tables, rules, fenced code, and in
 * lines code, strong, emphasized and deleted text and links. HTML is text.
 */

/** Lines of the source as ranges, without their ends. */
function linesOf(source) {
  const lines = [];
  let from = 0;
  for (const line of source.split('\n')) {
    lines.push({ from, to: from + line.length });
    from += line.length + 1;
  }
  return lines;
}

const FENCE = /^ {0,3}(```+|~~~+)(.*)$/;
const HEADING = /^ {0,3}(#{1,6})(\s+|$)/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(\s+|$)/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** A parser of one source. */
class Parser {
  constructor(source, leaf) {
    this.source = source;
    this.leaf = leaf;
  }

  text({ from, to }) {
    return this.source.slice(from, to);
  }

  /** Returns the elements of some lines. */
  blocks(lines) {
    const nodes = [];
    let i = 0;
    while (i < lines.length) {
      const text = this.text(lines[i]);
      const kinds = [this.fence, this.heading, this.rule, this.quote, this.table, this.list];
      const found = text.trim() === '' ? { end: i + 1 } : this.first(kinds, lines, i, text);
      const { node, end } = found ?? this.paragraph(lines, i);
      if (node) {
        nodes.push(node);
      }
      i = end;
    }
    return nodes;
  }

  first(kinds, lines, i, text) {
    for (const kind of kinds) {
      const found = kind.call(this, lines, i, text);
      if (found) {
        return found;
      }
    }
    return null;
  }

  fence(lines, i, text) {
    const open = text.match(FENCE);
    if (!open || open[2].includes('`')) {
      return null;
    }
    let end = i + 1;
    const closes = line => line.trim().startsWith(open[1]) && /^[`~]+$/.test(line.trim());
    while (end < lines.length && !closes(this.text(lines[end]))) {
      end++;
    }
    const code = element('code', {});
    for (const line of lines.slice(i + 1, end)) {
      // The line's end belongs to the code too.
      code.append(...this.leaf(line.from, Math.min(line.to + 1, this.source.length)));
    }
    const language = open[2].trim();
    const label = language ? `Code in ${language}` : 'Code';
    const pre = element('pre', { tabindex: '0', role: 'region', 'aria-label': label }, code);
    const copy = element('button', { type: 'button', class: 'copy', 'data-copy': 'code' }, 'Copy');
    const head = element('div', { class: 'code-head' }, element('span', {}, language), copy);
    return { node: element('div', { class: 'code' }, head, pre), end: end + 1 };
  }

  heading(lines, i, text) {
    const match = text.match(HEADING);
    if (!match) {
      return null;
    }
    const content = { from: lines[i].from + match[0].length, to: lines[i].to };
    // Headings of the page end at level 2.
    const level = Math.min(6, match[1].length + 2);
    return { node: element(`h${level}`, {}, ...this.inline([content])), end: i + 1 };
  }

  rule(lines, i, text) {
    return RULE.test(text) ? { node: element('hr', {}), end: i + 1 } : null;
  }

  quote(lines, i) {
    let end = i;
    const inner = [];
    for (; end < lines.length; end++) {
      const match = this.text(lines[end]).match(QUOTE);
      if (!match) {
        break;
      }
      inner.push({ from: lines[end].from + match[0].length, to: lines[end].to });
    }
    return end === i ? null : { node: element('blockquote', {}, ...this.blocks(inner)), end };
  }

  table(lines, i, text) {
    const next = i + 1 < lines.length ? this.text(lines[i + 1]) : '';
    if (!text.includes('|') || !next.includes('|') || !DIVIDER.test(next)) {
      return null;
    }
    const row = (line, name) =>
      element('tr', {}, ...this.cells(line).map(cell => element(name, {}, ...this.inline([cell]))));
    const head = element('thead', {}, row(lines[i], 'th'));
    const body = element('tbody', {});
    let end = i + 2;
    for (; end < lines.length && this.text(lines[end]).includes('|'); end++) {
      body.append(row(lines[end], 'td'));
    }
    const table = element('table', {}, head, body);
    return { node: element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table' }, table), end };
  }

  /** Returns the ranges between the bars of a line. */
  cells(line) {
    const text = this.text(line);
    const cells = [];
    let from = /^\s*\|/.test(text) ? text.indexOf('|') + 1 : 0;
    for (let at = from; at <= text.length; at++) {
      if (at === text.length ? text.slice(from).trim() : text[at] === '|' && text[at - 1] !== '\\') {
        const cell = text.slice(from, at);
        const begin = from + cell.length - cell.trimStart().length;
        cells.push({ from: line.from + begin, to: line.from + begin + cell.trim().length });
        from = at + 1;
      }
    }
    return cells;
  }

  list(lines, i, text) {
    const first = text.match(ITEM);
    if (!first) {
      return null;
    }
    const ordered = /\d/.test(first[2]);
    const isNext = match => match && /\d/.test(match[2]) === ordered && match[1].length <= first[1].length + 1;
    const items = [];
    let end = i;
    while (end < lines.length) {
      const match = this.text(lines[end]).match(ITEM);
      if (!isNext(match)) {
        break;
      }
      const width = match[0].length;
      const inner = [{ from: lines[end].from + width, to: lines[end].to }];
      end++;
      for (; end < lines.length; end++) {
        const line = this.text(lines[end]);
        const indent = line.length - line.trimStart().length;
        const isBlank = line.trim() === '';
        const follows = end + 1 < lines.length && /^\s{2,}\S/.test(this.text(lines[end + 1]));
        if (isBlank ? !follows : indent < Math.min(2, width)) {
          break;
        }
        inner.push({ from: lines[end].from + Math.min(indent, width), to: lines[end].to });
      }
      items.push(element('li', {}, ...this.item(inner)));
      // Blank lines between items do not end the list.
      let after = end;
      while (after < lines.length && this.text(lines[after]).trim() === '') {
        after++;
      }
      if (after < lines.length && isNext(this.text(lines[after]).match(ITEM))) {
        end = after;
      }
    }
    const start = ordered ? { start: parseInt(first[2], 10) } : {};
    return { node: element(ordered ? 'ol' : 'ul', start, ...items), end };
  }

  /** Returns the content of an item; that of a single paragraph needs no element of its own. */
  item(lines) {
    const nodes = this.blocks(lines);
    const [only] = nodes;
    return only?.localName === 'p' ? [...only.childNodes, ...nodes.slice(1)] : nodes;
  }

  paragraph(lines, i) {
    let end = i + 1;
    const breaks = [FENCE, HEADING, RULE, QUOTE, ITEM];
    for (; end < lines.length; end++) {
      const text = this.text(lines[end]);
      if (text.trim() === '' || breaks.some(pattern => pattern.test(text))) {
        break;
      }
    }
    return { node: element('p', {}, ...this.inline(lines.slice(i, end))), end };
  }

  /** Returns the nodes of lines that belong together. */
  inline(lines) {
    let text = '';
    const places = [];
    for (const { from, to } of lines) {
      for (let at = from; at < to; at++) {
        places.push(at);
      }
      text += this.source.slice(from, to) + '\n';
      places.push(to);
    }
    return this.spans(text.slice(0, -1), places);
  }

  /** Returns the nodes of a text; its characters come from these places. */
  spans(text, places) {
    const nodes = [];
    let at = 0;
    while (at < text.length) {
      const found = nextSpan(text, at);
      this.plain(nodes, text, places, at, found ? found.from : text.length);
      if (!found) {
        break;
      }
      const inner = text.slice(found.begin, found.end);
      const within = places.slice(found.begin, found.end);
      const node = element(found.name, found.attributes ?? {});
      if (found.name === 'code') {
        this.plain(node, inner, within, 0, inner.length);
      } else {
        node.append(...this.spans(inner, within));
      }
      nodes.push(node);
      at = found.to;
    }
    return nodes;
  }

  /** Adds text without markup: adjacent places together, a break for each end of a line. */
  plain(parent, text, places, from, to) {
    const add = node => (Array.isArray(parent) ? parent.push(node) : parent.append(node));
    let begin = from;
    for (let at = from; at <= to; at++) {
      const isEnd = at === to || text[at] === '\n';
      if (isEnd || (at > begin && places[at] !== places[at - 1] + 1)) {
        if (at > begin) {
          this.leaf(places[begin], places[at - 1] + 1).forEach(add);
        }
        begin = at;
      }
      if (at < to && text[at] === '\n') {
        add(element('br', {}));
        begin = at + 1;
      }
    }
  }
}

const SPANS = [
  { name: 'code', pattern: /(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)/g, content: 2 },
  { name: 'strong', pattern: /(\*\*|__)(?=\S)([\s\S]*?\S)\1/g, content: 2 },
  { name: 'del', pattern: /(~~)(?=\S)([\s\S]*?\S)\1/g, content: 2 },
  { name: 'em', pattern: /(?<![\w*])(\*)(?=[^\s*])([\s\S]*?[^\s*])\1(?![\w*])/g, content: 2 },
  { name: 'em', pattern: /(?<!\w)(_)(?=[^\s_])([\s\S]*?[^\s_])\1(?!\w)/g, content: 2 },
  { name: 'a', pattern: /(\[)([^\][]+)\]\((https?:\/\/[^\s()]+(?:\([^\s()]*\)[^\s()]*)*)\)/g, content: 2, target: 3 },
];

/** Returns the first markup in a text from a place on: {name, from, to, begin, end, attributes}. */
function nextSpan(text, at) {
  let best = null;
  for (const { name, pattern, content, target } of SPANS) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match && (!best || match.index < best.from)) {
      const begin = match.index + match[1].length;
      best = {
        name,
        from: match.index,
        to: match.index + match[0].length,
        begin,
        end: begin + match[content].length,
        attributes: target && { href: match[target], target: '_blank', rel: 'noopener noreferrer' },
      };
    }
  }
  return best;
}

/** Returns the elements of a source. */
export function markdown(source, leaf) {
  return new Parser(source, leaf).blocks(linesOf(source));
}
