/**
 * The edits of activations that an answer was given with: texts as in docs/lens/edits.md, and
 * patches {hook, head, from, to, ids}, which take the activation of another text, of these token
 * ids, at the positions [from, to). `head` is null for all elements of a row.
 */

/**
 * Returns the edits of an answer as texts.
 *
 * length: the number of tokens of the text that runs with them; patches of later positions, which
 * change nothing in it, are left out.
 */
export function editsOf({ edits = [] }, length = Infinity) {
  return edits
    .filter(edit => typeof edit === 'string' || edit.from < length)
    .map(edit => (typeof edit === 'string' ? edit : written({ ...edit, to: Math.min(edit.to, length) })));
}

function written({ hook, head, from, to, ids }) {
  const index = head === null ? `${from}:${to}` : `${from}:${to}, ${head}`;
  return `${hook}[${index}] patch #${ids.slice(0, to).join(',')}`;
}

/** Returns the fields of lens requests for the model that gave an answer; length as in editsOf. */
export function changes(turn, length) {
  const edits = editsOf(turn, length);
  return { ...(turn.steer && { steer: turn.steer }), ...(edits.length > 0 && { edits }) };
}
