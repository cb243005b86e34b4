"""Tests the methods of the lens in the server's web page, in a headless browser: their pictures, the
answers without a component, saved files.

Compares the page with responses of the server to this script.
"""

import json
import shutil
import subprocess
from pathlib import Path

from accessibility import assert_accessible
from window import (
    ANSWERS,
    FILES,
    QUESTION,
    ROOT,
    SHOWN_ANSWER,
    assert_shown,
    chat_model,
    head_weights,
    open_answer,
    post,
    run,
    serve,
    strip,
)

LENS = ROOT / "docs" / "lens"
INDEX = 2

EDIT = "blocks.1.attn.hook_z[:, 2] zero"

# As many tokens as the question.
OTHER = QUESTION.replace("king", "queen")


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
    compute(page, "Attribution graph", "bard-transcoders")
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
    width = page.locator("#explored svg").bounding_box()["width"]
    page.get_by_label("Larger").click()
    assert page.locator("#explored svg").bounding_box()["width"] > 1.2 * width
    vertices = page.locator("#explored .vertex")
    two = [vertices.nth(i) for i in (0, 1)]
    two[0].click(modifiers=["Shift"])
    two[1].focus()
    page.keyboard.press("Shift+Enter")
    page.get_by_text("Group 2 nodes").click()
    assert vertices.count() == len(expected["nodes"]) - 1
    name = page.locator("#explored .vertex.group").get_attribute("aria-label")
    assert name.startswith("group ") and " + " in name, name
    assert_accessible(page, "a graph with a group of nodes")
    page.get_by_text("Ungroup").click()
    assert vertices.count() == len(expected["nodes"])
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
    assert page.locator(".answer .who").last.inner_text() == f"chat, {EDIT}"
    prompt = ids[: len(ids) - INDEX]
    edited = command(address, prompt, "edit", edit=[EDIT], tokens=8, temperature=0)
    assert page.locator(ANSWERS).last.text_content() == edited["after"]["text"]
    page.locator(".answer .said").last.locator(".token").nth(1).hover()
    page.locator("#explore").wait_for()
    compute(page, "Information flow")
    assert "unchanged model" not in page.locator("#explore-note").inner_text()
    asked = {**before, "answer": [t["id"] for t in page.evaluate(SHOWN_ANSWER)["tokens"][:1]]}
    edges = command(address, ids_of(address, asked), "routes", edit=[EDIT])["edges"]
    status = page.locator("#explored [role=status]").inner_text()
    assert status.endswith(f", {len(edges)} edges"), status
    compute(page, "Residual stream")
    parts = command(address, ids_of(address, asked), "residual", edit=[EDIT])["parts"]
    shown = page.locator("#explored .bars tbody tr").all_inner_texts()
    assert any(line.startswith("edits") for line in shown) and len(shown) == len(parts), shown


def check_attention(browser, address):
    """Draws lines between tokens of a head, which can be saved, and value-weighted attention."""
    page, answer = open_answer(browser, address)
    before, _ = inspect(page, answer)
    compute(page, "Attention of each head")
    assert page.locator("#save-svg").is_hidden()
    page.locator("#explored .heads tr").nth(2).locator("button").nth(2).click()
    page.get_by_text("Lines between tokens").click()
    ids = ids_of(address, before)
    (head,) = [p for p in post(address, "/v1/lens/attention", **before, position=-1)["patterns"] if (p["layer"], p["head"]) == (1, 2)]
    last = page.locator("#explored .lines .query").last
    label = last.get_attribute("aria-label")
    shown = sorted((float(part) for part in label.split("): ")[1:] for part in [part.split(",")[0]]), reverse=True)
    expected = sorted((weight for weight in head["weights"][0] if weight >= 0.02), reverse=True)
    assert_shown(shown, expected)
    assert page.locator("#explored .lines .query").count() == len(ids)
    last.focus()
    page.keyboard.press("ArrowUp")
    assert page.locator("#explored .query.aside").count() == len(ids) - 1
    assert_accessible(page, "lines between tokens")
    assert b'class="lines"' in save(page, "svg")
    compute(page, "Mixing of the tokens (value-weighted attention)")
    rows = command(address, ids, "mixing", by="norm")
    assert page.locator("#explored .grid tbody tr").count() > 0 and rows


def explain(route, asked):
    """Answers a request of an explanation: the model of these tests cannot explain."""
    body = json.loads(route.request.post_data or "{}")
    if body.get("command") != "sae explain":
        route.continue_()
        return
    asked.append(body)
    found = {"feature": int(body["options"]["features"]), "explanation": "kings and queens"}
    route.fulfill(json={"result": {"dictionary": "layer_1", "explainer": body["model"], "features": [found]}})


def check_features(browser, address):
    """Draws the features of a dictionary, and answers again with one set to a value."""
    page, answer = open_answer(browser, address)
    before, _ = inspect(page, answer)
    sae = "shared/bard-transcoders/layer_1"
    compute(page, "Features of a dictionary", sae.removeprefix("shared/"))
    ids = ids_of(address, before)
    features = command(address, ids, "sae features", sae=sae)["features"]
    strongest = max((f for token in features for f in token), key=lambda f: f["value"])
    assert page.locator("#explored tbody th").first.inner_text() == f"#{strongest['feature']}"
    page.locator("#explored td[style]").first.click()
    asked = []
    page.route("**/v1/lens/commands", lambda route: explain(route, asked))
    page.get_by_text("Explain in words").click()
    page.get_by_text(f"Feature {strongest['feature']} of layer_1, by chat: kings and queens").wait_for()
    options = {"features": str(strongest["feature"]), "output": "words", "no-scores": True, "no-pages": True}
    assert asked == [{"model": "chat", "command": "sae explain", "arguments": ["shared/layer_1"], "options": options}]
    page.locator("#component input").fill("40")
    page.locator("#component").get_by_text("Answer again", exact=True).click()
    page.locator(".compared").wait_for()
    prompt = ids[: len(ids) - INDEX]
    feature = {"sae": sae, "feature": strongest["feature"], "value": 40}
    steered = command(address, prompt, "sae steer", **feature, tokens=8, temperature=0)
    assert page.locator(ANSWERS).last.text_content() == steered["text"]
    assert_accessible(page, "an answer with a feature set to a value")


def check_kinds(browser, address):
    """Draws features of a cross-layer transcoder and of a crosscoder, which a graph does not take."""
    page, answer = open_answer(browser, address)
    before, _ = inspect(page, answer)
    ids = ids_of(address, before)
    page.locator("#method").select_option("Attribution graph")
    refused = page.locator("#dictionary option:disabled").all_text_contents()
    assert refused == ["crosscoder (a graph needs transcoders)"], refused
    compute(page, "Attribution graph", "clt")
    expected = command(address, ids, "graph", transcoders="shared/clt", features=128, logits=5)
    assert page.locator("#explored .vertex").count() == len(expected["nodes"])
    layer = {"sae": "shared/clt", "layer": 2}
    for label, options in ("clt, layer 2", layer), ("crosscoder", {"sae": "shared/crosscoder"}):
        compute(page, "Features of a dictionary", label)
        features = command(address, ids, "sae features", **options)["features"]
        strongest = max((f for token in features for f in token), key=lambda f: f["value"])
        assert page.locator("#explored tbody th").first.inner_text() == f"#{strongest['feature']}"
        page.locator("#explored td[style]").first.click()
        page.get_by_text("cannot be set to a value").wait_for()


def shares(page):
    """Returns the values of a grid, row by row."""
    labels = page.locator("#explored td").evaluate_all("all => all.map(x => x.ariaLabel)")
    return [float(label.rsplit(": ", 1)[1]) for label in labels]


def check_patching(browser, address):
    """Draws how activations of another prompt move a token, and answers again with one of them."""
    page, answer = open_answer(browser, address)
    before, token = inspect(page, answer)
    kept = page.evaluate(SHOWN_ANSWER)["tokens"][:INDEX]
    page.locator("#method").select_option("Patching from another prompt")
    assert page.locator("#other-prompt").input_value() == QUESTION
    page.locator("#other-prompt").fill(QUESTION + " And who was it before?")
    page.locator("#explore-run").click()
    page.get_by_text("both prompts must have equally many").wait_for()
    page.locator("#other-prompt").fill(OTHER)
    compute(page, "Patching from another prompt")
    changed = {**before, "messages": [{"role": "user", "content": OTHER}]}
    ids, others = ids_of(address, before), ids_of(address, changed)
    (place,) = [i for i, (a, b) in enumerate(zip(ids, others)) if a != b]
    lens = post(address, "/v1/lens/logits", **changed, position=-1, top=2)["hooks"]
    rival = next(t["id"] for t in list(lens.values())[-1][0]["top"] if t["id"] != token)
    asked = {"model": "chat", "clean": ids, "corrupted": others, "answer": token, "wrong": rival}
    for site in "head", "resid_pre":
        page.locator("#patch-site").select_option(site)
        compute(page, "Patching from another prompt")
        scores = post(address, "/v1/lens/patch", **asked, site=site, direction="noising")["scores"]
        assert_shown(shares(page), [1 - score for row in scores for score in row])
    for width in 800, 1200:
        page.set_viewport_size({"width": width, "height": 900})
        assert_accessible(page, f"patching from another prompt, {width} pixels wide")
    page.locator("#explored tbody tr").nth(1).locator("td").nth(place).click()
    page.locator("#component button").click()
    page.locator(".compared").wait_for()
    edit = f"blocks.1.hook_resid_pre[{place}:{place + 1}] patch #{','.join(map(str, others))}"
    count = len(page.evaluate(SHOWN_ANSWER)["tokens"]) - INDEX
    after = command(address, ids, "edit", edit=[edit], tokens=count, temperature=0)["after"]
    given = "".join(t["text"] for t in kept)
    assert page.locator(ANSWERS).last.text_content() == given + after["text"]
    page.locator(".answer .said").last.locator(".token").nth(INDEX + 1).hover()
    page.get_by_text("shows the changed model").wait_for()
    page.locator("#logits td").first.wait_for()
    page.locator("#layer").select_option("1")
    page.locator("#head").select_option("2")
    asked = {**before, "answer": [t["id"] for t in kept] + after["ids"][:1], "position": -1}
    assert_shown(strip(page, "attention"), head_weights(address, {**asked, "edits": [edit]}))
    page.locator("#attention [role=button]").nth(place - 1).click()
    page.locator("#logits td.rank").first.wait_for()
    assert "failed" not in page.locator("#about").inner_text()


def dictionaries():
    """Writes transcoders with an index, a cross-layer transcoder and a crosscoder. Returns their directory."""
    directory = FILES / "dictionaries"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(LENS / "bard-transcoders", directory / "bard-transcoders")
    index = [ROOT / "vidrio", "lens", "sae", "index", "--sae", LENS / "bard-transcoders" / "layer_1"]
    subprocess.run([*index, "-f", LENS / "speeches.txt", "-o", directory / "layer_1"], check=True, capture_output=True)
    sizes = ["--features", "32", "-k", "24", "--steps", "20", "-f", LENS / "speeches.txt"]
    for name, hooks in {
        "clt": ["--hook", "*.ln2.hook_normalized", "--hook-out", "*.hook_mlp_out"],
        "crosscoder": ["--hook", "*.hook_resid_post"],
    }.items():
        train = [ROOT / "vidrio", "lens", "sae", "train-cross", *hooks, *sizes]
        subprocess.run([*train, "-o", directory / name], check=True, capture_output=True)
    return directory


def check(browser):
    """Runs all checks."""
    with serve("-m", f"chat={chat_model()}", "--lens-files", dictionaries()) as address:
        run(browser, address, check_graph, check_heads, check_attention, check_features, check_kinds, check_patching)
