"""Renders chat templates with Hugging Face transformers, as golden files for ChatTemplateTest.

    python chat_templates.py TEMPLATES OUT.json [--snippets SNIPPETS.txt]

TEMPLATES is a directory of *.jinja files; each is rendered with every conversation below. Each line
of SNIPPETS.txt is a template of its own, rendered with no message. OUT.json holds templates,
conversations and prompts, or the word "error" where transformers refuses.

The checked-in golden file comes from java/template/src/test/resources/dev/vidrio/template/. To try
templates from elsewhere, write their golden file anywhere and run the test with
-Dvidrio.template.golden=FILE.

Needs transformers (and with it jinja2); written with transformers 5.24 and jinja2 3.1.6.
"""

import argparse
import datetime
import json
import pathlib

from transformers.utils import chat_template_utils

NOW = datetime.datetime(2026, 7, 4, 15, 5, 9)

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather of a place.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A town, as in \"Köln\" or 'Paris'"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
            },
            "required": ["place"],
        },
    },
}

CLOCK = {
    "type": "function",
    "function": {
        "name": "clock",
        "description": "",
        "parameters": {"type": "object", "properties": {}},
    },
}

SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Searches <everything> & more.\nTwo lines, a \\ and a \t tab.",
        "parameters": {
            "type": "object",
            "properties": {
                "queries": {
                    "type": "array",
                    "description": "What to look for",
                    "items": {"type": "string"},
                    "minItems": 1,
                },
                "filter": {
                    "type": "object",
                    "properties": {
                        "after": {"type": ["string", "null"], "description": "ISO date", "nullable": True},
                        "score": {"type": "number", "minimum": 0.5, "maximum": 1e21},
                        "tags": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
                    },
                    "required": ["after"],
                    "additionalProperties": False,
                },
                "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 10},
                "exact": {"type": "boolean", "default": True},
            },
            "required": ["queries", "filter"],
        },
    },
    "strict": True,
}


def call(name, arguments, call_id):
    return {"type": "function", "id": call_id, "function": {"name": name, "arguments": arguments}}


SYSTEM = {"role": "system", "content": "Answer like a glazier."}
USER = {"role": "user", "content": "What is glass?"}
CALLS = [
    USER,
    {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [call("get_weather", {"place": "Murano", "unit": "celsius"}, "call00001")],
    },
    {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "{\"sky\": \"clear\"}"},
]
PARALLEL = [
    SYSTEM,
    USER,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            call("get_weather", {"place": "Köln"}, "call00001"),
            call(
                "search",
                {
                    "queries": ["a \"b\"", "c'd", "<é>\n"],
                    "filter": {"after": None, "score": 0.75, "tags": [{"n": 1}, {}]},
                    "limit": 12345678901234567890,
                    "exact": False,
                },
                "call00002",
            ),
            call("clock", {}, "call00003"),
        ],
    },
    {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "rain"},
    {"role": "tool", "name": "search", "tool_call_id": "call00002", "content": "[1, 2]"},
    {"role": "tool", "name": "clock", "tool_call_id": "call00003", "content": ""},
    {"role": "assistant", "content": "Rain, alas."},
    {"role": "user", "content": "And now?"},
]
THOUGHTS = [
    USER,
    {"role": "assistant", "content": "Sand.", "reasoning_content": "Melted sand, mostly.\nSo say that."},
    {"role": "user", "content": "And lead glass?"},
    {"role": "assistant", "content": "Sand and lead.", "reasoning_content": "  Lead oxide.  "},
]
TURNS = [
    USER,
    {"role": "assistant", "content": "Sand, melted."},
    {"role": "user", "content": "Is it a liquid?"},
    {"role": "assistant", "content": "No."},
    {"role": "user", "content": "Why do people say so?"},
]
ODD = (
    "  A 'quote' and a \"quote\", <b>tags</b> & {{ braces }} {% tags %} \\ \\n\ttab\r\n"
    "naïve 漢字 Ελλάδα ﬁ ß İ 👩‍👩‍👧‍👦 𝔘\u2028\u00a0<|im_end|></s>[INST] {} %s %\n\n  "
)


def conversation(messages, tools=None, generate=True, **variables):
    return {
        "messages": messages,
        "tools": tools,
        "add_generation_prompt": generate,
        "variables": variables,
    }


CONVERSATIONS = {
    "nothing": conversation([]),
    "plain": conversation([USER]),
    "system": conversation([SYSTEM, USER]),
    "turns": conversation(TURNS),
    "system and turns": conversation([SYSTEM] + TURNS),
    "no generation prompt": conversation([SYSTEM] + TURNS[:4], generate=False),
    "odd characters": conversation([{"role": "system", "content": ODD}, {"role": "user", "content": ODD}]),
    "odd answer": conversation([USER, {"role": "assistant", "content": ODD}, USER]),
    "empty texts": conversation([{"role": "system", "content": ""}, {"role": "user", "content": ""}]),
    "tools": conversation([USER], [WEATHER]),
    "tools and system": conversation([SYSTEM, USER], [WEATHER, SEARCH, CLOCK]),
    "tool call": conversation([USER, CALLS[1]], [WEATHER], generate=False),
    "tool result": conversation(CALLS, [WEATHER, SEARCH]),
    "tool result without tools": conversation(CALLS),
    "parallel calls": conversation(PARALLEL, [WEATHER, SEARCH, CLOCK]),
    "parallel calls, ended": conversation(PARALLEL[:7], [WEATHER, SEARCH, CLOCK], generate=False),
    "arguments as text": conversation(
        [
            USER,
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [call("get_weather", "{\"place\": \"Murano\"}", "call00001")],
            },
            CALLS[2],
        ],
        [WEATHER],
    ),
    "thoughts": conversation(THOUGHTS + [USER]),
    "thoughts, ended": conversation(THOUGHTS, generate=False),
    "thoughts and tools": conversation(
        [
            SYSTEM,
            USER,
            {**CALLS[1], "reasoning_content": "The weather matters."},
            CALLS[2],
            {"role": "assistant", "content": "Clear.", "reasoning_content": "Now I know."},
            {"role": "user", "content": "Thanks"},
        ],
        [WEATHER],
    ),
    "thoughts in the text": conversation(
        [USER, {"role": "assistant", "content": "<think>\nSand?\n</think>\n\nSand."}, {"role": "user", "content": "Yes?"}]
    ),
    "no thinking": conversation([SYSTEM, USER], enable_thinking=False, thinking=False),
    "thinking": conversation([USER], enable_thinking=True, thinking=True, reasoning_effort="high"),
    "parts": conversation(
        [
            {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
            {"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "text", "text": "glass?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Sand."}]},
            {"role": "user", "content": [{"type": "text", "text": "Hm"}]},
        ]
    ),
    "wrong order": conversation([{"role": "assistant", "content": "Hello"}, USER, USER]),
    "late system": conversation(TURNS[:2] + [SYSTEM, USER]),
    "developer": conversation([{"role": "developer", "content": "Use markdown."}, USER]),
    "unknown role": conversation([{"role": "critic", "content": "Hm."}]),
    "extras": conversation(
        [SYSTEM, USER],
        [WEATHER],
        documents=[{"title": "Sand", "text": "SiO2 & <more>"}, {"title": "Soda", "text": "Na2CO3"}],
        functions="[get_weather]",
        datetime="2026-07-04",
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
        tool_choice="auto",
        thinking_budget=512,
        add_thoughts=True,
        preserve_thinking=True,
        keep_reasoning=True,
        drop_thinking=False,
        enable_citations=True,
    ),
    "dated": conversation([SYSTEM, USER], date_string="1 Jan 1970", custom_tools=[WEATHER], tools_in_user_message=False),
}

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


class FrozenTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def with_content(message):
    """Gives a message with tool calls and no content the content "", as ChatTemplate does."""
    if message.get("tool_calls") and message.get("content") is None:
        return {**message, "content": ""}
    return message


def render(source, given):
    messages = chat_template_utils._normalize_chat_messages([with_content(message) for message in given["messages"]])
    try:
        prompts, _ = chat_template_utils.render_jinja_template(
            [messages],
            tools=given["tools"],
            chat_template=source,
            add_generation_prompt=given["add_generation_prompt"],
            **TOKENS,
            **given["variables"],
        )
        return {"prompt": prompts[0]}
    except Exception as error:  # Templates can fail in any way that Python can.
        return {"error": f"{type(error).__name__}: {error}"[:200]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("templates", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--snippets", type=pathlib.Path)
    arguments = parser.parse_args()
    chat_template_utils.datetime = FrozenTime

    templates = {path.name: path.read_text(encoding="utf-8") for path in sorted(arguments.templates.glob("*.jinja"))}
    renderings = [
        {"template": template, "conversation": name, **render(source, given)}
        for template, source in templates.items()
        for name, given in CONVERSATIONS.items()
    ]
    if arguments.snippets:
        for line in arguments.snippets.read_text(encoding="utf-8").split("\n"):
            if line and not line.startswith("##"):
                templates[line] = line
                rendering = render(line, CONVERSATIONS["nothing"])
                renderings.append({"template": line, "conversation": "nothing", **rendering})
    golden = {
        "now": NOW.isoformat(),
        **TOKENS,
        "conversations": CONVERSATIONS,
        "templates": templates,
        "renderings": renderings,
    }
    with open(arguments.out, "w", encoding="utf-8") as out:
        json.dump(golden, out, ensure_ascii=False, indent=1)
        out.write("\n")
    refused = sum("error" in rendering for rendering in renderings)
    print(f"{len(renderings)} renderings, {refused} of them refused")


if __name__ == "__main__":
    main()
