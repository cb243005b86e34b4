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

/**
 * Returns all changes of an answer's model as edits in text, for commands of the lens, which have no
 * field for steering; length as in editsOf.
 */
export function commandEdits(turn, length) {
  return [...(turn.steer ?? []).map(steeringEdit), ...editsOf(turn, length)];
}

function steeringEdit({ hook, strength, plus, minus }) {
  return `${hook} add ${strength} plus ${inQuotes(plus)} minus ${inQuotes(minus)}`;
}

function inQuotes(text) {
  const quote = text.includes("'") ? '"' : "'";
  if (text.includes(quote)) {
    throw new Error('A text of steering with both kinds of quotes cannot be written as an edit.');
  }
  return quote + text + quote;
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

/** Returns the fields of a comparison for the other model, which gave an answer; length as in editsOf. */
export function otherChanges(turn, length) {
  return Object.fromEntries(Object.entries(changes(turn, length)).map(([name, value]) => [`with_${name}`, value]));
}

/** Returns whether activations of another text were put at positions of an answer's text. */
export function isPatched({ edits = [] }) {
  return edits.some(edit => typeof edit !== 'string');
}

/** Returns whether two answers are of one model with equal changes. */
export function isSameModel(a, b) {
  const named = turn => JSON.stringify([turn.model, changes(turn), turn.feature]);
  return named(a) === named(b);
}
