"""Extracts the cases of llama.cpp's tests of templates, grammars and model files, which Java tests run.

    python llama_cases.py LLAMA_CPP OUT

LLAMA_CPP is a directory of llama.cpp's sources. The cases are expressions of C++, so they are compiled
(with c++) against the small types below, in which a case prints itself. Nothing of llama.cpp is linked.
OUT receives jinja.json, grammars.json and the directory gguf; none of it is checked in.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

QUOTED = r"""
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>
static std::string quoted(const std::string &text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    char hex[8];
    std::snprintf(hex, sizeof hex, c < 32 || c == '"' || c == '\\' ? "\\u%04x" : "%c", c);
    out += hex;
  }
  return out + "\"";
}
static std::string quoted(const std::vector<std::string> &texts) {
  std::string out;
  for (auto &text : texts) out += (out.empty() ? "" : ",") + quoted(text);
  return "[" + out + "]";
}
"""

# A list of pairs that begin with strings is an object.
JINJA = r"""
struct json {
  std::string text;
  bool is_string = false;
  std::vector<json> elements;
  json(std::nullptr_t = nullptr) : text("null") {}
  json(bool value) : text(value ? "true" : "false") {}
  json(int value) : text(std::to_string(value)) {}
  json(double value) { char digits[32]; std::snprintf(digits, 32, "%.17g", value); text = digits; }
  json(const char *value) : text(quoted(value)), is_string(true) {}
  json(const std::string &value) : text(quoted(value)), is_string(true) {}
  json(std::initializer_list<json> list) : elements(list) {
    bool object = true;
    for (auto &e : list) object &= e.elements.size() == 2 && e.elements[0].is_string;
    write(list, object);
  }
  static json array(std::initializer_list<json> list = {}) { json j; j.elements = list; j.write(list, false); return j; }
  static json object(std::initializer_list<json> list = {}) { json j; j.write(list, true); return j; }
  void write(std::initializer_list<json> list, bool object) {
    std::string out;
    for (auto &e : list) {
      out += out.empty() ? "" : ",";
      out += object ? e.elements[0].text + ":" + e.elements[1].text : e.text;
    }
    text = object ? "{" + out + "}" : "[" + out + "]";
  }
};
struct testing {};
static void test_template(testing &, const std::string &name, const std::string &source, const json &variables,
                          const std::string &expected) {
  std::cout << "{\"name\":" << quoted(name) << ",\"template\":" << quoted(source)
            << ",\"variables\":" << variables.text << ",\"expected\":" << quoted(expected) << "}\n";
}
"""

GRAMMARS = r"""
static std::string token(int) { return "\xff"; }
static void print(const char *kind, const std::string &name, const std::string &source,
                  const std::vector<std::string> &valid, const std::vector<std::string> &invalid) {
  std::cout << "{\"kind\":\"" << kind << "\",\"name\":" << quoted(name) << ",\"source\":" << quoted(source)
            << ",\"valid\":" << quoted(valid) << ",\"invalid\":" << quoted(invalid) << "}\n";
}
static void test_grammar(const std::string &name, const std::string &source, const std::vector<std::string> &valid,
                         const std::vector<std::string> &invalid) {
  print("grammar", name, source, valid, invalid);
}
static void test_schema(const std::string &name, const std::string &source, const std::vector<std::string> &valid,
                        const std::vector<std::string> &invalid) {
  print("schema", name, source, valid, invalid);
}
static bool test_build_grammar_fails(const std::string &source) {
  print("bad grammar", "left recursion", source, {}, {});
  return true;
}
static void verify_failure(const char *source) { print("bad grammar", "parser", source, {}, {}); }
struct llama_grammar_element { int type; unsigned value; };
static void verify_parsing(const char *source, const std::vector<std::pair<std::string, uint32_t>>,
                           const std::vector<llama_grammar_element> &) {
  print("grammar", "parser", source, {}, {});
}
enum TestCaseStatus { SUCCESS, FAILURE };
struct TestCase { TestCaseStatus expected_status; std::string name, schema, expected_grammar; };
static void test(const TestCase &c) {
  print(c.expected_status == SUCCESS ? "schema" : "bad schema", c.name, c.schema, {}, {});
}
"""

GGUF = r"""
#define GGML_ASSERT(x) do { if (!(x)) std::abort(); } while (0)
#define GGML_ABORT(...) std::abort()
#undef GGML_PAD
#define GGML_PAD(x, n) (((x) + (n) - 1) / (n) * (n))
static std::map<int, std::pair<int, int>> SIZES{%s};
extern "C" size_t ggml_type_size(enum ggml_type type) { return SIZES[type].second; }
extern "C" int64_t ggml_blck_size(enum ggml_type type) { return SIZES.count(type) ? SIZES[type].first : 0; }
extern "C" size_t ggml_row_size(enum ggml_type type, int64_t ne) { return SIZES[type].second * ne / SIZES[type].first; }
static size_t gguf_type_size(enum gguf_type type) {
  static const size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return sizes[type];
}
"""
GGUF_MAIN = r"""
int main(int, char **args) {
  for (int hft = 0; hft < 4000; hft++) {
    auto kind = handcrafted_file_type(hft);
    std::string name;
    switch (kind) { %s default: continue; }
    for (unsigned seed = 1; seed <= 8; seed++) {
      FILE *from = get_handcrafted_file(seed, kind);
      auto bytes = read_file_to_buffer(from);
      std::string path = std::string(args[1]) + "/" + (expect_context_not_null(kind) ? "good-" : "bad-") + name + "-"
          + std::to_string(seed) + ".gguf";
      FILE *to = fopen(path.c_str(), "wb");
      fwrite(bytes.data(), 1, bytes.size(), to);
      fclose(to);
      fclose(from);
    }
  }
}
"""

# Elements and bytes of a block, by the number of the type.
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18), 42: (64, 18),
}


def between(source, begin, end):
    at = source.index(begin)
    return source[at : source.index(end, at)]


def run(program, *arguments, include=()):
    """Compiles a program and returns its output."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "cases.cpp")
        file.write_text(program)
        binary = file.with_suffix("")
        headers = [f"-I{path}" for path in include]
        subprocess.run(["c++", "-std=c++17", "-O0", "-w", *headers, "-o", binary, file], check=True)
        return subprocess.run([binary, *arguments], check=True, capture_output=True).stdout


def cases(output):
    """Returns the cases. A case with bytes that are no text, which stand for tokens, is left out."""
    texts = output.decode(errors="surrogateescape").splitlines()
    return [json.loads(text) for text in texts if not any("\udc80" <= c <= "\udcff" for c in text)]


def jinja(tests):
    source = (tests / "test-jinja.cpp").read_text()
    text = between(source, "static void test_whitespace_control(testing & t) {", "static void test_hasher(testing & t) {")
    names = [line.split("(")[0].split()[-1] for line in text.splitlines() if line.startswith("static void test_")]
    main = "int main() { testing t;" + "".join(f"{name}(t);" for name in names) + "}"
    return cases(run(QUOTED + JINJA + text + main))


def grammars(tests):
    source = (tests / "test-grammar-integration.cpp").read_text()
    text = between(source, "static void test_simple_grammar() {", "static void test_failure_missing_root() {")
    text += between(source, "static void test_failure_left_recursion() {", "static void test_failure_missing_root_symbol")
    text += between(source, "static void test_json_schema() {", "int main()")
    names = [line.split("(")[0].split()[-1] for line in text.splitlines() if line.startswith("static void test_")]
    for function, name in (("test_failure_missing_root()", "missing root"), ("test_failure_missing_reference()", "missing rule")):
        literal = between(between(source, f"static void {function} {{", "\n}\n"), 'R"""(', ')"""') + ')"""'
        text += f'static void {name.replace(" ", "_")}() {{ print("bad grammar", "{name}", {literal}, {{}}, {{}}); }}\n'
        names.append(name.replace(" ", "_"))
    parser = (tests / "test-grammar-parser.cpp").read_text()
    text += "enum " + between((tests / "../src/llama-grammar.h").read_text(), "llama_gretype {", "};") + "};\n"
    text += "static void parser() {\n" + between(parser, "    verify_failure(R", "    return 0;") + "}\n"
    schemas = (tests / "test-json-schema-to-grammar.cpp").read_text()
    text += "static void schemas() {\n" + between(schemas, "    test({\n", "\n}\n") + "}\n"
    main = "int main() {" + "".join(f"{name}();" for name in [*names, "parser", "schemas"]) + "}"
    return cases(run(QUOTED + GRAMMARS + text + main))


def gguf(tests, directory):
    source = (tests / "test-gguf.cpp").read_text()
    text = between(source, "constexpr int offset_has_kv", "static bool handcrafted_check_header(")
    names = between(source, "switch (hft) {", "    }\n    GGML_ABORT").replace("return", "name =")
    names = names.replace("switch (hft) {", "").replace('";', '"; break;')
    sizes = ",".join(f"{{{kind},{{{block},{size}}}}}" for kind, (block, size) in BLOCKS.items())
    headers = '#include "ggml.h"\n#include "gguf.h"\n'
    directory.mkdir(parents=True, exist_ok=True)
    program = QUOTED + headers + GGUF % sizes + text.replace("gguf_type_size(", "::gguf_type_size(") + GGUF_MAIN % names
    run(program, directory, include=[tests.parent / "ggml" / "include"])
    return sorted(directory.iterdir())


def write(sources, out):
    tests = sources / "tests"
    out.mkdir(parents=True, exist_ok=True)
    for name, found in (("jinja", jinja(tests)), ("grammars", grammars(tests))):
        (out / f"{name}.json").write_text(json.dumps(found, ensure_ascii=False, indent=1))
        print(f"{len(found)} cases in {name}.json")
    print(f"{len(gguf(tests, out / 'gguf'))} model files")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
