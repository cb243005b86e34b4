package dev.vidrio.model.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.model.InvalidInputException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What of schemas is malformed or not supported is named. */
class SchemaRefusalsTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'multipleOf':2}|JSON schema '#' keyword 'multipleOf': is not supported",
        "{'properties':{'a':{'not':{}}}}"
            + "|JSON schema '#/properties/a' keyword 'not': is not supported",
        "{'items':{'uniqueItems':true}}"
            + "|JSON schema '#/items' keyword 'uniqueItems': is not supported",
        "{'type':'string','minimum':1}|JSON schema '#' keyword 'minimum': is not about type string",
        "{'type':'text'}|JSON schema '#' keyword 'type': must be of object, array, string, number,"
            + " integer, boolean, null",
        "{'$ref':'http://a/b'}|JSON schema '#' keyword '$ref': must begin with '#/': only this"
            + " document is read",
        "{'$ref':'#/$defs/a'}|JSON schema '#' keyword '$ref': names '#/$defs/a', which is not there",
        "{'pattern':'a','maxLength':3}"
            + "|JSON schema '#' keyword 'pattern': cannot stand beside other keywords about strings",
        "{'pattern':'(?=a)'}|JSON schema '#/pattern' (?=a): has a look-ahead, look-behind or flag,"
            + " which are not supported, at character 2",
        "{'format':'phone'}|JSON schema '#' keyword 'format': 'phone' is not of date, date-time,"
            + " duration, email, hostname, ipv4, ipv6, time, uri, uuid",
        "{'minLength':5,'maxLength':3}"
            + "|JSON schema '#' keyword 'maxLength': must be at least minLength",
        "{'minItems':-1}|JSON schema '#' keyword 'minItems': must be an integer of 0 to 10000",
        "{'minimum':2,'maximum':1}"
            + "|JSON schema '#' keyword 'maximum': leaves no number above the minimum",
        "{'minimum':'1'}|JSON schema '#' keyword 'minimum': must be a number",
        "{'enum':'a'}|JSON schema '#' keyword 'enum': must be an array",
        "{'enum':[1],'minimum':2}"
            + "|JSON schema '#' keyword 'minimum': cannot stand beside enum or const",
        "{'enum':[]}|JSON schema: allows no text: what it asks for contradicts itself or never ends",
        "{'type':[]}|JSON schema: allows no text: what it asks for contradicts itself or never ends",
        "false|JSON schema: allows no text: what it asks for contradicts itself or never ends",
        "{'items':[{}]}"
            + "|JSON schema '#' keyword 'items': must be a schema; for one each there is prefixItems",
        "{'properties':[]}|JSON schema '#' keyword 'properties': must be an object",
        "{'properties':{'a':1}}|JSON schema '#/properties/a': must be an object, true or false",
        "{'required':'a'}|JSON schema '#' keyword 'required': must be an array of strings",
        "1|JSON schema '#': must be an object, true or false",
        "{'allOf':[{'pattern':'a'},{'pattern':'b'}]}"
            + "|JSON schema '#/allOf/1' keyword 'pattern': cannot be combined with another one",
        "{'allOf':[{'additionalProperties':false},{'properties':{'a':true}}]}"
            + "|JSON schema '#' keyword 'additionalProperties': cannot be combined with a schema that"
            + " names others",
      })
  void refuses(String schema, String message) {
    InvalidInputException e =
        assertThrows(
            InvalidInputException.class, () -> Grammar.jsonSchema(schema.replace('\'', '"')));
    assertEquals(message, e.getMessage());
  }
}
