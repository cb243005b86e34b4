"""Tests the methods of the lens in the server's web page, in a headless browser: their pictures, the
answers without a component, saved files.

Compares the page with responses of the server to this script.
"""

import json
from pathlib import Path

from accessibility import assert_accessible
from window import ANSWERS, ROOT, SHOWN_ANSWER, chat_model, open_answer, post, run, serve

DICTIONARIES = ROOT / "docs" / "lens"
INDEX = 2


def inspect(page, answer):
    """Points at a token of the answer. Returns the ids before it."""
    answer.locator(".token").nth(INDEX).hover()
    page.locator("#explore").wait_for()
    shown = page.evaluate(SHOWN_ANSWER)
    before = {"model": "chat", **shown["context"], "answer": [t["id"] for t in shown["tokens"][:INDEX]]}
    return before, shown["tokens"][INDEX]["id"]


def compute(page, method, dictionary=None):
    """Runs a method and waits for its picture."""
    page.locator("#method").select_option(method)
    if dictionary:
        page.locator("#dictionary").select_option(dictionary)
    page.locator("#explore-run").click()
    page.locator("#explored section").first.wait_for()


def command(address, ids, name, **options):
    """Returns the result of a command of the lens on token ids."""
    response = post(
        address,
        "/v1/lens/commands",
        model="chat",
        command=name,
        options={"ids": "ids.json", **options},
        files={"ids.json": json.dumps(ids)},
    )
    return response["result"]


def ids_of(address, before):
    return post(address, "/v1/lens/cache", **before, hooks="ln_final.hook_scale")["tokens"]


def save(page, name):
    """Saves what is shown. Returns the bytes."""
    with page.expect_download() as download:
        page.locator(f"#save-{name}").click()
    return Path(download.value.path()).read_bytes()


def check_graph(browser, address):
    """Draws the attribution graph over transcoders, and saves it."""
    page, answer = open_answer(browser, address)
    before, _ = inspect(page, answer)
    compute(page, "Attribution graph", "shared/bard-transcoders")
    expected = command(
        address, ids_of(address, before), "graph", transcoders="shared/bard-transcoders", features=128, logits=5
    )
    assert page.locator("#explored .vertex").count() == len(expected["nodes"])
    assert page.locator("#explored .arc").count() == len(expected["edges"])
    assert_accessible(page, "an attribution graph in the window")
    assert json.loads(save(page, "result"))["nodes"] == expected["nodes"]
    assert save(page, "picture").startswith(b"<!doctype html>")
    assert save(page, "svg").count(b'class="vertex') == len(expected["nodes"])
    assert save(page, "png").startswith(b"\x89PNG")
    compute(page, "Attribution graph", "")
    page.locator("#explored .vertex.neuron").first.click()
    assert page.locator("#component button").inner_text().startswith("Answer again without L")


def check_heads(browser, address):
    """Draws what heads add to a token, and answers again without one."""
    page, answer = open_answer(browser, address)
    before, token = inspect(page, answer)
    compute(page, "What heads add to this token")
    ids = ids_of(address, before)
    parts = command(address, ids, "dla", by="head", token=f"#{token}")["parts"]
    assert page.locator("#explored .bars tbody tr").count() == len(parts)
    page.locator("#explored .grid tbody tr").nth(1).locator("td").nth(2).click()
    page.get_by_text("Answer again without L1.H2").click()
    page.locator(".compared").wait_for()
    assert page.locator(".answer .who").last.inner_text() == "chat, blocks.1.attn.hook_z[:, 2] zero"
    prompt = ids[: len(ids) - INDEX]
    edited = command(address, prompt, "edit", edit=["blocks.1.attn.hook_z[:, 2] zero"], tokens=8, temperature=0)
    assert page.locator(ANSWERS).last.text_content() == edited["after"]["text"]
    page.locator(".answer .said").last.locator(".token").nth(1).hover()
    page.locator("#explore").wait_for()
    compute(page, "Information flow")
    page.get_by_text("This is the unchanged model.").wait_for()


def check_features(browser, address):
    """Draws the features of a dictionary, and answers again with one set to a value."""
    page, answer = open_answer(browser, address)
    before, _ = inspect(page, answer)
    sae = "shared/bard-transcoders/layer_1"
    compute(page, "Features of a dictionary", sae)
    ids = ids_of(address, before)
    features = command(address, ids, "sae features", sae=sae)["features"]
    strongest = max((f for token in features for f in token), key=lambda f: f["value"])
    assert page.locator("#explored tbody th").first.inner_text() == f"#{strongest['feature']}"
    page.locator("#explored td[style]").first.click()
    page.locator("#component input").fill("40")
    page.locator("#component button").click()
    page.locator(".compared").wait_for()
    prompt = ids[: len(ids) - INDEX]
    feature = {"sae": sae, "feature": strongest["feature"], "value": 40}
    steered = command(address, prompt, "sae steer", **feature, tokens=8, temperature=0)
    assert page.locator(ANSWERS).last.text_content() == steered["text"]
    assert_accessible(page, "an answer with a feature set to a value")


def check(browser):
    """Runs all checks."""
    with serve("-m", f"chat={chat_model()}", "--lens-files", DICTIONARIES) as address:
        run(browser, address, check_graph, check_heads, check_features)
