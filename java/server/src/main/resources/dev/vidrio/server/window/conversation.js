/**
 * A conversation: a tree of turns, since a question can be edited and an answer can be given again.
 *
 * A turn is {id, parent, role, content}; answers also have {model, base, context, prompt, tokens,
 * reasoning, calls, finish, change, steer, edits, feature}: `base` is the model of an adapter, or null;
 * `context` is the input before the answer in the lens's format; `prompt` has its token ids if the
 * lens gave the answer; `change` describes steering, an edit or a branch; `steer` is a field of
 * requests; `edits` are those of edits.js; `feature` is one of a dictionary that was set to a value.
 */
export class Conversation {
  constructor(stored) {
    Object.assign(
      this,
      stored ?? { id: crypto.randomUUID(), model: null, updated: Date.now(), turns: [], last: null },
    );
  }

  /** The turns from the first to the shown last one. */
  path() {
    const path = [];
    for (let turn = this.find(this.last); turn; turn = this.find(turn.parent)) {
      path.unshift(turn);
    }
    return path;
  }

  find(id) {
    return this.turns.find(turn => turn.id === id);
  }

  /** The turns that could stand in this one's place, in the order in which they were made. */
  siblings(turn) {
    return this.turns.filter(other => other.parent === turn.parent);
  }

  /** Adds a turn after another one (null: the first) and shows it. */
  add(parent, turn) {
    const added = { id: crypto.randomUUID(), parent: parent?.id ?? null, ...turn };
    this.turns.push(added);
    this.last = added.id;
    this.updated = Date.now();
    return added;
  }

  /** Removes a turn without answers. */
  remove(turn) {
    this.turns = this.turns.filter(other => other !== turn);
    this.last = this.last === turn.id ? turn.parent : this.last;
  }

  /** Shows a turn, and after it the newest ones. */
  choose(turn) {
    let last = turn;
    for (let next = last; next; next = this.turns.findLast(other => other.parent === last.id)) {
      last = next;
    }
    this.last = last.id;
  }

  /** The messages up to a turn, in the format of chats. */
  messages(turn, system) {
    const path = [];
    for (let at = turn; at; at = this.find(at.parent)) {
      path.unshift({
        role: at.role,
        content: at.content,
        ...(at.reasoning && { reasoning_content: at.reasoning }),
      });
    }
    return system ? [{ role: 'system', content: system }, ...path] : path;
  }

  title() {
    const first = this.turns[0]?.content.trim() ?? '';
    return shortened(first.replace(/\s+/g, ' '), 60) || 'Empty';
  }
}
