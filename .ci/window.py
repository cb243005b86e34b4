"""Tests the server's web page in a headless browser: chat, versions of turns, token inspection,
steering, edits, kept conversations, API keys.

Compares the page with responses of the server to this script.
"""

import contextlib
import html
import json
import math
import re
import struct
import subprocess
import urllib.request
from pathlib import Path

from accessibility import assert_accessible
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parent.parent
FILES = ROOT / "build" / "pages"
BARD = ROOT / "java" / "bard" / "src" / "main" / "resources" / "dev" / "vidrio" / "bard" / "bard-q8_0.gguf"
TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
QUESTION = "Who is the king?"
TOKENS = 24
LAYER, HEAD = 1, 2
ANSWERS = ".answer .said > .words:not([aria-busy])"


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


def quantized(model):
    """Returns the path of a copy of a model with 4-bit weights."""
    path = FILES / "small.gguf"
    subprocess.run([ROOT / "vidrio", "quantize", model, "--type", "Q4_0", "-o", path], check=True, capture_output=True)
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
    own = address + "/", f"blob:{address}/"
    page.on("request", lambda request: request.url.startswith(own) or fail(request.url))
    page.goto(address)
    return page


def ready(page):
    page.locator("#steering-layer option").first.wait_for(state="attached")


def send_message(page, text):
    """Sends a message by keyboard and waits for the end of the answer."""
    answers = page.locator(ANSWERS)
    count = answers.count()
    page.locator("#text").focus()
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    answers.nth(count).wait_for()
    page.locator("#send:enabled").wait_for()
    return answers.nth(count)


def open_answer(browser, address, tokens=8):
    """Opens the page and asks the question. Returns the page and the greedy answer."""
    page = open_page(browser, address)
    ready(page)
    decode_greedily(page, tokens)
    return page, send_message(page, QUESTION)


def act(page, button):
    """Uses a button that answers again, and returns the text of the answer."""
    page.locator("#messages .actions").last.get_by_text(button, exact=True).click()
    page.locator("#send:enabled").wait_for()
    return page.locator(ANSWERS).last


def decode_greedily(page, tokens=TOKENS):
    """Selects greedy decoding, and shows answers as tokens."""
    page.locator("#settings summary").click()
    page.locator("#temperature").fill("0")
    page.locator("#max-tokens").fill(str(tokens))
    page.keyboard.press("Escape")
    page.locator("#view").select_option("tokens")


def strip(page, name):
    """Returns the displayed values of a strip of tokens."""
    page.locator(f"#{name} [role=button]").first.wait_for()
    labels = page.locator(f"#{name} [role=button]").evaluate_all("all => all.map(x => x.ariaLabel)")
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
    rows = page.locator("#logits tbody tr").all_inner_texts()
    assert len(rows) == len(hooks)
    for row, (cell,) in zip(rows, hooks.values()):
        for candidate in cell["top"]:
            assert f"{100 * candidate['probability']:.1f} %" in row, (row, candidate)


def head_weights(address, asked):
    """Returns the attention weights of the selected head."""
    patterns = post(address, "/v1/lens/attention", **asked)["patterns"]
    (chosen,) = [p for p in patterns if (p["layer"], p["head"]) == (LAYER, HEAD)]
    return chosen["weights"][0]


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
    check_input_token(page, address)
    page.locator("#new").click()
    assert page.locator(".token").count() == 0
    assert page.locator("#glass").is_hidden()


def check_input_token(page, address):
    """Inspects a token of the input from the strip of attention weights."""
    pieces = page.locator("#attention [role=button]").all_inner_texts()
    page.locator("#attention [role=button]").nth(3).click()
    page.get_by_text(f"Token 4 of the input, \u2068{pieces[3]}").wait_for()
    page.locator("#logits td.rank").first.wait_for()
    assert page.locator("#attention [role=button]").all_inner_texts() == pieces[:3]
    assert page.locator("#alternatives tr").count() >= 5


def check_keyboard_and_steering(browser, address):
    """Everything by keyboard, in the dark color scheme."""
    page = open_page(browser, address, "dark")
    ready(page)
    decode_greedily(page)
    plain = send_message(page, QUESTION).text_content()
    for name in "Again", "Copy", "Continue":
        page.keyboard.press("Shift+Tab")
        assert page.locator("button:focus").inner_text() == name
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
    page.locator("#new").focus()
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
    steered.locator(".token").nth(4).hover()
    page.locator("#logits td").first.wait_for()
    ids = [t["id"] for t in page.evaluate(SHOWN_ANSWER)["tokens"][:4]]
    hooks = post(
        address,
        "/v1/lens/logits",
        model="chat",
        messages=[{"role": "user", "content": QUESTION}],
        answer=ids,
        position=-1,
        steer=[{**direction, "plus": "love", "minus": "hate"}],
    )["hooks"]
    share = list(hooks.values())[-1][0]["top"][0]["probability"]
    assert f"{100 * share:.1f} %" in page.locator("#logits tbody tr").last.inner_text()


# The last turn of the conversation that was kept last.
SHOWN_ANSWER = """
async () => {
  const { stored } = await import('/window/store.js');
  const [newest] = await stored();
  return newest.turns.find(turn => turn.id === newest.last);
}
"""

# The answers of the conversation that was kept last, in the order in which they were given.
ANSWERS_KEPT = """
async () => {
  const { stored } = await import('/window/store.js');
  const [newest] = await stored();
  return newest.turns.filter(turn => turn.role === 'assistant');
}
"""

# Decodes tokens of completions as the page does. Some are parts of a character.
TEXTS_OF_TOKENS = """
async names => {
  const { completionTokens } = await import('/window/tokens.js');
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
    pieces = page.locator("#attention [role=button]").all_inner_texts()
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
    assert page.locator(".cut").inner_text() == "Stopped."


def greedy(address, tokens, model="chat", **fields):
    """Returns the server's greedy answer."""
    asked = {"messages": [{"role": "user", "content": QUESTION}], **fields}
    return post(
        address, "/v1/chat/completions", model=model, temperature=0, max_tokens=tokens, **asked
    )["choices"][0]["message"]["content"]


def check_cut(browser, address):
    """Reports a cut answer and continues it in place, with the tokens that it has."""
    page = open_page(browser, address)
    ready(page)
    assert page.locator("#max-tokens").input_value() == "1024"
    decode_greedily(page, 4)
    assert send_message(page, QUESTION).locator(".token").count() == 4
    assert page.locator(".cut").inner_text() == "Cut at 4 tokens."
    answer = act(page, "Continue")
    assert answer.locator(".token").count() == 8
    assert answer.text_content() == greedy(address, 8)
    assert page.locator(".continue").count() == 1
    page.locator("#model").select_option("bard")
    page.get_by_text("it continues your text").wait_for()
    send_message(page, "The king")
    text = act(page, "Continue").text_content()
    expected = post(address, "/v1/completions", model="bard", prompt="The king", temperature=0, max_tokens=8)
    assert text == expected["choices"][0]["text"]


def ask_instead(page, text):
    """Edits the only question and waits for the answer to the second version."""
    page.locator("#messages").get_by_text("Edit", exact=True).click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)
    page.locator(".editor").get_by_text("Send").click()
    page.get_by_text("2 / 2").wait_for()
    page.locator("#send:enabled").wait_for()


def check_versions(browser, address):
    """Answers again, with another token and with another question; shows versions side by side."""
    page, answer = open_answer(browser, address)
    plain = answer.text_content()
    assert act(page, "Again").text_content() == plain
    assert page.locator("#messages .actions").last.inner_text().startswith("‹\n2 / 2")
    answer.locator(".token").nth(2).hover()
    alternative = page.locator("#alternatives .branch").nth(1)
    name = alternative.locator("bdi").inner_text()
    alternative.click()
    page.get_by_text("3 / 3").wait_for()
    page.locator("#send:enabled").wait_for()
    turn = page.evaluate(SHOWN_ANSWER)
    first = [token["id"] for token in turn["tokens"][:3]]
    assert turn["change"] == f"{name} at token 3" and len(turn["tokens"]) == 3 + 8, turn
    assert page.locator(ANSWERS).text_content() == greedy(address, 8, answer=first)
    act(page, "Compare")
    assert page.locator(".compared .said").count() == 2
    assert page.locator(".differs").count() == 2
    assert page.locator(".differs").last.inner_text().strip() == name.replace("␣", "")
    assert_accessible(page, "two versions side by side")
    page.keyboard.press("Alt+ArrowLeft")
    page.get_by_text("2 / 3").first.wait_for()
    ask_instead(page, "And the queen?")
    asked = [{"role": "user", "content": "And the queen?"}]
    assert page.locator(ANSWERS).text_content() == greedy(address, 8, messages=asked)


def check_ablation(browser, address):
    """Answers again without a head, beside the answer with it."""
    page, answer = open_answer(browser, address)
    plain = answer.text_content()
    answer.locator(".token").nth(2).hover()
    page.locator("#attention [role=button]").first.wait_for()
    assert page.locator("#ablate").is_disabled()
    page.locator("#layer").select_option(str(LAYER))
    page.locator("#head").select_option(str(HEAD))
    page.get_by_text(f"Without head {HEAD}").click()
    page.locator(".compared").wait_for()
    edit = f"blocks.{LAYER}.attn.hook_z[:, {HEAD}] zero"
    assert page.locator(".answer .who").all_inner_texts() == ["chat", f"chat, {edit}"]
    shown = page.evaluate(SHOWN_ANSWER)
    ids = post(
        address, "/v1/lens/cache", model="chat", hooks="ln_final.hook_scale", **shown["context"]
    )["tokens"]
    result = post(
        address,
        "/v1/lens/commands",
        model="chat",
        command="edit",
        options={"ids": "ids.json", "edit": [edit], "tokens": 8, "temperature": 0},
        files={"ids.json": json.dumps(ids)},
    )["result"]
    assert page.locator(ANSWERS).all_text_contents() == [plain, result["after"]["text"]]
    page.locator(".answer .said").last.locator(".token").nth(1).hover()
    page.get_by_text("shows the changed model").wait_for()
    page.get_by_text(f"KL divergence of chat, {edit} from chat").wait_for()
    page.locator("#logits td").first.wait_for()
    first = shown["tokens"][0]["id"]
    asked = {"model": "chat", **shown["context"], "answer": [first], "position": -1, "edits": [edit]}
    assert_shown(strip(page, "attention"), head_weights(address, asked))


def check_two_models(browser, address):
    """Answers by two models, side by side, with the differences of their predictions."""
    page = open_page(browser, address)
    ready(page)
    decode_greedily(page, 8)
    page.locator("#second-model").select_option("small")
    send_message(page, QUESTION)
    page.locator(".answer .token[title^=KL]").nth(15).wait_for()
    assert page.locator(".answer .who").all_inner_texts() == ["chat", "small"]
    texts = [greedy(address, 8), greedy(address, 8, "small")]
    assert page.locator(ANSWERS).all_text_contents() == texts
    second = page.evaluate(SHOWN_ANSWER)
    ids = [token["id"] for token in second["tokens"]]
    predictions = post(
        address,
        "/v1/lens/compare",
        model="small",
        **{"with": "chat"},
        messages=[{"role": "user", "content": QUESTION}],
        answer=ids,
    )["predictions"][-9:-1]
    tokens = page.locator(".answer .said").last.locator(".token")
    titles = tokens.evaluate_all("all => all.map(x => x.title)")
    bits = [each["kl_bits"] for each in predictions]
    assert_shown([float(title.rsplit(" ", 1)[1]) for title in titles], bits)
    parts = [
        max(each["top"], key=lambda t: t["probability"]) != max(each["top"], key=lambda t: t["with_probability"])
        for each in predictions
    ]
    assert tokens.evaluate_all("all => all.map(x => x.classList.contains('parts'))") == parts
    widest = max(range(8), key=lambda i: bits[i])
    tokens.nth(widest).hover()
    page.get_by_text("KL divergence of small from chat").wait_for()
    page.locator("#logits td").first.wait_for()
    shown = page.locator("#alternatives tbody tr").all_inner_texts()
    for one in predictions[widest]["top"]:
        both = [f"{100 * one[name]:.1f} %" for name in ("probability", "with_probability")]
        assert any("\t".join(both) in line for line in shown), (both, shown)
    for width in 1200, 800, 360:
        page.set_viewport_size({"width": width, "height": 800})
        assert_accessible(page, f"two models, {width} pixels wide")
    page.set_viewport_size({"width": 1200, "height": 900})
    page.locator("#second-model").select_option("bard")
    act(page, "With bard")
    page.locator(".answer .who").get_by_text("bard").wait_for()


def differences(page, column):
    """Returns the displayed KL divergences of an answer's tokens."""
    tokens = page.locator(".answer .said").nth(column).locator(".token")
    shown = tokens.locator("xpath=self::*[starts-with(@title, 'KL')]")
    shown.nth(tokens.count() - 1).wait_for(state="attached")
    return [float(title.rsplit(" ", 1)[1]) for title in tokens.evaluate_all("all => all.map(x => x.title)")]


def compare(address, turn, other, **fields):
    """Returns the KL divergences of a comparison on the tokens of an answer."""
    ids = [token["id"] for token in turn["tokens"]]
    asked = {"messages": [{"role": "user", "content": QUESTION}], "answer": ids, **fields}
    predictions = post(address, "/v1/lens/compare", model=turn["model"], **{"with": other["model"]}, **asked)
    return [each["kl_bits"] for each in predictions["predictions"][-len(ids) - 1 : -1]]


def check_changed_models(browser, address):
    """A steered answer beside that of a second model; then without a head: each model has its own changes."""
    page = open_page(browser, address)
    ready(page)
    decode_greedily(page, 8)
    page.locator("#second-model").select_option("small")
    page.locator("#plus").fill("love")
    page.locator("#minus").fill("hate")
    page.locator("#strength").fill("0.5")
    send_message(page, QUESTION)
    expect(page.locator(".answer .who")).to_have_text(["chat, steered", "small"])
    shown = differences(page, 0), differences(page, 1)
    steered, second = page.evaluate(ANSWERS_KEPT)
    assert steered["steer"] and "steer" not in second
    assert page.locator(ANSWERS).last.text_content() == greedy(address, 8, "small")
    assert_shown(shown[0], compare(address, steered, second, steer=steered["steer"]))
    assert_shown(shown[1], compare(address, second, steered, with_steer=steered["steer"]))
    page.locator(".answer .token").nth(2).hover()
    page.get_by_text("KL divergence of chat from small").wait_for()
    page.get_by_text("shows the changed model").wait_for()
    page.locator("#attention [role=button]").first.wait_for()
    page.locator("#layer").select_option(str(LAYER))
    page.locator("#head").select_option(str(HEAD))
    page.get_by_text(f"Without head {HEAD}").click()
    edit = f"blocks.{LAYER}.attn.hook_z[:, {HEAD}] zero"
    expect(page.locator(".answer .who")).to_have_text(["chat, steered", f"chat, steered, {edit}"])
    shown = differences(page, 1)
    edited = page.evaluate(ANSWERS_KEPT)[-1]
    changes = {"steer": edited["steer"], "edits": [edit], "with_steer": edited["steer"]}
    assert_shown(shown, compare(address, edited, edited, **changes))
    written = f"blocks.{steered['steer'][0]['hook'].split('.')[1]}.hook_resid_post add 0.5 plus 'love' minus 'hate'"
    ids = edited["prompt"]
    result = post(
        address,
        "/v1/lens/commands",
        model="chat",
        command="edit",
        options={"ids": "ids.json", "edit": [written, edit], "tokens": 8, "temperature": 0},
        files={"ids.json": json.dumps(ids)},
    )["result"]
    assert [token["id"] for token in edited["tokens"]] == result["after"]["ids"]
    page.locator(".answer .said").last.locator(".token").nth(1).hover()
    page.locator("#alternatives .branch").nth(1).click()
    page.get_by_text("at token 2").first.wait_for()
    page.locator("#send:enabled").wait_for()
    branch = page.evaluate(ANSWERS_KEPT)[-1]
    assert branch["edits"] == [edit] and branch["steer"] == edited["steer"]
    assert branch["tokens"][0]["id"] == edited["tokens"][0]["id"]
    act(page, "With small")
    page.get_by_text("5 / 5").first.wait_for()
    page.locator("#send:enabled").wait_for()
    assert page.locator(".answer .who").last.inner_text() == "small"


def check_questions(browser, address):
    """Two questions with their answers, side by side."""
    page, answer = open_answer(browser, address)
    first = answer.text_content()
    ask_instead(page, "Who is the queen?")
    second = page.locator(ANSWERS).text_content()
    page.locator(".question .actions").get_by_text("Compare", exact=True).click()
    assert page.locator(".question .words").all_text_contents() == [QUESTION, "Who is the queen?"]
    assert page.locator(ANSWERS).all_text_contents() == [first, second]
    assert_accessible(page, "two questions side by side")
    page.locator(".answer .said").first.locator(".token").nth(1).hover()
    page.locator("#logits td").first.wait_for()
    page.locator(".question .actions").first.get_by_text("Compare", exact=True).click()
    assert page.locator(ANSWERS).all_text_contents() == [second]


def check_span(browser, address):
    """The attribution of several tokens, and the sum over some."""
    page, answer = open_answer(browser, address)
    answer.locator(".token").nth(2).hover()
    strip(page, "attribution")
    page.locator("#span").fill("3")
    page.locator("#span").press("Enter")
    turn = page.evaluate(SHOWN_ANSWER)
    ids = [token["id"] for token in turn["tokens"][:5]]
    asked = {"model": "chat", **turn["context"], "answer": ids}
    count = len(post(address, "/v1/lens/cache", **asked, hooks="ln_final.hook_scale")["tokens"])
    expected = post(address, "/v1/lens/attribution", **asked, position=-3, to=count)["scores"]
    page.locator("#attribution [role=button]").nth(count - 2).wait_for()
    assert_shown(strip(page, "attribution"), expected)
    nodes = page.locator("#attribution [role=button]")
    nodes.nth(1).click(modifiers=["Shift"])
    nodes.nth(3).focus()
    page.keyboard.press("Shift+Enter")
    text = page.locator("#attribution-sum").inner_text()
    assert text.startswith("Sum of tokens 1 to 3: "), text
    assert_shown([float(text.rsplit(" ", 1)[1])], [sum(expected[1:4])])
    assert page.locator("#about").inner_text().startswith("Token 3 of the answer")


def check_entropy(browser, address):
    page, answer = open_answer(browser, address)
    page.locator("#color").select_option("entropy")
    answer.locator(".token[title^=entropy]").nth(7).wait_for()
    ids = [token["id"] for token in page.evaluate(SHOWN_ANSWER)["tokens"]]
    asked = [{"role": "user", "content": QUESTION}]
    lens = post(address, "/v1/lens/logits", model="chat", messages=asked, answer=ids[:5], position=-1)
    bits = list(lens["hooks"].values())[-1][0]["entropy_bits"]
    shown = answer.locator(".token").nth(5).get_attribute("title")
    assert_shown([float(shown.rsplit(" ", 1)[1])], [bits])


def check_kept(browser, address):
    """Conversations survive a reload, open from a link with the shown token, and can be deleted."""
    page, answer = open_answer(browser, address)
    text = answer.text_content()
    answer.locator(".token").nth(3).hover()
    page.locator("#attention [role=button]").first.wait_for()
    page.locator("#layer").select_option(str(LAYER))
    page.locator("#head").select_option(str(HEAD))
    weights = strip(page, "attention")
    link = page.evaluate(
        """async () => {
          const { linkTo } = await import('/window/share.js');
          const { stored } = await import('/window/store.js');
          const { Conversation } = await import('/window/conversation.js');
          const { shownToken } = await import('/window/glass.js');
          return linkTo(new Conversation((await stored())[0]), shownToken());
        }"""
    )
    page.reload()
    ready(page)
    assert page.locator("#temperature").input_value() == "0" and page.locator(".answer").count() == 0
    page.locator("#conversations summary").click()
    page.locator("#conversation-list .open").click()
    assert page.locator(ANSWERS).text_content() == text
    page.locator(".token").nth(3).hover()
    page.locator("#logits td").first.wait_for()
    page.locator("#conversations summary").click()
    assert_accessible(page, "the list of conversations")
    page.get_by_label(f"Delete {QUESTION}").click()
    page.get_by_text("Conversations (0)").wait_for()
    assert page.locator(".answer").count() == 0
    page.goto(link)
    page.reload()
    page.locator(ANSWERS).wait_for()
    assert page.locator(ANSWERS).text_content() == text and "#" not in page.url
    assert page.locator("#about").inner_text().startswith("Token 4 of the answer")
    assert strip(page, "attention") == weights
    assert page.locator("#head").input_value() == str(HEAD)
    page.locator("#share summary").click()
    with page.expect_download() as download:
        page.get_by_text("Save as a page").click()
    saved = Path(download.value.path()).read_text()
    words = html.unescape(re.sub("<[^>]*>", "", saved.partition("<main")[2]))
    assert text.strip() in words, words
    assert "<button" not in saved and "<script" not in saved
    with page.expect_download() as download:
        page.get_by_text("Save as JSON").click()
    assert json.loads(Path(download.value.path()).read_text())["turns"][1]["content"] == text
    page.goto(address + "/#conversation=broken")
    page.reload()
    ready(page)


# Markdown and the HTML that the page makes of it, with a leaf for each text.
MARKDOWN = {
    "# One\nTwo **three** `four`": "<h3>One</h3><p>Two <strong>three</strong> <code>four</code></p>",
    "a *b* _c_ ~~d~~ 2 * 3 * 4 snake_case_name": "<p>a <em>b</em> <em>c</em> <del>d</del> 2 * 3 * 4 snake_case_name</p>",
    "- a\n- b\n  - c\n\n3. d\n4. e": '<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><ol start="3"><li>d</li><li>e</li></ol>',
    "> a\n> b\n\nc\nd": "<blockquote><p>a<br>b</p></blockquote><p>c<br>d</p>",
    "a | b\n--|--\n1 | **2**": "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td><strong>2</strong></td></tr></tbody></table>",
    "<b>a</b> &amp; <img src=x>": "<p>&lt;b&gt;a&lt;/b&gt; &amp;amp; &lt;img src=x&gt;</p>",
    "[a](https://b.c/d) [e](javascript:f())": '<p><a href="https://b.c/d" target="_blank" rel="noopener noreferrer">a</a> [e](javascript:f())</p>',
    "---": "<hr>",
    "**": "<p>**</p>",
    "1.": '<ol start="1"><li></li></ol>',
    "|": "<p>|</p>",
}

RENDER = """
async source => {
  const { markdown } = await import('/window/markdown.js');
  const box = document.createElement('div');
  const places = [];
  box.append(...markdown(source, (from, to) => (places.push([from, to]), [source.slice(from, to)])));
  box.querySelectorAll('.scroll').forEach(node => node.replaceWith(...node.childNodes));
  return { html: box.innerHTML, places };
}
"""


def check_markdown(browser, address):
    """Formats text: its places are in order, and its tokens can be inspected."""
    page = open_page(browser, address)
    ready(page)
    for source, expected in MARKDOWN.items():
        rendered = page.evaluate(RENDER, source)
        assert rendered["html"] == expected, (source, rendered["html"])
    code = page.evaluate(RENDER, "```c\nint *a; // **b**\n\n  c\n```\nd")
    assert "<code>int *a; // **b**\n\n  c\n</code>" in code["html"] and code["html"].endswith("<p>d</p>")
    source = "\n".join(MARKDOWN) * 50
    places = page.evaluate(RENDER, source)["places"]
    assert all(a[1] <= b[0] for a, b in zip(places, places[1:])), "in order, without overlap"
    decode_greedily(page)
    plain = send_message(page, QUESTION).text_content()
    page.keyboard.press("Alt+t")
    page.locator(".formatted .token").first.wait_for()
    tokens = page.locator(".formatted .token").all_text_contents()
    assert "".join("".join(tokens).split()) == "".join(plain.split()), (tokens, plain)
    page.locator(".formatted .token").nth(2).hover()
    page.locator("#logits td").first.wait_for()
    for width in 1200, 800, 360:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "no horizontal scrolling"
        assert_accessible(page, f"formatted text, {width} pixels wide")


def check_lost_server(browser, _):
    """A server that ends leaves the conversation in place."""
    with serve("-m", "bard") as address:
        page = browser.new_page()
        page.goto(address)
        ready(page)
        decode_greedily(page, 4)
        text = send_message(page, "The king").text_content()
    page.locator("#text").fill("And now?")
    page.keyboard.press("Enter")
    page.get_by_text("The server cannot be reached.").wait_for()
    assert page.locator(ANSWERS).text_content() == text
    assert page.locator("#send").is_enabled()


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
    kept = page.evaluate("JSON.stringify({...localStorage}) + document.cookie")
    assert "secret" not in kept, kept


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
    small = f"small={quantized(chat_model())}"
    with serve("-m", chat, "-m", "bard", "-m", small) as address:
        run(
            browser,
            address,
            check_chat,
            check_keyboard_and_steering,
            check_continuation,
            check_stop,
            check_cut,
            check_versions,
            check_ablation,
            check_two_models,
            check_changed_models,
            check_questions,
            check_span,
            check_entropy,
            check_kept,
            check_markdown,
            check_growth,
        )
    run(browser, None, check_lost_server)
    keys = FILES / "keys.txt"
    keys.write_text("secret\n")
    keys.chmod(0o600)
    with serve("-m", chat, "--api-key-file", keys) as address:
        run(browser, address, check_key)
