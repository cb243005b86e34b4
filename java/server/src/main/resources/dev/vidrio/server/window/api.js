/** Where the key of this tab is kept, which no other tab and no later visit has. */
const KEY = 'vidrio-key';

/** A refusal, in the server's words. */
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Asks the server: without a body by GET, else by POST. */
async function call(path, body, signal) {
  const headers = {};
  const key = sessionStorage.getItem(KEY);
  if (key) {
    headers.Authorization = `Bearer ${key}`;
  }
  if (body) {
    headers['Content-Type'] = 'application/json';
  }
  const response = await fetch(path, {
    method: body ? 'POST' : 'GET',
    headers,
    body: body && JSON.stringify(body),
    signal,
  });
  if (!response.ok) {
    const { error } = await response.json();
    throw new Refusal(response.status, error.message);
  }
  return response;
}

async function callJson(path, body, signal) {
  return (await call(path, body, signal)).json();
}

/** The events of a stream, as they come; ends at [DONE]. */
async function* events(path, body, signal) {
  const response = await call(path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      throw new Refusal(0, 'the connection was lost');
    }
    text += value;
    const parts = text.split('\n\n');
    text = parts.pop();
    for (const part of parts) {
      const data = part
        .split('\n')
        .filter(line => line.startsWith('data:'))
        .map(line => line.slice(5).trimStart())
        .join('\n');
      if (data === '[DONE]') {
        return;
      }
      if (data) {
        const event = JSON.parse(data);
        if (event.error) {
          throw new Refusal(0, event.error.message);
        }
        yield event;
      }
    }
  }
}
