import { Conversation } from './conversation.js';
import { download, styles } from './export.js';

/** The maximum length of a link; longer ones do not fit into some mail programs and browsers. */
const LINK = 30_000;

const HASH = '#conversation=';

async function through(bytes, transform) {
  const stream = new Blob([bytes]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns the shown turns, without the alternatives of their tokens. */
function shownTurns(conversation) {
  return conversation.path().map(turn => ({
    ...turn,
    ...(turn.tokens && { tokens: turn.tokens.map(token => ({ ...token, top: [], compared: undefined })) }),
  }));
}

/**
 * Returns a link that holds the shown turns, or null if it would be too long.
 *
 * token: the token that the glass shows, as of glass.js; null for none.
 */
export async function linkTo(conversation, token = null) {
  const turns = shownTurns(conversation);
  const json = JSON.stringify({ model: conversation.model, turns, last: conversation.last, token });
  const bytes = await through(new TextEncoder().encode(json), new CompressionStream('deflate-raw'));
  const text = btoa(bytes.reduce((all, byte) => all + String.fromCharCode(byte), ''));
  const safe = text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const link = location.href.split('#')[0] + HASH + safe;
  return link.length <= LINK ? link : null;
}

/** Returns {conversation, token} of the page's address, or null; token may be null. */
export async function linked() {
  if (!location.hash.startsWith(HASH)) {
    return null;
  }
  try {
    const text = atob(location.hash.slice(HASH.length).replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(text, letter => letter.charCodeAt(0));
    const json = new TextDecoder().decode(await through(bytes, new DecompressionStream('deflate-raw')));
    const parsed = JSON.parse(json);
    return { conversation: conversationOf(parsed), token: tokenOf(parsed) };
  } catch {
    return null;
  }
}

const TURN = { id: 'string', role: 'string', content: 'string' };

/** Returns the conversation of a link as a new one. */
function conversationOf({ model, turns, last }) {
  const isTurn = turn =>
    Object.entries(TURN).every(([name, type]) => typeof turn[name] === type) &&
    (turn.role === 'user' || (Array.isArray(turn.tokens) && typeof turn.context === 'object'));
  if (!Array.isArray(turns) || !turns.every(isTurn)) {
    throw new TypeError('not a conversation');
  }
  const conversation = new Conversation();
  Object.assign(conversation, { model: String(model), turns, last });
  return conversation;
}

/** Returns the token of a link, if it is one of its turns, or null. */
function tokenOf({ turns, token }) {
  const count = turns.find(({ id }) => id === token?.turn)?.tokens?.length ?? 0;
  return Number.isInteger(token?.index) && token.index >= 0 && token.index < count ? token : null;
}

/** Saves a conversation with all its turns and tokens. */
export function saveJson(conversation) {
  download('conversation.json', 'application/json', JSON.stringify(conversation, null, 1));
}

/** Saves what the window shows as a page that needs no server. */
export async function saveHtml(conversation, shownParts) {
  const main = element('main', { class: 'exported' }, element('h1', {}, conversation.title()));
  main.append(...shownParts.map(part => part.cloneNode(true)));
  main.querySelectorAll('.branch').forEach(node => node.replaceWith(...node.childNodes));
  main.querySelectorAll('button, select, .actions, .controls').forEach(node => node.remove());
  const title = element('title', {}, conversation.title());
  const style = `<style>${await styles()}</style>`;
  const head = `<head><meta charset="utf-8">${title.outerHTML}${style}</head>`;
  const page = `<!doctype html>\n<html lang="en">${head}<body>${main.outerHTML}</body></html>\n`;
  download('conversation.html', 'text/html', page);
}

/** Copies a text; returns whether the browser allows it. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
