/** The session storage key of the API key, which lasts as long as the tab. */
const KEY = 'vidrio-key';

/** An error response of the server. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Returns the API key, or null. */
export function apiKey() {
  return sessionStorage.getItem(KEY);
}

/** Keeps an API key until the tab is closed. */
export function keepApiKey(key) {
  sessionStorage.setItem(KEY, key);
}

/** Sends a GET request, or a POST request if there is a body. */
async function call(path, body, signal) {
  const headers = {};
  if (apiKey()) {
    headers.Authorization = `Bearer ${apiKey()}`;
  }
  if (body) {
    headers['Content-Type'] = 'application/json';
  }
  let response;
  try {
    response = await fetch(path, {
      method: body ? 'POST' : 'GET',
      headers,
      body: body && JSON.stringify(body),
      signal,
    });
  } catch (error) {
    throw error.name === 'AbortError' ? error : new ApiError(0, 'The server cannot be reached.');
  }
  if (!response.ok) {
    const { error } = await response.json();
    throw new ApiError(response.status, error.message);
  }
  return response;
}

/** Sends a request and returns the JSON of the response. */
export async function callJson(path, body, signal) {
  return (await call(path, body, signal)).json();
}

/** Yields the events of a stream until [DONE]. */
export async function* events(path, body, signal) {
  const response = await call(path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      throw new ApiError(0, 'The connection was lost.');
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
          throw new ApiError(0, event.error.message);
        }
        yield event;
      }
    }
  }
}
