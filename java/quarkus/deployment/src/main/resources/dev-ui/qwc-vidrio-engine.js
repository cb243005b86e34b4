// The page of the extension in Quarkus's Dev UI: the engine's state, and a question to the model.
import { LitElement, css, html } from 'lit';
import { JsonRpc } from 'jsonrpc';
import '@vaadin/button';
import '@vaadin/text-area';

const REFRESH_MS = 1000;

export class QwcVidrioEngine extends LitElement {
  static styles = css`
    :host { display: block; padding: 1em; max-width: 50em; }
    th { text-align: left; font-weight: normal; padding-right: 2em; }
    vaadin-text-area { width: 100%; }
    .answer { white-space: pre-wrap; margin-top: 1em; }
    .failure { color: var(--lumo-error-text-color); }
  `;

  static properties = {
    _status: { state: true },
    _failure: { state: true },
    _question: { state: true },
    _answer: { state: true },
    _running: { state: true },
  };

  constructor() {
    super();
    this.jsonRpc = new JsonRpc(this);
    this._status = null;
    this._failure = '';
    this._question = '';
    this._answer = '';
    this._running = null;
  }

  connectedCallback() {
    super.connectedCallback();
    this._refresh();
    this._timer = setInterval(() => this._refresh(), REFRESH_MS);
  }

  disconnectedCallback() {
    clearInterval(this._timer);
    this._stop();
    super.disconnectedCallback();
  }

  _refresh() {
    this.jsonRpc.status()
      .then((response) => { this._status = response.result; })
      .catch((response) => this._fail(response));
  }

  _ask() {
    this._answer = '';
    this._failure = '';
    this._running = this.jsonRpc.ask({ question: this._question })
      .onNext((response) => { this._answer += response.result; })
      .onComplete(() => { this._running = null; })
      .onError((response) => this._fail(response));
  }

  _stop() {
    if (this._running) {
      this._running.cancel();
      this._running = null;
    }
  }

  _fail(response) {
    this._running = null;
    this._failure = response?.error?.message ?? String(response);
  }

  render() {
    return html`
      ${this._table()}
      <vaadin-text-area label="Question" .value=${this._question}
        @value-changed=${(e) => { this._question = e.detail.value; }}></vaadin-text-area>
      ${this._running
        ? html`<vaadin-button @click=${this._stop}>Stop</vaadin-button>`
        : html`<vaadin-button theme="primary" ?disabled=${!this._question.trim()}
            @click=${this._ask}>Ask</vaadin-button>`}
      <div class="answer" aria-live="polite">${this._answer}</div>
      <div class="failure" role="alert">${this._failure}</div>
    `;
  }

  _table() {
    if (!this._status) {
      return html`<p>The model is being opened.</p>`;
    }
    return html`<table>${Object.entries(this._status).map(([name, value]) =>
      html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</table>`;
  }
}

customElements.define('qwc-vidrio-engine', QwcVidrioEngine);
