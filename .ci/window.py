"""Tests the server's web page in a headless browser: chat, token inspection, steering, API keys.

Compares the page with responses of the server to this script.
"""

import contextlib
import json
import math
import struct
import subprocess
import urllib.request
from pathlib import Path

from accessibility import assert_accessible

ROOT = Path(__file__).resolve().parent.parent
FILES = ROOT / "build" / "pages"
BARD = ROOT / "java" / "bard" / "src" / "main" / "resources" / "dev" / "vidrio" / "bard" / "bard-q8_0.gguf"
TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
QUESTION = "Who is the king?"
TOKENS = 24
LAYER, HEAD = 1, 2


def chat_model():
    """Writes the embedded model with a chat template as an additional field. Returns the path."""
    data = BARD.read_bytes()
    key = b"tokenizer.chat_template"
    head = struct.pack("<Q", len(key)) + key + struct.pack("<I", 8)
    text = TEMPLATE.encode()
    text += b"{# " + b" " * (-(len(head) + 8 + len(text) + 6) % 32) + b" #}"
    field = head + struct.pack("<Q", len(text)) + text
    assert len(field) % 32 == 0, "the tensors stay aligned"
    (fields,) = struct.unpack_from("<Q", data, 16)
    path = FILES / "chat.gguf"
    path.write_bytes(data[:16] + struct.pack("<Q", fields + 1) + field + data[24:])
    return path


@contextlib.contextmanager
def serve(*arguments):
    """Runs a server during a block. Yields its URL."""
    command = [ROOT / "vidrio", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline()
        assert " at http://" in line, line
        yield line.split(" at ")[-1].strip()
    finally:
        process.terminate()
        process.wait()


def post(address, path, **body):
    """Sends a JSON request. Returns the JSON response."""
    request = urllib.request.Request(
        address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def open_page(browser, address, scheme="light", refusals=0):
    """Opens the page in a tab. Errors in the page fail the test, except for `refusals` responses of 401."""
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1200, "height": 900})
    refused = []

    def fail(fault):
        raise AssertionError(fault)

    def on_message(message):
        refused.append(message.text)
        if len(refused) > refusals or " 401 " not in message.text:
            fail(message.text)

    page.on("pageerror", fail)
    page.on("console", on_message)
    page.on("request", lambda request: request.url.startswith(address + "/") or fail(request.url))
    page.goto(address)
    return page


def ready(page):
    page.locator("#steering-layer option").first.wait_for(state="attached")


def send_message(page, text):
    """Sends a message by keyboard and waits for the end of the answer."""
    answers = page.locator(".answer .words:not([aria-busy])")
    count = answers.count()
    page.locator("#text").focus()
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    answers.nth(count).wait_for()
    page.locator("#send:enabled").wait_for()
    return answers.nth(count)


def decode_greedily(page, tokens=TOKENS):
    """Selects greedy decoding."""
    page.locator("#settings summary").click()
    page.locator("#temperature").fill("0")
    page.locator("#max-tokens").fill(str(tokens))


def strip(page, name):
    """Returns the displayed values of a strip of tokens."""
    page.locator(f"#{name} li").first.wait_for()
    labels = page.locator(f"#{name} li").evaluate_all("all => all.map(x => x.ariaLabel)")
    return [float(label.rsplit("): ", 1)[1]) for label in labels]


def assert_shown(shown, values):
    assert len(shown) == len(values), (len(shown), len(values))
    for a, b in zip(shown, values):
        assert abs(a - b) <= 5e-4 + 5e-3 * abs(b), (a, b)


def check_token(page, address, context, tokens, index):
    """Compares the inspection of a token with responses of the server."""
    token = tokens[index]
    body = {"model": page.locator("#model").input_value(), **context}
    before = {**body, "answer": [t["id"] for t in tokens[:index]], "position": -1}
    upto = {**body, "answer": [t["id"] for t in tokens[: index + 1]]}
    page.locator("#logits td").first.wait_for()
    shown = page.locator("#alternatives tr").all_inner_texts()
    for other in token["top_logprobs"]:
        assert any(f"{100 * math.exp(other['logprob']):.1f} %" in line for line in shown), shown
    patterns = post(address, "/v1/lens/attention", **before)["patterns"]
    weights = [one["weights"][0] for one in patterns]
    assert_shown(strip(page, "attention"), [sum(w) / len(w) for w in zip(*weights)])
    page.locator("#layer").select_option(str(LAYER))
    page.locator("#head").select_option(str(HEAD))
    (chosen,) = [p for p in patterns if (p["layer"], p["head"]) == (LAYER, HEAD)]
    assert_shown(strip(page, "attention"), chosen["weights"][0])
    page.locator("#layer").select_option("mean")
    page.locator("#head").select_option("mean")
    assert_shown(strip(page, "attribution"), post(address, "/v1/lens/attribution", **upto)["scores"])
    hooks = post(address, "/v1/lens/logits", **before, top=3)["hooks"]
    rows = page.locator("#logits tr").all_inner_texts()
    assert len(rows) == len(hooks)
    for row, (cell,) in zip(rows, hooks.values()):
        for candidate in cell["top"]:
            assert f"{100 * candidate['probability']:.1f} %" in row, (row, candidate)


def check_chat(browser, address):
    page = open_page(browser, address)
    ready(page)
    decode_greedily(page)
    answer = send_message(page, QUESTION)
    context = {"messages": [{"role": "user", "content": QUESTION}]}
    expected = post(
        address,
        "/v1/chat/completions",
        model="chat",
        **context,
        temperature=0,
        max_tokens=TOKENS,
        logprobs=True,
        top_logprobs=5,
    )["choices"][0]
    assert answer.text_content() == expected["message"]["content"]
    tokens = expected["logprobs"]["content"]
    answer.locator(".token").nth(3).hover()
    check_token(page, address, context, tokens, 3)
    assert_accessible(page, "the window in light")
    page.locator("#clear").click()
    assert page.locator(".token").count() == 0
    assert page.locator("#glass").is_hidden()


def check_keyboard_and_steering(browser, address):
    """Everything by keyboard, in the dark color scheme."""
    page = open_page(browser, address, "dark")
    ready(page)
    decode_greedily(page)
    plain = send_message(page, QUESTION).text_content()
    page.keyboard.press("Shift+Tab")
    assert page.locator(".continue:focus").count() == 1
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#about").inner_text().startswith(f"Token {TOKENS - 1} of the answer")
    page.locator("#logits td").first.wait_for()
    assert_accessible(page, "the window in the dark")
    page.locator("#plus").focus()
    page.keyboard.type("love")
    page.keyboard.press("Tab")
    page.keyboard.type("hate")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.locator("#strength-value").inner_text() == "0.5"
    page.locator("#clear").focus()
    page.keyboard.press("Enter")
    steered = send_message(page, QUESTION)
    assert steered.text_content() != plain
    layer = page.locator("#steering-layer").input_value()
    direction = {"hook": f"blocks.{layer}.hook_resid_post", "strength": 0.5}
    expected = post(
        address,
        "/v1/chat/completions",
        model="chat",
        messages=[{"role": "user", "content": QUESTION}],
        temperature=0,
        max_tokens=TOKENS,
        vidrio={"steer": [{**direction, "plus": "love", "minus": "hate"}]},
    )["choices"][0]["message"]["content"]
    assert steered.text_content() == expected
    assert page.locator(".answer .who").inner_text() == "chat, steered"


# Decodes tokens of completions as the page does. Some are parts of a character.
TEXTS_OF_TOKENS = """
names => {
  const decoder = new TextDecoder();
  const event = name => ({choices: [{logprobs:
    {token_ids: [1], tokens: [name], token_logprobs: [0], top_logprobs: [{}]}}]});
  return names.map(name => completionTokens(event(name), decoder)[0].text);
}
"""


def check_continuation(browser, address):
    """A model without a chat template, and a prompt with markup."""
    page = open_page(browser, address, "dark")
    ready(page)
    page.locator("#model").select_option("bard")
    page.get_by_text("it continues your text").wait_for()
    decode_greedily(page)
    prompt = "<img src=x onerror=alert(1)> & The king"
    answer = send_message(page, prompt)
    assert page.locator(".question .words").text_content() == prompt
    answer.locator(".token").nth(1).hover()
    page.locator("#logits td").first.wait_for()
    pieces = page.locator("#attention li").all_inner_texts()
    assert "<" in "".join(pieces) and page.locator("img").count() == 0
    expected = post(
        address, "/v1/completions", model="bard", prompt=prompt, temperature=0, max_tokens=TOKENS
    )["choices"][0]["text"]
    assert answer.text_content() == expected
    names = ["a", r"bytes:\xf0\x9f", r"bytes:\x98", r"bytes:\x80", "bytes: b", "é"]
    assert "".join(page.evaluate(TEXTS_OF_TOKENS, names)) == "a😀bytes: bé"


# Stops an answer at its third token within the page, since this script may be slower than the answer.
STOPS = {
    "button": "document.getElementById('stop').click()",
    "Escape": "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))",
}
STOP_AT_THIRD_TOKEN = """
new MutationObserver((changes, observer) => {
  if (document.querySelectorAll('.answer:last-child .token').length > 2) {
    observer.disconnect();
    %s;
  }
}).observe(document.getElementById('messages'), {childList: true, subtree: true});
"""


def check_stop(browser, address):
    page = open_page(browser, address)
    ready(page)
    decode_greedily(page, 900)
    for stop in STOPS.values():
        page.evaluate(STOP_AT_THIRD_TOKEN % stop)
        answer = send_message(page, QUESTION)
        assert page.locator("#status").inner_text() == ""
        assert 2 < answer.locator(".token").count() < 900
    assert page.locator(".cut").count() == 0


def check_cut(browser, address):
    """Reports a cut answer and continues it."""
    page = open_page(browser, address)
    ready(page)
    assert page.locator("#max-tokens").input_value() == "1024"
    decode_greedily(page, 4)
    assert send_message(page, "And then?").locator(".token").count() == 4
    assert page.locator(".cut").inner_text().startswith("Cut at 4 tokens.")
    page.locator(".continue").click()
    page.locator(".cut").nth(1).wait_for()
    assert page.locator(".question .words").last.text_content() == "Continue."
    assert page.locator(".continue").count() == 1
    page.locator("#model").select_option("bard")
    page.get_by_text("it continues your text").wait_for()
    text = "The king" + send_message(page, "The king").text_content()
    page.locator(".continue").click()
    page.locator(".cut").nth(1).wait_for()
    assert page.locator(".question .words").last.text_content() == text


def check_growth(browser, address):
    """A long answer scrolls to its end, and the buttons do not move."""
    page = open_page(browser, address)
    ready(page)
    decode_greedily(page, 600)
    place = page.locator("#stop").bounding_box()
    answer = send_message(page, QUESTION)
    last = answer.locator(".token").last.bounding_box()
    pane = page.locator("#conversation").bounding_box()
    assert page.locator("#stop").bounding_box() == place
    assert answer.bounding_box()["height"] > pane["height"]
    assert pane["y"] <= last["y"] and last["y"] + last["height"] <= pane["y"] + pane["height"]


def check_key(browser, address):
    page = open_page(browser, address, refusals=2)
    page.locator("#key").wait_for()
    page.locator("#key").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("invalid API key").wait_for()
    page.locator("#key").fill("secret")
    page.keyboard.press("Enter")
    ready(page)
    decode_greedily(page, 4)
    assert send_message(page, QUESTION).locator(".token").count() == 4
    assert page.evaluate("localStorage.length + document.cookie.length") == 0


def run(browser, address, *checks):
    """Runs each check in its own tab, and closes it before the server ends."""
    for check in checks:
        check(browser, address)
        for context in browser.contexts:
            context.close()
        print(f"web page, {check.__name__.removeprefix('check_')}: passed")


def check(browser):
    """Runs all checks."""
    chat = f"chat={chat_model()}"
    with serve("-m", chat, "-m", "bard") as address:
        run(browser, address, check_chat, check_keyboard_and_steering, check_continuation, check_stop, check_cut, check_growth)
    keys = FILES / "keys.txt"
    keys.write_text("secret\n")
    keys.chmod(0o600)
    with serve("-m", chat, "--api-key-file", keys) as address:
        run(browser, address, check_key)
