/** The session storage key of the API key, which lasts as long as the tab. */
const KEY = 'vidrio-key';

/** An error response of the server. */
class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Sends a GET request, or a POST request if there is a body. */
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
    throw new ApiError(response.status, error.message);
  }
  return response;
}

/** Sends a request and returns the JSON of the response. */
async function callJson(path, body, signal) {
  return (await call(path, body, signal)).json();
}

/** Yields the events of a stream until [DONE]. */
async function* events(path, body, signal) {
  const response = await call(path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      throw new ApiError(0, 'connection lost');
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
