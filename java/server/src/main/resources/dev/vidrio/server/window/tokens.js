/**
 * The tokens of answers: {id, name, text, isReasoning, logprob, top}. `name` is the token by itself;
 * `text` is what it adds to the answer, since a character may be spread over several tokens. `top`
 * has the most likely tokens as {id, name, logprob}; the id may be missing. If the model of another
 * answer was compared, `compared` is {own, model, kl, parts, top}: the names of this model and of the
 * other, the divergence from it in bits, whether the most likely tokens differ, and tokens with an
 * additional `other`, its log-probability.
 */

/** Returns the tokens of a chat's event. */
export function chatTokens(event, decoder) {
  const [choice] = event.choices;
  return (choice?.logprobs?.content ?? []).map(token => ({
    isReasoning: 'reasoning_content' in choice.delta,
    id: token.id,
    name: token.token,
    text: decoder.decode(Uint8Array.from(token.bytes), { stream: true }),
    logprob: token.logprob,
    top: token.top_logprobs.map(({ id, token: name, logprob }) => ({ id, name, logprob })),
  }));
}

/** Returns the bytes of a token of a completion; `bytes:\xe2\x82` names a partial character. */
function bytesOf(name) {
  return /^bytes:(\\x[0-9a-f]{2})+$/.test(name)
    ? Uint8Array.from(name.match(/[0-9a-f]{2}(?=\\|$)/g), hex => parseInt(hex, 16))
    : new TextEncoder().encode(name);
}

/** Returns the tokens of a completion's event. */
export function completionTokens(event, decoder) {
  const logprobs = event.choices[0]?.logprobs;
  return (logprobs?.token_ids ?? []).map((id, i) => ({
    id,
    name: logprobs.tokens[i],
    text: decoder.decode(bytesOf(logprobs.tokens[i]), { stream: true }),
    logprob: logprobs.token_logprobs[i],
    top: Object.entries(logprobs.top_logprobs[i]).map(([name, logprob]) => ({ name, logprob })),
  }));
}

/** Returns the comparison of a token's prediction with that of another model; names: {own, model}. */
export function comparison({ kl_bits: kl, top, next }, names) {
  const best = field => top.reduce((a, b) => (b[field] > a[field] ? b : a));
  const all = top.some(({ id }) => id === next.id) ? top : [...top, next];
  return {
    ...names,
    kl,
    parts: best('probability') !== best('with_probability'),
    top: all.map(({ id, piece, probability, with_probability: other }) => ({
      id,
      name: piece,
      logprob: Math.log(probability),
      other: Math.log(other),
    })),
  };
}

/** Formats the probability of a log-probability. */
export function percent(logprob) {
  return `${(100 * Math.exp(logprob)).toFixed(1)} %`;
}
