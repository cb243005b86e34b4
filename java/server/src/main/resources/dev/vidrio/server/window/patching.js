import { callJson } from './api.js';
import { at } from './controls.js';
import { changes } from './edits.js';

/** The activations that can be taken from another prompt: their hook and name. */
const SITES = {
  resid_pre: { hook: 'hook_resid_pre', name: 'input of layer' },
  attn_out: { hook: 'hook_attn_out', name: 'attention of layer' },
  mlp_out: { hook: 'hook_mlp_out', name: 'feed-forward block' },
  head: { hook: 'attn.hook_z', name: 'head' },
};

/** A layer and a position, or a head, of a picture. */
const COMPONENT = /^L(\d+)(?:@(\d+)|\.H(\d+))$/;

/** Returns the last question of a turn's input. */
export function questionOf({ context }) {
  return context.messages?.at(-1).content ?? context.prompt;
}

function withQuestion({ messages }, content) {
  return messages ? { messages: [...messages.slice(0, -1), { ...messages.at(-1), content }] } : { prompt: content };
}

/**
 * Measures how far each activation of another prompt, in place of this one's, moves the prediction
 * of a token towards that after the other prompt.
 *
 * place: {view, token, ids, index}. Returns {json, pictures, other}; other: the tokens of the other
 * prompt with the answer up to this token.
 */
export async function measurePatches({ view: { turn }, token, ids, index }, signal) {
  if (index === null) {
    throw new Error('Choose a token of the answer.');
  }
  const site = at('patch-site').value;
  const { model } = turn;
  const changed = changes(turn, ids.length);
  const answer = turn.tokens.slice(0, index).map(({ id }) => id);
  const asked = { model, ...withQuestion(turn.context, at('other-prompt').value), answer, ...changed };
  const lens = await callJson(
    '/v1/lens/logits',
    { ...asked, hooks: 'blocks.-1.hook_resid_post', position: -1, top: 2 },
    signal,
  );
  if (lens.tokens.length !== ids.length) {
    throw new Error(
      `With the other prompt there are ${lens.tokens.length} tokens before this one, not ${ids.length}; ` +
        'both prompts must have equally many.',
    );
  }
  const rival = Object.values(lens.hooks)[0][0].top.find(({ id }) => id !== token.id);
  const json = await callJson(
    '/v1/lens/patch',
    { model, clean: ids, corrupted: lens.tokens, answer: token.id, wrong: rival.id, site, direction: 'noising', ...changed },
    signal,
  );
  const isHead = site === 'head';
  const view = {
    title: 'Patching from another prompt',
    note:
      `How far an activation of the other prompt moves the logit of "${visible(token.name)}" minus that of ` +
      `"${visible(rival.piece)}", from ${written(json.clean_logit_difference)} (0) to that after the other prompt, ` +
      `${written(json.corrupted_logit_difference)} (1).`,
    rowName: 'layer',
    columnName: isHead ? 'head' : 'token',
    rows: json.rows,
    columns: isHead ? json.columns : json.pieces,
    measures: [
      { name: 'share', scale: 'DIVERGING', low: -1, high: 1, values: json.scores.map(row => row.map(score => 1 - score)) },
    ],
    cells: [],
  };
  return { json, pictures: [{ kind: 'grid', view }], site, other: lens.tokens, pieces: lens.pieces };
}

/**
 * Returns the patch of a chosen cell and its description, or null.
 *
 * result: of measurePatches.
 */
export function patchOf(name, { site, other, pieces }) {
  const [, layer, position, head] = COMPONENT.exec(name) ?? [];
  if (layer === undefined) {
    return null;
  }
  const all = head !== undefined;
  const patch = {
    hook: `blocks.${layer}.${SITES[site].hook}`,
    head: all ? Number(head) : null,
    from: all ? 0 : Number(position),
    to: all ? other.length : Number(position) + 1,
    ids: other,
  };
  const where = all ? `${layer}.${head}` : `${layer} at ${quoted(pieces[position])} (${position})`;
  return { patch, change: `${SITES[site].name} ${where} of another prompt` };
}
