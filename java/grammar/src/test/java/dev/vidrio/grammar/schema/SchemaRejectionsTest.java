package dev.vidrio.grammar.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Malformed and unsupported schemas are rejected with the location and the keyword. */
class SchemaRejectionsTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'unevaluatedItems':false,'allOf':[{}]}|JSON schema '#' keyword 'unevaluatedItems':"
            + " is not supported",
        "{'unevaluatedItems':false,'contains':true}|JSON schema '#' keyword"
            + " 'unevaluatedItems': is not supported",
        "{'unevaluatedItems':false,'items':[true]}|JSON schema '#' keyword"
            + " 'unevaluatedItems': is not supported",
        "{'unevaluatedItems':1}|JSON schema '#' keyword 'unevaluatedItems': is not supported",
        "{'$defs':{'b':{'$id':'b','$dynamicAnchor':'a'}},'$dynamicAnchor':'a','properties':{'"
            + "a':{'$dynamicRef':'#a'}}}|JSON schema '#/properties/a' keyword '$dynamicRef': is"
            + " not supported",
        "{'$dynamicRef':'#b'}|JSON schema '#' keyword '$ref': '#b' not found in the"
            + " document; references to other documents are not supported",
        "{'items':{'uniqueItems':true}}|JSON schema '#/items' keyword 'uniqueItems': is"
            + " supported only for items with few values, or if maxItems is 1",
        "{'items':{'type':'integer','minimum':1},'uniqueItems':true}|JSON schema '#' keyword"
            + " 'uniqueItems': is supported only for items with few values, or if maxItems is 1",
        "{'minlength':1}|JSON schema '#' keyword 'minlength': is not a keyword; did you mean"
            + " 'minLength'?",
        "{'require':['a']}|JSON schema '#' keyword 'require': is not a keyword; did you mean"
            + " 'required'?",
        "{'requierd':['a']}|JSON schema '#' keyword 'requierd': is not a keyword; did you"
            + " mean 'required'?",
        "{'not':{'format':'date'}}|JSON schema '#/not' keyword 'format': cannot be negated,"
            + " as required by not, oneOf or if",
        "{'not':{'uniqueItems':true}}|JSON schema '#/not' keyword 'uniqueItems': cannot be"
            + " negated, as required by not, oneOf or if",
        "{'multipleOf':0.12345}|JSON schema '#' keyword 'multipleOf': must be at most 10000"
            + " units of its last digit",
        "{'multipleOf':0}|JSON schema '#' keyword 'multipleOf': must be greater than 0",
        "{'minProperties':2}|JSON schema '#' keyword 'minProperties': must be at most 1 more"
            + " than the number of named properties",
        "{'contains':{'const':1},'allOf':[{'contains':{'const':2}}]}|JSON schema '#' keyword"
            + " 'contains': is supported once per array",
        "{'type':'text'}|JSON schema '#' keyword 'type': must be one of object, array,"
            + " string, number, integer, boolean, null",
        "{'$ref':'http://a/b'}|JSON schema '#' keyword '$ref': 'http://a/b' not found in the"
            + " document; references to other documents are not supported",
        "{'$ref':'#/$defs/a'}|JSON schema '#' keyword '$ref': '#/$defs/a' not found in the"
            + " document",
        "{'pattern':'(?=a)'}|JSON schema '#/pattern' (?=a): has an unsupported lookahead,"
            + " lookbehind or flag at character 2",
        "{'format':'datetime'}|JSON schema '#' keyword 'format': 'datetime' is unknown; did"
            + " you mean 'date-time'?",
        "{'minLength':5,'maxLength':3}|JSON schema: is unsatisfiable: no text matches it",
        "{'minItems':-1}|JSON schema '#' keyword 'minItems': must be an integer between 0"
            + " and 10000",
        "{'minimum':2,'maximum':1}|JSON schema: is unsatisfiable: no text matches it",
        "{'minimum':'1'}|JSON schema '#' keyword 'minimum': must be a number",
        "{'enum':'a'}|JSON schema '#' keyword 'enum': must be an array",
        "{'enum':[1],'minimum':2}|JSON schema: is unsatisfiable: no text matches it",
        "{'enum':[]}|JSON schema: is unsatisfiable: no text matches it",
        "{'type':[]}|JSON schema: is unsatisfiable: no text matches it",
        "false|JSON schema: is unsatisfiable: no text matches it",
        "{'items':[{}],'prefixItems':[{}]}|JSON schema '#' keyword 'items': must be a schema"
            + " if there is prefixItems",
        "{'properties':[]}|JSON schema '#' keyword 'properties': must be an object",
        "{'properties':{'a':1}}|JSON schema '#/properties/a': must be an object or a boolean",
        "{'required':'a'}|JSON schema '#' keyword 'required': must be an array of strings",
        "1|JSON schema '#': must be an object or a boolean",
        "{'allOf':[{'unevaluatedProperties':false,'$ref':'#/$defs/b'},{}],'$defs':{'b':true}}"
            + "|JSON schema '#/allOf/0' keyword 'unevaluatedProperties': cannot be combined with"
            + " enclosing schemas",
      })
  void rejects(String schema, String message) {
    InvalidInputException e =
        assertThrows(
            InvalidInputException.class, () -> Grammar.jsonSchema(schema.replace('\'', '"')));
    assertEquals(message, e.getMessage());
  }
}
