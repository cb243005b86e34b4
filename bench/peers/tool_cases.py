"""Extracts the tool-call cases of llama.cpp's test-chat.cpp, to be run by ToolCasesTest.

    python tool_cases.py LLAMA_CPP OUT.json

LLAMA_CPP is a directory of llama.cpp's sources. The test's cases are expressions of C++, so they are
compiled (with c++) against the small types below, in which a case prints its input and its expected
message. Nothing of llama.cpp is linked. OUT.json is a list of cases; it is not checked in:

    mvn test -pl java/model -Dtest=ToolCasesTest -Dvidrio.tool.cases=OUT.json \\
        -Dvidrio.template.directory=LLAMA_CPP/models/templates

Written with the sources of llama_cpp_python 0.3.36.
"""

import argparse
import json
import pathlib
import re
import subprocess
import tempfile

TYPES = r"""
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>
#define LOG_DBG(...)
#define LOG_INF(...)
#define LOG_ERR(...)
struct common_chat_tool { std::string name, description, parameters; };
struct common_chat_tool_call { std::string name, arguments, id; };
struct common_chat_msg_content_part { std::string type, text; };
struct common_chat_msg {
  std::string role, content;
  std::vector<common_chat_msg_content_part> content_parts;
  std::vector<common_chat_tool_call> tool_calls;
  std::string reasoning_content, tool_name, tool_call_id;
};
enum common_chat_continuation { COMMON_CHAT_CONTINUATION_NONE, COMMON_CHAT_CONTINUATION_AUTO,
  COMMON_CHAT_CONTINUATION_CONTENT, COMMON_CHAT_CONTINUATION_REASONING };
enum common_chat_tool_choice { COMMON_CHAT_TOOL_CHOICE_AUTO, COMMON_CHAT_TOOL_CHOICE_REQUIRED,
  COMMON_CHAT_TOOL_CHOICE_NONE };
enum common_reasoning_format { COMMON_REASONING_FORMAT_NONE, COMMON_REASONING_FORMAT_AUTO,
  COMMON_REASONING_FORMAT_DEEPSEEK_LEGACY, COMMON_REASONING_FORMAT_DEEPSEEK };
struct common_chat_templates_inputs {
  std::vector<common_chat_msg> messages;
  std::string grammar, json_schema;
  bool add_generation_prompt = true;
  common_chat_continuation continue_final_message = COMMON_CHAT_CONTINUATION_NONE;
  std::vector<common_chat_tool> tools;
  common_chat_tool_choice tool_choice = COMMON_CHAT_TOOL_CHOICE_AUTO;
  bool parallel_tool_calls = false;
  common_reasoning_format reasoning_format = COMMON_REASONING_FORMAT_NONE;
  bool enable_thinking = true;
  std::map<std::string, std::string> chat_template_kwargs;
};
static std::string quoted(const std::string &text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    char hex[8];
    std::snprintf(hex, sizeof hex, c < 32 || c == '"' || c == '\\' ? "\\u%04x" : "%c", c);
    out += hex;
  }
  return out + "\"";
}
template <class T>
static std::string list(const std::vector<T> &all, std::string (*json)(const T &)) {
  std::string out;
  for (auto &each : all) out += (out.empty() ? "" : ",") + json(each);
  return "[" + out + "]";
}
static std::string tool_json(const common_chat_tool &t) {
  return "{\"name\":" + quoted(t.name) + ",\"description\":" + quoted(t.description) +
         ",\"parameters\":" + quoted(t.parameters) + "}";
}
static std::string call_json(const common_chat_tool_call &c) {
  return "{\"name\":" + quoted(c.name) + ",\"arguments\":" + quoted(c.arguments) +
         ",\"id\":" + quoted(c.id) + "}";
}
static std::string message_json(const common_chat_msg &m) {
  return "{\"role\":" + quoted(m.role) + ",\"content\":" + quoted(m.content) +
         ",\"reasoning\":" + quoted(m.reasoning_content) + ",\"id\":" + quoted(m.tool_call_id) +
         ",\"calls\":" + list(m.tool_calls, call_json) + "}";
}
using common_chat_templates_ptr = int;
static int read_templates(const std::string &) { return 0; }
"""

RUN = r"""
  void run() {
    auto &p = tc_.params;
    std::cout << "{\"template\":" << quoted(tester_.template_path())
              << ",\"input\":" << quoted(tc_.input) << ",\"tools\":" << list(p.tools, tool_json)
              << ",\"messages\":" << list(p.messages, message_json)
              << ",\"choice\":" << p.tool_choice << ",\"parallel\":" << p.parallel_tool_calls
              << ",\"reasoning\":" << p.reasoning_format << ",\"thinking\":" << p.enable_thinking
              << ",\"prompt\":" << p.add_generation_prompt
              << ",\"continue\":" << p.continue_final_message
              << ",\"schema\":" << quoted(p.json_schema) << ",\"partial\":" << tc_.is_partial
              << ",\"expect\":" << message_json(tc_.expect) << "}\n";
  }
};
"""


def between(source: str, begin: str, end: str) -> str:
    at = source.index(begin)
    return source[at : source.index(end, at)]


def program(source: str) -> str:
    """Returns the program that prints the cases of the test's source."""
    data = between(source, "static common_chat_tool special_function_tool{", "struct make_peg_parser {")
    builder = between(source, "class peg_test_builder;\n\nclass peg_tester", "    // Execute the test")
    build = between(source, "peg_test_builder peg_tester::test(", "static void test_msgs_oaicompat_json")
    tests = between(source, "static void test_lfm2_parser(", "static void test_template_generation_prompt(")
    # Blocks that apply a template check llama.cpp's own prompts and errors.
    for indent in ("        ", "    "):
        blocks = re.compile(rf"^{indent}{{\n(?:(?!{indent}}}$).*\n)*{indent}}}$", re.MULTILINE)
        tests = blocks.sub(lambda block: block[0] if ".test(" in block[0] else "", tests)
    main = "int main() { test_template_output_peg_parsers(false); }\n"
    return TYPES + data + builder + RUN + build + tests + main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    source = (args.sources / "tests" / "test-chat.cpp").read_text()
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "cases.cpp")
        file.write_text(program(source))
        binary = file.with_suffix("")
        subprocess.run(["c++", "-std=c++17", "-O0", "-w", "-o", binary, file], check=True)
        lines = subprocess.run([binary], check=True, capture_output=True, text=True).stdout.splitlines()
    cases = [json.loads(re.sub(r"^models/templates/", "", line)) for line in lines]
    for case in cases:
        case["template"] = pathlib.PurePosixPath(case["template"]).name
    args.out.write_text(json.dumps(cases, indent=1, ensure_ascii=False))
    print(f"{len(cases)} cases, {len({case['template'] for case in cases})} templates")


if __name__ == "__main__":
    main()
