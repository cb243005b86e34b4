/** Returns the element of the page with an id. */
export const at = id => document.getElementById(id);

/** Creates a button; its label is what it does, if its content does not say so. */
export function button(content, onClick, label) {
  const attributes = label ? { 'aria-label': label, title: label } : {};
  return element('button', { type: 'button', click: onClick, ...attributes }, content);
}

/** Shows a status line below the conversation. */
export function setStatus(text, isError) {
  at('status').textContent = text;
  at('status').classList.toggle('error', Boolean(isError));
}
