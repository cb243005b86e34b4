package dev.vidrio.grammar.schema;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.grammar.RandomWalk;
import dev.vidrio.grammar.TokenConstraint;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SchemaReaderTest {

  static List<SchemaCase> structures() {
    return List.of(
        SchemaCase.of(
            "{'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'string'}},"
                + "'required':['a'],'additionalProperties':false}",
            List.of(
                "{'a':1}",
                "{'b':'x','a':1}",
                "{ 'a': -20, 'b': 'x'}",
                "{\n  'a': 0,\n  'b': ''\n}"),
            List.of(
                "{}",
                "{'b':'x'}",
                "{'a':1,}",
                "{'a':1.5}",
                "{'a':01}",
                "{'a':1,'c':2}",
                "{'a' :1}",
                "{'a':  1}",
                " {'a':1}",
                "{'a':1} ",
                "{\n\n'a':1}")),
        SchemaCase.of(
            "{'properties':{'a':true,'b':{'const':1},'c':{'type':'null'}}}",
            List.of(
                "{}",
                "{'a':{}}",
                "{'b':1}",
                "{'c':null}",
                "{'a':[1],'c':null}",
                "{'c':null,'a':0}",
                "{'a':0,'b':1,'c':null}",
                "{'b':1,'c':null,'a':0}"),
            List.of(
                "{'b':2}", "{'a':0,'a':0}", "{'c':null,'a':0,'c':null}", "{'a':0 ,'b':1}", "[]")),
        // Required properties come in the schema's order, optional ones anywhere.
        SchemaCase.of(
            "{'properties':{'a':{'const':1},'x':{'const':2},'b':{'const':3},'y':{'const':4}},"
                + "'required':['b','a'],'additionalProperties':{'type':'null'},'maxProperties':3}",
            List.of(
                "{'a':1,'b':3}",
                "{'x':2,'a':1,'b':3}",
                "{'a':1,'y':4,'b':3}",
                "{'a':1,'b':3,'x':2}",
                "{'a':1,'b':3,'z':null}"),
            List.of(
                "{'b':3,'a':1}",
                "{'x':2,'y':4,'a':1,'b':3}",
                "{'a':1,'y':4,'b':3,'z':null}",
                "{'a':1,'z':null,'b':3}",
                "{'x':2,'a':1}")),
        SchemaCase.of(
            "{'properties':{'a':{'const':1},'b':{'const':2},'c':{'const':3}},'minProperties':2}",
            List.of("{'a':1,'b':2}", "{'c':3,'a':1}", "{'c':3,'b':2,'a':1}"),
            List.of("{}", "{'a':1}", "{'a':1,'a':1}")),
        SchemaCase.of(
            "{'type':'object','properties':{'ab':{'type':'null'}},'required':['ab'],"
                + "'additionalProperties':{'type':'boolean'}}",
            List.of(
                "{'ab':null}",
                "{'ab':null,'abc':true,'':false}",
                "{'ab':null,'a':true}",
                "{'ab':null,'\\né':true}"),
            List.of(
                "{'ab':true}", "{'ab':null,'ab':true}", "{'abc':true}", "{'ab':null,'c':null}")),
        SchemaCase.of(
            "{'type':'object','additionalProperties':{'type':'integer'}}",
            List.of("{}", "{'x':1}", "{'x':1, 'y':2}"),
            List.of("{'x':'1'}", "{'x'}")),
        SchemaCase.of(
            "{'type':'object','additionalProperties':false}", List.of("{}"), List.of("{'a':1}")),
        SchemaCase.of("{'required':['a']}", List.of("{'a':[]}"), List.of("{}")),
        SchemaCase.of(
            "{'type':'array','items':{'type':'boolean'},'minItems':1,'maxItems':3}",
            List.of("[true]", "[true, false,true]", "[\n true\n]"),
            List.of("[]", "[true,]", "[1]", "[true,true,true,true]", "[true true]")),
        SchemaCase.of("{'type':'array','maxItems':0}", List.of("[]", "[ ]"), List.of("[1]")),
        SchemaCase.of("{'type':'array','items':false}", List.of("[]"), List.of("[1]")),
        SchemaCase.of("{'type':'array'}", List.of("[]", "[1,'a',[null]]"), List.of("{}", "[")),
        SchemaCase.of(
            "{'prefixItems':[{'type':'integer'},{'type':'string'}],'items':false}",
            List.of("[]", "[1]", "[1,'a']"),
            List.of("['a']", "[1,'a',2]")),
        SchemaCase.of(
            "{'prefixItems':[{'type':'integer'},{'type':'string'}],'items':{'type':'null'},"
                + "'minItems':3,'maxItems':4}",
            List.of("[1,'a',null]", "[1,'a',null,null]"),
            List.of("[1,'a']", "[1,'a',1]", "[1,'a',null,null,null]")),
        SchemaCase.of(
            "{'prefixItems':[{'type':'integer'},{'type':'string'}],'minItems':1,'maxItems':1}",
            List.of("[1]"),
            List.of("[]", "[1,'a']")),
        SchemaCase.of(
            "{'$ref':'#/$defs/tree','$defs':{'tree':{'type':'object','properties':{"
                + "'value':{'type':'integer'},'children':{'type':'array','items':"
                + "{'$ref':'#/$defs/tree'}}},'required':['value'],'additionalProperties':false}}}",
            List.of("{'value':1}", "{'value':1,'children':[{'value':2,'children':[]}]}"),
            List.of(
                "{'children':[]}", "{'value':1,'children':[{}]}", "{'value':1,'children':[1]}")),
        SchemaCase.of(
            "{'properties':{'a/b':{'type':'null'},'c':{'$ref':'#/properties/a~1b'}}}",
            List.of("{'a/b':null,'c':null}"),
            List.of("{'c':1}")));
  }

  static List<SchemaCase> combinations() {
    return List.of(
        SchemaCase.of(
            "{'enum':['a',1,null,true,{'x':[1,'é']},1.50]}",
            List.of("'a'", "1", "null", "true", "{'x':[1,'é']}", "{ 'x': [1, 'é']}", "1.50"),
            List.of("'b'", "2", "{'x':[1]}", "''", "1.5")),
        SchemaCase.of("{'type':'string','enum':['a',1]}", List.of("'a'"), List.of("1")),
        SchemaCase.of(
            "{'const':'a\\\\'\\n'}".replace("\\\\'", "\\\""),
            List.of("'a\\\"\\n'"),
            List.of("'a'")),
        SchemaCase.of("{'const':{}}", List.of("{}"), List.of("{'a':1}")),
        SchemaCase.of("{'type':['string','null']}", List.of("'x'", "null"), List.of("1", "true")),
        SchemaCase.of("{'type':'boolean'}", List.of("true", "false"), List.of("null", "True")),
        SchemaCase.of("true", List.of("1", "{'a':[]}", "'x'"), List.of("", "tru")),
        SchemaCase.of("{}", List.of("1", "[{}]"), List.of("")),
        SchemaCase.of("{'description':'anything','default':1}", List.of("1", "null"), List.of("x")),
        SchemaCase.of(
            "{'anyOf':[{'type':'integer'},{'type':'array','items':{'$ref':'#'}}]}",
            List.of("1", "[1,[2,[]]]"),
            List.of("'a'", "[null]")),
        SchemaCase.of(
            "{'oneOf':[{'const':1},{'type':'string','maxLength':1}]}",
            List.of("1", "'a'", "''"),
            List.of("2", "'ab'")),
        SchemaCase.of(
            "{'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'integer'}},"
                + "'anyOf':[{'required':['a']},{'required':['b']}]}",
            List.of("{'a':1}", "{'b':1}", "{'a':1,'b':2}"),
            List.of("{}", "{'a':'x'}")),
        SchemaCase.of(
            "{'allOf':[{'$ref':'#/$defs/a'},{'properties':{'b':{'type':'null'}},"
                + "'required':['b']}],'$defs':{'a':{'properties':{'a':{'type':'null'}},"
                + "'required':['a']}}}",
            List.of("{'a':null,'b':null}"),
            List.of("{'a':null}", "{'b':null}")),
        SchemaCase.of(
            "{'allOf':[{'type':'number','minimum':2},{'type':'integer','maximum':9,'minimum':1}]}",
            List.of("2", "9"),
            List.of("1", "10", "2.5")),
        SchemaCase.of(
            "{'$ref':'#/$defs/a','maximum':3,'$defs':{'a':{'type':'integer','minimum':1}}}",
            List.of("1", "3"),
            List.of("0", "4")),
        SchemaCase.of(
            "{'properties':{'next':{'title':'Next','allOf':[{'$ref':'#'}]}}}",
            List.of("{}", "{'next':{'next':{}}}"),
            List.of("{'next':1}")));
  }

  static List<SchemaCase> scalars() {
    return List.of(
        SchemaCase.of(
            "{'type':'string'}",
            List.of("''", "'é😀'", "'\\n\\\\ \\/ \\u00e9 \\ud83d\\ude00'"),
            List.of("'", "'\n'", "'\\x'", "'\\ud83d'", "'\\ude00'", "'\\ud83dx'", "'\\u12'")),
        SchemaCase.of(
            "{'type':'string','minLength':2,'maxLength':3}",
            List.of("'ab'", "'😀é'", "'\\u00e9\\n\\ud83d\\ude00'"),
            List.of("''", "'a'", "'abcd'", "'\\u00e9'")),
        SchemaCase.of("{'type':'string','minLength':1}", List.of("'a'", "'abcdef'"), List.of("''")),
        SchemaCase.of(
            "{'type':'string','pattern':'^[a-c]+$'}", List.of("'abc'"), List.of("''", "'abd'")),
        SchemaCase.of(
            "{'type':'string','pattern':'b'}", List.of("'b'", "'abc'", "'\\nb'"), List.of("'ac'")),
        SchemaCase.of(
            "{'type':'string','pattern':'^.\\\\s$'}".replace("\\\\", "\\\\"),
            List.of("'a '", "'\\\"\\n'", "'\\\\\\t'", "'é '"),
            List.of("'\\n '", "'aa'", "'a\n'")),
        SchemaCase.of(
            "{'type':'string','format':'date'}",
            List.of("'2024-02-29'", "'2023-02-28'", "'2000-02-29'", "'1999-12-31'"),
            List.of("'2023-02-29'", "'1900-02-29'", "'2023-04-31'", "'2023-13-01'", "'23-01-01'")),
        SchemaCase.of(
            "{'format':'date-time'}",
            List.of("'2024-02-29T23:59:59Z'", "'2024-02-29T00:00:00.123+02:00'"),
            List.of("'2024-02-29 23:59:59Z'", "'2024-02-29T24:00:00Z'", "'2024-02-29T23:59:59'")),
        SchemaCase.of(
            "{'format':'uuid'}",
            List.of("'123e4567-e89b-12d3-a456-426614174000'"),
            List.of("'123e4567e89b12d3a456426614174000'")),
        SchemaCase.of(
            "{'format':'ipv4'}", List.of("'255.0.10.199'"), List.of("'256.0.0.1'", "'01.1.1.1'")),
        SchemaCase.of(
            "{'format':'email'}", List.of("'a.b+c@example.org'"), List.of("'a@b'", "'a b@c.de'")),
        SchemaCase.of(
            "{'format':'duration'}",
            List.of("'P1Y2M3DT4H5M6S'", "'PT5M'", "'P3W'"),
            List.of("'P'", "'PT'", "'P1H'", "'1D'")),
        SchemaCase.of(
            "{'type':'integer'}",
            List.of("0", "-1", "1234567890123456"),
            List.of("01", "1.0", "1e3", "+1", "-", "12345678901234567")),
        SchemaCase.of(
            "{'type':'number'}",
            List.of("0", "-1.5", "2e10", "0.25E-3"),
            List.of(".5", "1.", "1e", "NaN", "00")),
        SchemaCase.of(
            "{'type':'integer','exclusiveMinimum':-5,'exclusiveMaximum':7}",
            List.of("-4", "0", "6"),
            List.of("-5", "7", "-0", "07")),
        SchemaCase.of(
            "{'type':'number','minimum':0}",
            List.of("0", "0.0", "3.25", "100"),
            List.of("-1", "-0.5", "-0", "1e3")),
        SchemaCase.of(
            "{'type':'number','exclusiveMinimum':0,'maximum':1}",
            List.of("0.001", "1", "1.0", "1.000"),
            List.of("0", "0.0", "1.001", "1.1", "2")),
        SchemaCase.of(
            "{'type':'number','minimum':-1.25,'maximum':2.5}",
            List.of("-1.25", "-1.2", "-1.250", "2.5", "2.50", "0.3"),
            List.of("-1.26", "-1.3", "2.51", "2.500001", "3")),
        SchemaCase.of(
            "{'anyOf':[{'type':'integer','minimum':1e400},{'type':'integer','maximum':-1e400},"
                + "{'const':'a'}]}",
            List.of("'a'"),
            List.of("1", "-1" + "0".repeat(30), "1" + "0".repeat(30))));
  }

  static List<SchemaCase> cases() {
    return Stream.of(structures(), combinations(), scalars()).flatMap(List::stream).toList();
  }

  /**
   * Returns all cases except those for which the validator is stricter, such as top-level domains.
   */
  static List<SchemaCase> generated() {
    return cases().stream().filter(each -> !each.schema().contains("email")).toList();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void acceptsValidInstances(SchemaCase each) {
    each.checkTexts();
  }

  /** Every generated text is valid according to the independent validator. */
  @ParameterizedTest
  @MethodSource("generated")
  void generatesValidInstances(SchemaCase each) {
    each.checkGenerated();
  }

  @Test
  void generatesValidInstancesFromRealVocabulary() {
    Tokenizer tokenizer;
    try (Arena arena = Arena.ofConfined()) {
      tokenizer = Tokenizers.fromGguf(Gguf.open(BardFiles.q8(), arena).metadata());
    }
    RandomWalk walk = new RandomWalk(tokenizer);
    SplittableRandom random = new SplittableRandom(12);
    for (SchemaCase each : generated()) {
      TokenConstraint constraint = TokenConstraint.of(Grammar.jsonSchema(each.schema()), tokenizer);
      for (int i = 0; i < 5; i++) {
        walk.text(constraint, 30, random)
            .ifPresent(
                text ->
                    assertEquals(
                        List.of(), SchemaCase.errors(each.schema(), new String(text, UTF_8))));
      }
    }
  }

  /** Every integer within and around the bounds. */
  @Test
  void matchesIntegerRangesExactly() {
    SplittableRandom random = new SplittableRandom(13);
    for (int i = 0; i < 60; i++) {
      int a = random.nextInt(-1200, 1200);
      int b = random.nextInt(-1200, 1200);
      int low = Math.min(a, b);
      int high = Math.max(a, b);
      Grammar grammar =
          Grammar.jsonSchema(
              "{\"type\":\"integer\",\"minimum\":" + low + ",\"maximum\":" + high + "}");
      for (int n = -1300; n <= 1300; n += 1 + random.nextInt(3)) {
        assertEquals(n >= low && n <= high, grammar.matches(Integer.toString(n)), low + " " + n);
      }
    }
  }

  /** Hundredths within and around bounds of hundredths, also with more decimals. */
  @Test
  void matchesNumberRangesExactly() {
    SplittableRandom random = new SplittableRandom(14);
    for (int i = 0; i < 60; i++) {
      int a = random.nextInt(-1200, 1200);
      int b = random.nextInt(-1200, 1200);
      int low = Math.min(a, b);
      int high = Math.max(a, b);
      Grammar grammar =
          Grammar.jsonSchema(
              Map.of("type", "number", "minimum", low / 100.0, "exclusiveMaximum", high / 100.0));
      for (int n = -1300; n <= 1300; n += 1 + random.nextInt(5)) {
        String text = (n < 0 ? "-" : "") + Math.abs(n) / 100 + "." + Math.abs(n) / 10 % 10;
        boolean in = n >= low && n < high;
        assertEquals(in, grammar.matches(text + Math.abs(n) % 10), low + " " + high + " " + n);
        assertEquals(in, grammar.matches(text + Math.abs(n) % 10 + "000"));
        if (n % 10 == 0) {
          assertEquals(in, grammar.matches(text));
        }
        if (n % 100 == 0 && n != 0) {
          assertEquals(in, grammar.matches(Integer.toString(n / 100)));
        }
      }
    }
  }

  @Test
  void readsMapsLikeJson() {
    Map<String, Object> properties = new LinkedHashMap<>();
    properties.put("b", Map.of("type", "null"));
    properties.put("a", Map.of("type", "null"));
    Grammar grammar = Grammar.jsonSchema(Map.of("properties", properties));
    assertTrue(grammar.matches("{\"b\":null,\"a\":null}"));
    assertTrue(grammar.matches("{\"a\":null,\"b\":null}"));
    Grammar required =
        Grammar.jsonSchema(Map.of("properties", properties, "required", List.of("a", "b")));
    assertTrue(required.matches("{\"b\":null,\"a\":null}"));
    assertFalse(required.matches("{\"a\":null,\"b\":null}"));
    assertEquals(Grammar.jsonSchema("{\"type\":\"object\"}"), Grammar.json());
    assertTrue(Grammar.json().matches("{\"a\":[1,{\"b\":null}]}"));
    assertFalse(Grammar.json().matches("[]"));
  }

  private static String object(int optional) {
    return IntStream.range(0, optional)
        .mapToObj(i -> "\"p%d\":{\"type\":\"null\"}".formatted(i))
        .collect(Collectors.joining(",", "{\"properties\":{", "}}"));
  }

  /** Six properties have 64 subsets, seven have 128; 33 objects would need 2112 of 2048. */
  @Test
  void usesSchemaOrderForManyProperties() {
    String text = "{\"p5\":null,\"p0\":null}";
    assertTrue(Grammar.jsonSchema(object(6)).matches(text));
    assertFalse(Grammar.jsonSchema(object(7)).matches(text));
    assertTrue(Grammar.jsonSchema(object(7)).matches("{\"p0\":null,\"p5\":null}"));
    assertTrue(Grammar.jsonSchema(objects(32)).matches(array(text, 32)));
    assertFalse(Grammar.jsonSchema(objects(33)).matches(array(text, 33)));
  }

  private static String objects(int count) {
    return "{\"prefixItems\":" + array(object(6), count) + "}";
  }

  private static String array(String item, int count) {
    return Stream.generate(() -> item).limit(count).collect(Collectors.joining(",", "[", "]"));
  }

  @Test
  void boundsWhiteSpace() {
    Grammar grammar = Grammar.jsonSchema("{\"type\":\"array\",\"items\":{\"type\":\"null\"}}");
    assertTrue(grammar.matches("[\n" + " ".repeat(32) + "null]"));
    assertFalse(grammar.matches("[\n" + " ".repeat(33) + "null]"));
    assertFalse(grammar.matches("[  null]"));
    assertFalse(grammar.matches("[\n\nnull]"));
  }
}
