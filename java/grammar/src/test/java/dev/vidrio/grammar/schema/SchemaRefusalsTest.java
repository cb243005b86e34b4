package dev.vidrio.grammar.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What of schemas is malformed or not supported is named. */
class SchemaRefusalsTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'unevaluatedItems':false,'allOf':[{}]}"
            + "|JSON schema '#' keyword 'unevaluatedItems': is not supported",
        "{'unevaluatedItems':false,'contains':true}"
            + "|JSON schema '#' keyword 'unevaluatedItems': is not supported",
        "{'unevaluatedItems':false,'items':[true]}"
            + "|JSON schema '#' keyword 'unevaluatedItems': is not supported",
        "{'unevaluatedItems':1}|JSON schema '#' keyword 'unevaluatedItems': is not supported",
        "{'$defs':{'b':{'$id':'b','$dynamicAnchor':'a'}},'$dynamicAnchor':'a','properties':{'a':"
            + "{'$dynamicRef':'#a'}}}"
            + "|JSON schema '#/properties/a' keyword '$dynamicRef': is not supported",
        "{'$dynamicRef':'#b'}|JSON schema '#' keyword '$ref': names '#b', which is not in this"
            + " document, and no other is read",
        "{'items':{'uniqueItems':true}}|JSON schema '#/items' keyword 'uniqueItems': is supported"
            + " only where there are few values of items, or maxItems is 1",
        "{'items':{'type':'integer','minimum':1},'uniqueItems':true}|JSON schema '#' keyword"
            + " 'uniqueItems': is supported only where there are few values of items, or maxItems"
            + " is 1",
        "{'minlength':1}|JSON schema '#' keyword 'minlength': is not a keyword; is 'minLength'"
            + " meant?",
        "{'require':['a']}|JSON schema '#' keyword 'require': is not a keyword; is 'required'"
            + " meant?",
        "{'requierd':['a']}|JSON schema '#' keyword 'requierd': is not a keyword; is 'required'"
            + " meant?",
        "{'not':{'format':'date'}}|JSON schema '#/not' keyword 'format': cannot be negated, as not,"
            + " oneOf or if ask for",
        "{'not':{'uniqueItems':true}}|JSON schema '#/not' keyword 'uniqueItems': cannot be negated,"
            + " as not, oneOf or if ask for",
        "{'multipleOf':0.12345}|JSON schema '#' keyword 'multipleOf': must be at most 10000 units"
            + " of its last digit",
        "{'multipleOf':0}|JSON schema '#' keyword 'multipleOf': must be above 0",
        "{'minProperties':2}|JSON schema '#' keyword 'minProperties': must be at most 1 more than"
            + " the properties that have a name",
        "{'contains':{'const':1},'allOf':[{'contains':{'const':2}}]}"
            + "|JSON schema '#' keyword 'contains': cannot be combined with another one",
        "{'type':'text'}|JSON schema '#' keyword 'type': must be of object, array, string, number,"
            + " integer, boolean, null",
        "{'$ref':'http://a/b'}|JSON schema '#' keyword '$ref': names 'http://a/b', which is"
            + " not in this document, and no other is read",
        "{'$ref':'#/$defs/a'}|JSON schema '#' keyword '$ref': names '#/$defs/a', which is not"
            + " there",
        "{'pattern':'(?=a)'}|JSON schema '#/pattern' (?=a): has a look-ahead, look-behind or flag,"
            + " which are not supported, at character 2",
        "{'format':'datetime'}|JSON schema '#' keyword 'format': 'datetime' is not known; is"
            + " 'date-time' meant?",
        "{'minLength':5,'maxLength':3}"
            + "|JSON schema: allows no text: what it asks for contradicts itself or never ends",
        "{'minItems':-1}|JSON schema '#' keyword 'minItems': must be an integer of 0 to 10000",
        "{'minimum':2,'maximum':1}"
            + "|JSON schema: allows no text: what it asks for contradicts itself or never ends",
        "{'minimum':'1'}|JSON schema '#' keyword 'minimum': must be a number",
        "{'enum':'a'}|JSON schema '#' keyword 'enum': must be an array",
        "{'enum':[1],'minimum':2}"
            + "|JSON schema: allows no text: what it asks for contradicts itself or never ends",
        "{'enum':[]}|JSON schema: allows no text: what it asks for contradicts itself or never"
            + " ends",
        "{'type':[]}|JSON schema: allows no text: what it asks for contradicts itself or never"
            + " ends",
        "false|JSON schema: allows no text: what it asks for contradicts itself or never ends",
        "{'items':[{}],'prefixItems':[{}]}"
            + "|JSON schema '#' keyword 'items': must be a schema beside prefixItems",
        "{'properties':[]}|JSON schema '#' keyword 'properties': must be an object",
        "{'properties':{'a':1}}|JSON schema '#/properties/a': must be an object, true or false",
        "{'required':'a'}|JSON schema '#' keyword 'required': must be an array of strings",
        "1|JSON schema '#': must be an object, true or false",
        "{'allOf':[{'unevaluatedProperties':false,'$ref':'#/$defs/b'},{}],'$defs':{'b':true}}|JSON"
            + " schema '#/allOf/0' keyword 'unevaluatedProperties': cannot be combined with schemas"
            + " around it",
      })
  void refuses(String schema, String message) {
    InvalidInputException e =
        assertThrows(
            InvalidInputException.class, () -> Grammar.jsonSchema(schema.replace('\'', '"')));
    assertEquals(message, e.getMessage());
  }
}
