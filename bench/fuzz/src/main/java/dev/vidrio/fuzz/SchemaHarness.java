package dev.vidrio.fuzz;

import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Compiles a JSON schema. A random text of the grammar is valid under the schema, as an independent
 * validator decides. The grammar of the negated schema does not match this text, and texts of the
 * schema's conjunction with a constant are valid too.
 */
public final class SchemaHarness {
  /**
   * Keywords that the validator reads otherwise: by Java's regular expressions, by other drafts, or
   * in binary floating point.
   */
  private static final List<String> OTHERS =
      List.of(
          "\"pattern", "\"format", "\"$", "\"id\"", "\"multipleOf", "\"content", "\"definitions");

  private static final SchemaRegistry VALIDATOR =
      SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);

  private SchemaHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    String schema = Fixtures.text(data);
    Optional<String> text = instance(schema, data);
    if (text.isPresent() && !schema.contains("\"$")) {
      Optional<Grammar> others = compiled(negated(schema));
      Oracle.require(
          others.isEmpty() || !others.get().matches(text.get()),
          text.get() + " is valid and matches the negated schema");
      var _ = instance(conjunction(schema, text.get()), data);
    }
  }

  /** Returns a random text of a schema's grammar after it was validated, or empty for none. */
  private static Optional<String> instance(String schema, byte[] source) {
    try {
      Optional<String> text =
          compiled(schema).flatMap(grammar -> GrammarWalk.text(grammar, source, 40));
      if (text.isPresent() && OTHERS.stream().noneMatch(schema::contains)) {
        List<?> errors = errors(schema, text.get());
        Oracle.require(errors.isEmpty(), text.get() + " is not valid: " + errors);
      }
      return text;
    } catch (InvalidInputException e) {
      Oracle.requireOneLine(e); // the walk reached a limit of ambiguity
      return Optional.empty();
    }
  }

  /** Returns the grammar of a schema, or empty if it is rejected. */
  private static Optional<Grammar> compiled(String schema) {
    try {
      return Optional.of(Grammar.jsonSchema(schema));
    } catch (InvalidInputException e) {
      Oracle.requireOneLine(e);
      return Optional.empty();
    }
  }

  /** Returns the negation of a schema without references. */
  private static String negated(String schema) {
    return "{\"$defs\":{\"s\":" + schema + "},\"not\":{\"$ref\":\"#/$defs/s\"}}";
  }

  /** Returns the conjunction of a schema and a list of constants. */
  private static String conjunction(String schema, String value) {
    return "{\"allOf\":[" + schema + "],\"enum\":[" + value + ",1,\"a\",[],{}]}";
  }

  private static List<?> errors(String schema, String text) {
    try {
      return VALIDATOR.getSchema(schema).validate(text, InputFormat.JSON);
    } catch (RuntimeException e) {
      return List.of(); // the validator does not read this schema
    }
  }

  /** Returns schemas that have each keyword. */
  public static List<byte[]> seeds() {
    return Fixtures.bytes(
        Stream.of(
                "{'type':'object','properties':{'a':{'type':'integer','minimum':-3,'maximum':40},"
                    + "'b':{'enum':['x','yz',null,1.5]}},'required':['a'],"
                    + "'additionalProperties':false}",
                "{'type':'array','items':{'type':'string','minLength':1,'maxLength':3},"
                    + "'minItems':1,'maxItems':3}",
                "{'type':'array','prefixItems':[{'const':1},{'type':'boolean'}],'items':false}",
                "{'anyOf':[{'type':'null'},{'type':'number','exclusiveMinimum':0}]}",
                "{'oneOf':[{'type':'string'},{'type':'integer'}]}",
                "{'allOf':[{'minimum':3},{'type':'integer'}],'not':{'const':5}}",
                "{'if':{'type':'integer'},'then':{'minimum':10},'else':{'type':'string'}}",
                "{'$defs':{'t':{'type':'object','properties':{'n':{'$ref':'#/$defs/t'}}}},"
                    + "'$ref':'#/$defs/t'}",
                "{'type':'string','pattern':'^[a-c]+\\\\d{2}$','minLength':2,'maxLength':9}",
                "{'type':'string','format':'date-time'}",
                "{'type':'integer','multipleOf':7,'minimum':-20,'maximum':99}",
                "{'patternProperties':{'^a':{'type':'integer'}},'propertyNames':{'maxLength':3},"
                    + "'minProperties':1,'maxProperties':2}",
                "{'type':'array','contains':{'const':2},'minContains':1,'uniqueItems':false,"
                    + "'items':{'enum':[1,2,3]},'maxItems':4}",
                "{'type':'object','dependentRequired':{'a':['b']},'properties':{'a':true,'b':"
                    + "{'type':'null'}},'additionalProperties':{'type':'integer'}}",
                "{'not':{'oneOf':[{'type':'string','minLength':2},{'type':'integer'}]},"
                    + "'type':['string','integer','boolean']}",
                "{'not':{'if':{'type':'integer'},'then':{'minimum':3},'else':{'type':'null'}},"
                    + "'type':['integer','null','string']}",
                "{'not':{'anyOf':[{'const':1},{'enum':['a',null]}]},'type':['integer','null']}",
                "{'not':{'required':['a'],'additionalProperties':{'type':'null'}},'type':'object',"
                    + "'properties':{'b':{'type':'integer'}},'required':['b']}",
                "{'not':{'items':{'type':'integer'},'minItems':1},'type':'array'}",
                "{'not':{'prefixItems':[{'const':1},true]},'type':'array','maxItems':3}",
                "{'not':{'contains':{'type':'null'}},'type':'array','minItems':1}",
                "{'not':{'pattern':'^a','multipleOf':3},'type':['string','integer']}",
                "{'not':{'dependentRequired':{'a':['b']}},'type':'object','properties':"
                    + "{'a':true,'b':true},'minProperties':1}",
                "{'not':{'properties':{'a':{'type':'null'}},'propertyNames':{'maxLength':2}},"
                    + "'type':'object'}",
                "{'type':'array','uniqueItems':true,'items':{'type':'integer','minimum':1,"
                    + "'maximum':4},'minItems':2}",
                "{'type':'array','uniqueItems':true,'items':{'enum':[1,1.0,'a',null,[1],{'b':2}]}}",
                "{'type':'array','uniqueItems':true,'items':{'type':['boolean','null']}}",
                "{'type':'array','items':[{'type':'string'},{'const':2}],'additionalItems':"
                    + "{'type':'boolean'},'minItems':3}",
                "{'type':'array','contains':{'type':'integer'},'minContains':2,'maxContains':3,"
                    + "'items':{'type':['integer','boolean']},'maxItems':6}",
                "{'type':'integer','format':'int32','minimum':0}",
                "{'type':'number','format':'uint8'}",
                "{'allOf':[{'properties':{'a':{'type':'integer'}}},{'properties':{'b':{}}}],"
                    + "'unevaluatedProperties':{'type':'null'},'type':'object'}",
                "{'type':'object','patternProperties':{'^a':{'type':'integer'},'b$':{'minimum':2}},"
                    + "'additionalProperties':{'type':'null'},'enum':[{'ab':3},{'c':null},{'a':'x'}]}",
                "{'enum':[3,'ab',[1,2],{'a':1,'b':null},true,null,2.5e1],'anyOf':[{'minimum':2,"
                    + "'multipleOf':0.5},{'maxLength':2,'pattern':'b'},{'minItems':2,'uniqueItems':"
                    + "true,'prefixItems':[{'const':1}],'contains':{'type':'integer'}},{'required':"
                    + "['a'],'maxProperties':2,'propertyNames':{'maxLength':1},"
                    + "'dependentRequired':{'a':['b']},'dependentSchemas':{'b':{'minProperties':1}}"
                    + "}]}",
                "{'enum':['2020-01-01','x'],'oneOf':[{'format':'date'},{'const':'x'},false]}",
                "{'enum':[1,2,3,4],'if':{'minimum':3},'then':{'multipleOf':2},'else':{'not':"
                    + "{'const':1}}}",
                "{'$id':'https://a.b/c','$defs':{'s':{'$anchor':'x','type':'string','maxLength':2},"
                    + "'t':{'$id':'d','enum':[1]}},'anyOf':[{'$ref':'#x'},{'$ref':'d'},"
                    + "{'$ref':'#/$defs/s'}]}",
                "{'definitions':{'a b':{'type':'null'},'%':{'const':1}},'oneOf':[{'$ref':"
                    + "'#/definitions/a%20b'},{'$ref':'#/definitions/%25'}]}",
                "{'nullable':true,'type':'string','contentEncoding':'base64','deprecated':true}",
                "{'type':'number','minimum':1e400,'maximum':1e401}",
                "{'dependencies':{'a':['b'],'c':{'minProperties':3}},'type':'object',"
                    + "'properties':{'a':{'type':'null'},'b':{'type':'null'},'c':{'type':'null'}},"
                    + "'additionalProperties':false}",
                "true")
            .map(text -> text.replace('\'', '"'))
            .toArray(String[]::new));
  }
}
