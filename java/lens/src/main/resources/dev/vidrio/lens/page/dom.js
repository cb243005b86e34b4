'use strict';

/** An element with attributes, listeners (functions) and children; strings become text. */
function element(name, attributes, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The namespace of drawings, from the browser: the page holds no address. */
const SVG = Object.assign(document.createElement('template'), { innerHTML: '<svg></svg>' }).content.firstChild.namespaceURI;

/** Creates an SVG element. */
function drawn(name, attributes, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      node.addEventListener(key, value);
    } else {
      node.setAttribute(key, value);
    }
  }
  node.append(...children);
  return node;
}

/** A token's text with what cannot be seen made visible. */
function visible(token) {
  return token
    .replaceAll(' ', '␣')
    .replaceAll('\n', '⏎')
    .replaceAll('\t', '⇥')
    .replace(/[\p{Cc}\p{Cf}]/gu, c => '\\u{' + c.codePointAt(0).toString(16) + '}');
}

/** Isolates the direction of a token's text within a sentence. */
function quoted(token) {
  return '\u2068' + visible(token) + '\u2069';
}

/**
 * Makes characters visible that could reverse the order of a text or hide in it; keeps its lines.
 * Joiners stay: words of many scripts and emoji are made with them.
 */
function readable(text) {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, c => ('\n\t\u200c\u200d'.includes(c) ? c : visible(c)));
}

/** A place that scrolls, which the keyboard reaches where nothing in it can have the focus. */
function scrolling(name, focusable, ...children) {
  const attributes = focusable ? { tabindex: '0', role: 'group', 'aria-label': name } : {};
  return element('div', { class: 'scroll', ...attributes }, ...children);
}

function shortened(text, length) {
  const letters = [...text];
  return letters.length <= length ? text : letters.slice(0, length - 1).join('') + '…';
}

/** Formats a number with enough digits to distinguish it from its neighbors. */
function written(value) {
  const size = Math.abs(value);
  if (Number.isInteger(value)) {
    return String(value);
  }
  return size !== 0 && (size < 0.001 || size >= 100000)
    ? value.toExponential(2)
    : value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

const tip = document.getElementById('tip');

/** Shows lines at a position of the window; screen readers read them. */
function showTip(lines, x, y) {
  tip.textContent = lines.join('\n');
  tip.hidden = false;
  const left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8);
  const below = y + 18;
  const top = below + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 10 : below;
  tip.style.left = Math.max(4, left) + 'px';
  tip.style.top = Math.max(4, top) + 'px';
}

/** Shows lines below an element. */
function showTipAt(lines, node) {
  const box = node.getBoundingClientRect();
  showTip(lines, box.left, box.bottom - 10);
}

/** Reports that the reader has chosen a component, such as the head L3.H2, by an event of its node. */
function report(node, name) {
  node.dispatchEvent(new CustomEvent('component', { bubbles: true, detail: name }));
}

function hideTip() {
  tip.hidden = true;
}

addEventListener('keydown', event => {
  if (event.key === 'Escape') {
    hideTip();
  }
});

/** Returns the cell that an arrow key moves to in a table of rows × columns, or nothing. */
function moved(key, row, column, rows, columns) {
  const next = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    Home: [row, 0],
    End: [row, columns - 1],
    PageUp: [0, column],
    PageDown: [rows - 1, column],
  }[key];
  return next && next[0] >= 0 && next[0] < rows && next[1] >= 0 && next[1] < columns ? next : null;
}

/**
 * Lets arrow keys go from one to the next of nodes[row][column]. Only one of the nodes is in the
 * order of the tabulator key.
 */
function rove(nodes, onFocus) {
  nodes.forEach((row, i) =>
    row.forEach((node, j) => {
      node.tabIndex = i === 0 && j === 0 ? 0 : -1;
      node.addEventListener('focus', () => {
        nodes.flat().forEach(other => (other.tabIndex = other === node ? 0 : -1));
        onFocus(i, j, node);
      });
      node.addEventListener('keydown', event => {
        const next = moved(event.key, i, j, nodes.length, row.length);
        if (next && nodes[next[0]][next[1]]) {
          event.preventDefault();
          nodes[next[0]][next[1]].focus();
        }
      });
    }),
  );
}
