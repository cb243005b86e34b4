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
 * validator decides.
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
    try {
      Optional<String> text = GrammarWalk.text(Grammar.jsonSchema(schema), data, 40);
      if (text.isPresent() && OTHERS.stream().noneMatch(schema::contains)) {
        List<?> errors = errors(schema, text.get());
        Oracle.require(errors.isEmpty(), text.get() + " is not valid: " + errors);
      }
    } catch (InvalidInputException e) {
      Oracle.requireOneLine(e);
    }
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
                "true")
            .map(text -> text.replace('\'', '"'))
            .toArray(String[]::new));
  }
}
