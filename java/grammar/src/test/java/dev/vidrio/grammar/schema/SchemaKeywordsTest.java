package dev.vidrio.grammar.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.grammar.Grammar;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Combined keywords, and those that require automata, negation or counting. */
class SchemaKeywordsTest {

  static List<SchemaCase> scalars() {
    return List.of(
        SchemaCase.of(
            "{'type':'string','pattern':'^[a-c]+$','minLength':2,'maxLength':4}",
            List.of("'ab'", "'abca'"),
            List.of("'a'", "'abcab'", "'ad'")),
        SchemaCase.of(
            "{'allOf':[{'pattern':'a'},{'pattern':'^[abc]{0,6}$'}],'not':{'pattern':'ab'}}",
            List.of("'ba'", "'cbcac'"),
            List.of("'b'", "'ab'", "'bab'")),
        SchemaCase.of(
            "{'format':'date','pattern':'^2024'}",
            List.of("'2024-02-29'"),
            List.of("'2023-02-28'", "'2024-02-30'")),
        SchemaCase.of(
            "{'format':'uri','maxLength':20}",
            List.of("'https://a.org/b'"),
            List.of("'a'", "'https://aaaa.org/bbbbb'")),
        SchemaCase.of(
            "{'type':'string','not':{'enum':['a','']}}",
            List.of("'b'", "'aa'"),
            List.of("'a'", "''")),
        SchemaCase.of(
            "{'enum':['a','bc','d',7],'minLength':2}", List.of("'bc'", "7"), List.of("'a'")),
        SchemaCase.of(
            "{'enum':[1,2,3.5,4],'multipleOf':2}", List.of("2", "4"), List.of("1", "3.5")),
        SchemaCase.of(
            "{'type':'integer','multipleOf':7,'minimum':-20,'maximum':99}",
            List.of("-14", "0", "7", "98"),
            List.of("-21", "6", "105", "07", "7.0")),
        SchemaCase.of(
            "{'type':'number','multipleOf':0.25,'minimum':0}",
            List.of("0.5", "1.75", "3", "12.50"),
            List.of("0.3", "-0.5", "1.7", "1e2")),
        SchemaCase.of(
            "{'type':'number','not':{'type':'integer'}}",
            List.of("1.5", "-0.1"),
            List.of("1", "2.0")),
        SchemaCase.of(
            "{'type':'integer','not':{'multipleOf':2}}", List.of("1", "-13"), List.of("0", "24")),
        SchemaCase.of(
            "{'type':'integer','minimum':0,'not':{'enum':[0,12]}}",
            List.of("1", "120"),
            List.of("0", "12")),
        SchemaCase.of(
            "{'type':'string','format':'regex'}",
            List.of("'^[a-zA-Z0-9_]{3,16}$'", "'(ab|c+)?x'", "'[^ /]*\\\\d{2,}'", "'a|b'"),
            List.of("'('", "'a{5,2}'", "'*a'", "'[z-a]'", "'[]'")),
        SchemaCase.of(
            "{'type':'integer','format':'int8'}", List.of("-128", "127"), List.of("128", "-129")),
        SchemaCase.of(
            "{'not':{'type':['string','object']}}", List.of("1", "[]"), List.of("'a'", "{}")),
        SchemaCase.of(
            "{'type':'string','minimum':3,'x-order':1,'example':'a'}",
            List.of("'a'"),
            List.of("1")));
  }

  static List<SchemaCase> objects() {
    return List.of(
        SchemaCase.of(
            "{'patternProperties':{'^a':{'type':'integer'},'b$':{'minimum':5}},"
                + "'additionalProperties':{'type':'null'}}",
            List.of("{}", "{'a':1,'ab':7,'c':null}", "{'xb':5}"),
            List.of("{'a':'x'}", "{'ab':1}", "{'xb':1}", "{'c':1}")),
        SchemaCase.of(
            "{'properties':{'ab':{'minimum':3}},'patternProperties':{'^a':{'type':'integer'}},"
                + "'additionalProperties':false}",
            List.of("{'ab':3,'ac':1}"),
            List.of("{'ab':1}", "{'ab':3.5}", "{'b':1}")),
        SchemaCase.of(
            "{'type':'object','propertyNames':{'pattern':'^[a-z]{2}$'},"
                + "'additionalProperties':{'type':'boolean'}}",
            List.of("{}", "{'de':true,'fr':false}"), List.of("{'d':true}", "{'DE':true}")),
        SchemaCase.of(
            "{'properties':{'a':{'type':'null'},'b':{'type':'null'},'c':{'type':'null'}},"
                + "'minProperties':1,'maxProperties':2}",
            List.of("{'a':null}", "{'a':null,'c':null}"),
            List.of("{}", "{'a':null,'b':null,'c':null}")),
        SchemaCase.of(
            "{'type':'object','additionalProperties':{'type':'null'},'minProperties':1,"
                + "'maxProperties':2}",
            List.of("{'x':null}", "{'x':null,'y':null}"),
            List.of("{}", "{'x':null,'y':null,'z':null}")),
        SchemaCase.of(
            "{'properties':{'a':{'type':'null'},'b':{'type':'null'}},'dependentRequired':"
                + "{'a':['b']}}",
            List.of("{}", "{'b':null}", "{'a':null,'b':null}"),
            List.of("{'a':null}")),
        SchemaCase.of(
            "{'properties':{'a':{'type':'null'}},'dependentSchemas':{'a':{'properties':"
                + "{'b':{'const':1}},'required':['b']}}}",
            List.of("{}", "{'a':null,'b':1}"),
            List.of("{'a':null}", "{'a':null,'b':2}")),
        SchemaCase.of(
            "{'$ref':'#/$defs/a','properties':{'b':{'type':'null'}},'unevaluatedProperties':false,"
                + "'$defs':{'a':{'properties':{'a':{'type':'null'}}}}}",
            List.of("{'b':null,'a':null}", "{}"),
            List.of("{'c':null}")),
        SchemaCase.of(
            "{'allOf':[{'properties':{'a':{'type':'null'}},'unevaluatedProperties':{'type':"
                + "'null'}},{'properties':{'b':true}}]}",
            List.of("{'a':null,'b':null}", "{}"),
            List.of("{'b':1}", "{'a':1}")),
        SchemaCase.of(
            "{'additionalProperties':{'type':'null'},'unevaluatedProperties':false}",
            List.of("{}", "{'a':null}"),
            List.of("{'a':1}")),
        SchemaCase.of(
            "{'$dynamicAnchor':'node','properties':{'a':{'$dynamicRef':'#node'},'b':{'type':"
                + "'null'}}}",
            List.of("{}", "{'a':{'a':{'b':null}}}"),
            List.of("{'a':1}", "{'a':{'b':1}}")),
        SchemaCase.of(
            "{'$recursiveAnchor':true,'properties':{'a':{'$recursiveRef':'#'},'b':{'type':"
                + "'null'}}}",
            List.of("{}", "{'a':{'a':{'b':null}}}"),
            List.of("{'a':1}", "{'a':{'b':1}}")),
        SchemaCase.of(
            "{'allOf':[{'properties':{'a':{'type':'null'}},'additionalProperties':"
                + "{'type':'integer'}},{'properties':{'b':{'maximum':5}}}]}",
            List.of("{'a':null,'b':3,'c':9}"),
            List.of("{'b':6}", "{'b':2.5}", "{'c':null}")));
  }

  static List<SchemaCase> arrays() {
    return List.of(
        SchemaCase.of(
            "{'type':'array','items':{'enum':['a','b','c']},'uniqueItems':true,'minItems':1}",
            List.of("['a']", "['c','a']", "['b','c','a']"),
            List.of("[]", "['a','a']", "['a','b','a']")),
        SchemaCase.of(
            "{'items':{'enum':[1,2,3,4,5,6,7,8]},'uniqueItems':true,'minItems':2,'maxItems':3}",
            List.of("[1,2]", "[2,5,8]"),
            List.of("[1]", "[1,1]", "[5,2]", "[1,2,3,4]")),
        SchemaCase.of(
            "{'items':{'type':'boolean'},'uniqueItems':true}",
            List.of("[]", "[true]", "[false,true]"),
            List.of("[true,true]", "[true,false,true]")),
        SchemaCase.of(
            "{'items':{'const':'a'},'uniqueItems':true}",
            List.of("[]", "['a']"),
            List.of("['a','a']")),
        SchemaCase.of(
            "{'items':{'type':['null','boolean']},'uniqueItems':true,'minItems':2}",
            List.of("[null,true]", "[false,true,null]"),
            List.of("[null]", "[null,null]", "[true,null,true]")),
        SchemaCase.of(
            "{'items':{'type':'integer','minimum':1,'exclusiveMaximum':5,'not':{'const':3}},"
                + "'uniqueItems':true}",
            List.of("[]", "[4,1,2]", "[2]"),
            List.of("[3]", "[5]", "[0]", "[1,1]", "[2,4,2]")),
        SchemaCase.of(
            "{'prefixItems':[{'type':'integer'}],'unevaluatedItems':{'type':'null'},'minItems':1}",
            List.of("[1]", "[1,null,null]"),
            List.of("[]", "[null]", "[1,2]")),
        SchemaCase.of(
            "{'items':{'type':'null'},'unevaluatedItems':false}",
            List.of("[]", "[null,null]"),
            List.of("[1]")),
        SchemaCase.of(
            "{'type':'array','uniqueItems':true,'maxItems':1}",
            List.of("[]", "[1]"),
            List.of("[1,1]")),
        SchemaCase.of(
            "{'items':{'type':'integer'},'contains':{'minimum':5}}",
            List.of("[5]", "[1,7,2]"),
            List.of("[]", "[1,2]", "[6,'a']")),
        SchemaCase.of(
            "{'items':{'enum':['a','b']},'contains':{'const':'a'},'minContains':1,'maxContains':2,"
                + "'minItems':2,'maxItems':4}",
            List.of("['a','b']", "['b','a','a','b']"),
            List.of("['a']", "['b','b']", "['a','a','a']", "['a','b','b','b','b']")),
        SchemaCase.of(
            "{'allOf':[{'prefixItems':[{'minimum':3}]}],'items':{'type':'integer','minimum':5}}",
            List.of("[5,6]"),
            List.of("[3]", "[5,4]")));
  }

  static List<SchemaCase> combinations() {
    return List.of(
        SchemaCase.of(
            "{'oneOf':[{'type':'integer','minimum':2},{'type':'integer','maximum':9}]}",
            List.of("1", "10", "-3"),
            List.of("2", "9")),
        SchemaCase.of(
            "{'oneOf':[{'properties':{'kind':{'const':'a'},'x':{'type':'null'}},"
                + "'required':['kind','x'],'type':'object'},{'properties':{'kind':{'const':'b'},"
                + "'y':{'type':'null'}},'required':['kind'],'type':'object'}]}",
            List.of("{'kind':'a','x':null}", "{'kind':'b'}", "{'kind':'b','y':null}"),
            List.of("{'kind':'a'}", "{'kind':'b','x':null}")),
        SchemaCase.of(
            "{'type':'object','properties':{'kind':{'enum':['a','b']},'n':{'type':'null'}},"
                + "'required':['kind'],'if':{'properties':{'kind':{'const':'a'}}},"
                + "'then':{'required':['n']},'else':{'properties':{'n':false}}}",
            List.of("{'kind':'a','n':null}", "{'kind':'b'}"),
            List.of("{'kind':'a'}", "{'kind':'b','n':null}")),
        SchemaCase.of(
            "{'type':'object','properties':{'a':{'type':'null'},'b':{'type':'null'}},"
                + "'not':{'required':['a','b']}}",
            List.of("{}", "{'a':null}", "{'b':null}"),
            List.of("{'a':null,'b':null}")),
        SchemaCase.of(
            "{'type':'object','properties':{'a':{'type':'integer'}},'not':{'properties':"
                + "{'a':{'minimum':5}}}}",
            List.of("{'a':4}"),
            List.of("{}", "{'a':5}")),
        SchemaCase.of(
            "{'$id':'https://example.org/s','properties':{'a':{'$ref':'#n'},'b':{'$ref':'item'}},'$defs':{'x':{'$anchor':'n',"
                + "'type':'null'},'y':{'$id':'item','type':'boolean'}}}",
            List.of("{'a':null,'b':true}"),
            List.of("{'a':1}", "{'b':null}")),
        SchemaCase.of(
            "{'properties':{'next':{'allOf':[{'$ref':'#'},{'required':['end']}]},"
                + "'end':{'type':'null'}}}",
            List.of("{}", "{'next':{'end':null}}", "{'next':{'next':{'end':null},'end':null}}"),
            List.of("{'next':{}}")));
  }

  static List<SchemaCase> cases() {
    return Stream.of(scalars(), objects(), arrays(), combinations()).flatMap(List::stream).toList();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void acceptsValidInstances(SchemaCase each) {
    each.checkTexts();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void generatesValidInstances(SchemaCase each) {
    each.checkGenerated();
  }

  /** The spellings of drafts before 2019-09; the validator selects the draft by $schema. */
  @Test
  void readsEarlierDrafts() {
    for (SchemaCase each :
        List.of(
            SchemaCase.of(
                "{'minimum':3,'exclusiveMinimum':true,'type':'integer'}",
                List.of("4"),
                List.of("3")),
            SchemaCase.of(
                "{'items':[{'const':1},{'const':2}],'additionalItems':{'const':3}}",
                List.of("[1,2,3]"),
                List.of("[1,2,2]")),
            SchemaCase.of(
                "{'dependencies':{'a':['b']},'properties':{'a':{},'b':{}}}",
                List.of("{'b':0}"),
                List.of("{'a':0}")),
            SchemaCase.of(
                "{'definitions':{'x':{'id':'#x','const':1}},'$ref':'#x'}",
                List.of("1"),
                List.of("2")))) {
      Grammar grammar = Grammar.jsonSchema(each.schema());
      each.in().forEach(text -> assertEquals(true, grammar.matches(text), text));
      each.out().forEach(text -> assertEquals(false, grammar.matches(text), text));
    }
  }

  /** Numbers around multiples, compared with exact arithmetic. */
  @Test
  void matchesMultiplesExactly() {
    SplittableRandom random = new SplittableRandom(15);
    for (String of : List.of("3", "0.7", "12", "0.01", "250", "0.005", "1.5")) {
      Grammar grammar = Grammar.jsonSchema("{\"type\":\"number\",\"multipleOf\":" + of + "}");
      int digits = Math.max(new BigDecimal(of).scale(), 1);
      for (int i = 0; i < 2000; i++) {
        BigDecimal number =
            BigDecimal.valueOf(random.nextInt(-3000, 3000), random.nextInt(digits + 1));
        boolean multiple = number.remainder(new BigDecimal(of)).signum() == 0;
        assertEquals(multiple, grammar.matches(number.toPlainString()), number + " of " + of);
      }
    }
  }

  /** Lengths combined with a pattern, for all lengths around the bounds. */
  @Test
  void matchesLengthsWithPatternExactly() {
    for (int[] bounds : new int[][] {{0, 3}, {2, 40}, {33, 100}}) {
      Grammar grammar =
          Grammar.jsonSchema(
              Map.of(
                  "type",
                  "string",
                  "pattern",
                  "^(é|bb)*$",
                  "minLength",
                  bounds[0],
                  "maxLength",
                  bounds[1]));
      for (int length = 0; length <= bounds[1] + 2; length++) {
        boolean in = length >= bounds[0] && length <= bounds[1];
        String text = length % 2 == 0 ? "bb".repeat(length / 2) : "é".repeat(length);
        assertEquals(in, grammar.matches('"' + text + '"'), length + " of " + bounds[1]);
      }
    }
  }
}
