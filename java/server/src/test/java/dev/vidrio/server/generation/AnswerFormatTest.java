package dev.vidrio.server.generation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Answers that match a requested format, from a model that would otherwise generate another text.
 */
class AnswerFormatTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String ASK = "'model':'parrot','messages':[{'role':'user','content':'a'}]";
  private static final String SCHEMA =
      "{'type':'object','properties':{'place':{'enum':['Köln','Bonn']},'days':{'type':'integer',"
          + "'minimum':1,'maximum':9}},'required':['place','days'],'additionalProperties':false}";
  private static final String TOOLS =
      "'tools':[{'type':'function','function':{'name':'get_weather','strict':true,'parameters':"
          + SCHEMA
          + "}},{'type':'function','function':{'name':'clock'}}]";

  @RegisterExtension static final TestServer server = TestServer.forAll();

  private static JsonNode choice(String more) {
    return server.json(CHAT, "{" + ASK + "," + more + "}").path("choices").path(0);
  }

  private static void assertMatchesSchema(String text) {
    JsonNode json = JsonMapper.shared().readTree(text);
    assertEquals(2, json.size(), text);
    assertTrue(json.path("place").stringValue().matches("Köln|Bonn"), text);
    int days = json.path("days").intValue();
    assertTrue(days >= 1 && days <= 9, text);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void answerMatchesSchema(long seed) {
    String format =
        "'response_format':{'type':'json_schema','json_schema':{'name':'x','strict':true,'schema':"
            + SCHEMA
            + "}}";
    JsonNode choice = choice(format + ",'temperature':2,'seed':" + seed);
    assertEquals("stop", choice.path("finish_reason").stringValue());
    assertMatchesSchema(choice.path("message").path("content").stringValue());
    for (String other :
        List.of(
            "'json_schema':" + SCHEMA,
            "'structured_outputs':{'json':" + SCHEMA + "}",
            "'response_format':{'type':'json_object','schema':" + SCHEMA + "}")) {
      assertMatchesSchema(
          choice(other + ",'seed':" + seed).path("message").path("content").stringValue());
    }
  }

  @Test
  void responseMatchesSchema() {
    JsonNode json =
        server.json(
            "/v1/responses",
            "{'model':'parrot','input':'a','text':{'format':{'type':'json_schema','name':'x',"
                + "'schema':"
                + SCHEMA
                + "}}}");
    assertEquals("completed", json.path("status").stringValue());
    assertMatchesSchema(
        json.path("output").path(0).path("content").path(0).path("text").stringValue());
    assertEquals("json_schema", json.path("text").path("format").path("type").stringValue());
  }

  @Test
  void supportsRegexGrammarAndChoice() {
    for (String form :
        new String[] {
          "'choice':['ja','nein']",
          "'regex':'ja|nein'",
          "'grammar':'root ::= [j] [a] | [n] [e] [i] [n]'",
          "'structured_outputs':{'choice':['ja','nein']}",
          "'structured_outputs':{'regex':'ja|nein','json':null}",
          "'structured_outputs':{'grammar':'root ::= [j] [a] | [n] [e] [i] [n]'}"
        }) {
      JsonNode json =
          server.json("/v1/completions", "{'model':'parrot','prompt':'x:'," + form + "}");
      String answer = json.path("choices").path(0).path("text").stringValue();
      assertTrue(answer.matches("ja|nein"), form + ": " + answer);
      assertEquals("stop", json.path("choices").path(0).path("finish_reason").stringValue());
    }
  }

  @Test
  void requiredToolCallMatchesSchema() {
    String named = "'tool_choice':{'type':'function','function':{'name':'get_weather'}}";
    for (String more : new String[] {named, "'tool_choice':'required'"}) {
      JsonNode choice = choice(TOOLS + "," + more + ",'seed':1");
      assertEquals("tool_calls", choice.path("finish_reason").stringValue(), choice.toString());
      assertTrue(choice.path("message").path("content").isNull());
      JsonNode function = choice.path("message").path("tool_calls").path(0).path("function");
      if (more.equals(named)) {
        assertEquals("get_weather", function.path("name").stringValue());
      }
      if (function.path("name").stringValue().equals("get_weather")) {
        assertMatchesSchema(function.path("arguments").stringValue());
      }
    }
    HttpResponse<String> streamed =
        server.post(CHAT, "{" + ASK + "," + TOOLS + "," + named + ",'stream':true}");
    assertTrue(streamed.body().contains("\"name\":\"get_weather\""), streamed.body());
    assertTrue(streamed.body().contains("\"finish_reason\":\"tool_calls\""), streamed.body());
    JsonNode item =
        server
            .json(
                "/v1/responses",
                "{'model':'parrot','input':'a','tools':[{'type':'function','name':'f','parameters':"
                    + SCHEMA
                    + "}],'tool_choice':{'type':'function','name':'f'}}")
            .path("output")
            .path(0);
    assertEquals("f", item.path("name").stringValue());
    assertMatchesSchema(item.path("arguments").stringValue());
  }

  @Test
  void onlyAllowedToolsAreCalled() {
    String clock = "{'type':'function','function':{'name':'clock'}}";
    String choice =
        "'tool_choice':{'type':'allowed_tools','allowed_tools':{'mode':'%s','tools':["
            + clock
            + "]}}";
    for (int seed = 1; seed <= 4; seed++) {
      String more = TOOLS + ",'temperature':2,'seed':" + seed + ",";
      JsonNode calls = choice(more + choice.formatted("required")).at("/message/tool_calls");
      assertFalse(calls.isEmpty());
      calls.forEach(call -> assertEquals("clock", call.at("/function/name").stringValue()));
      choice(more + choice.formatted("auto") + ",'max_tokens':40")
          .at("/message/tool_calls")
          .forEach(call -> assertEquals("clock", call.at("/function/name").stringValue()));
    }
    JsonNode item =
        server
            .json(
                "/v1/responses",
                "{'model':'parrot','input':'a','tools':[{'type':'function','name':'f'},"
                    + "{'type':'function','name':'g'}],'tool_choice':{'type':'allowed_tools',"
                    + "'mode':'required','tools':[{'type':'function','name':'g'}]}}")
            .at("/output/0");
    assertEquals("g", item.path("name").stringValue());
  }

  @Test
  void requiresOneCallIfTheyMustNotBeParallel() {
    String more = TOOLS + ",'tool_choice':'required','temperature':2,'parallel_tool_calls':";
    for (int seed = 1; seed <= 4; seed++) {
      String seeded = ",'seed':" + seed;
      assertEquals(1, choice(more + "false" + seeded).at("/message/tool_calls").size());
      assertFalse(choice(more + "true" + seeded).at("/message/tool_calls").isEmpty());
    }
  }

  @Test
  void answerWithToolsIsACallOrMatchesSchema() {
    String format =
        ",'response_format':{'type':'json_schema','json_schema':{'schema':" + SCHEMA + "}}";
    String tool = "'tools':[{'function':{'name':'f','parameters':" + SCHEMA + "}}]";
    Set<String> reasons = new HashSet<>();
    for (int seed = 0; reasons.size() < 2; seed++) {
      assertTrue(seed < 100, reasons.toString());
      JsonNode choice = choice(tool + format + ",'temperature':2,'seed':" + seed);
      JsonNode message = choice.path("message");
      String reason = choice.path("finish_reason").stringValue();
      reasons.add(reason);
      assertMatchesSchema(
          reason.equals("stop")
              ? message.path("content").stringValue()
              : message
                  .path("tool_calls")
                  .path(0)
                  .path("function")
                  .path("arguments")
                  .stringValue());
    }
    assertEquals(Set.of("stop", "tool_calls"), reasons);
  }

  @Test
  void optionalStrictToolCallMatchesSchema() {
    String parameters =
        "{'type':'object','properties':{'place':{'enum':['Bonn']}},'required':['place']}";
    for (boolean strict : new boolean[] {false, true}) {
      String tool =
          "'tools':[{'function':{'name':'get_weather','strict':"
              + strict
              + ",'parameters':"
              + parameters
              + "}}]";
      JsonNode message = choice(tool + ",'temperature':0").path("message");
      assertEquals("Let me look.", message.path("content").stringValue());
      JsonNode function = message.path("tool_calls").path(0).path("function");
      assertEquals(
          strict ? "{\"place\":\"Bonn\"}" : "{\"place\":\"Köln\"}",
          function.path("arguments").stringValue());
    }
    JsonNode free = choice(TOOLS + ",'tool_choice':'none'").path("message");
    assertEquals(String.join("", TestServer.ANSWER), free.path("content").stringValue());
  }

  @Test
  void resolvesDefinitionsInParameters() {
    JsonNode choice =
        choice(
            "'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'object',"
                + "'properties':{'a':{'$ref':'#/$defs/n'}},'required':['a'],"
                + "'additionalProperties':false,'$defs':{'n':{'enum':[7]}}}}}],"
                + "'tool_choice':'required'");
    JsonNode function = choice.path("message").path("tool_calls").path(0).path("function");
    assertEquals("{\"a\":7}", function.path("arguments").stringValue());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'response_format':{'type':'xml'} | 400 invalid_value response_format.type",
        "'response_format':{'type':'json_schema'} | 400 missing_required_parameter"
            + " response_format.json_schema",
        "'response_format':{'type':'json_schema','json_schema':{'name':'x'}} | 400"
            + " missing_required_parameter response_format.json_schema.schema",
        "'response_format':{'type':'json_schema','json_schema':{'schema':{'type':'x'}}} | 400"
            + " invalid_value response_format.json_schema.schema",
        "'regex':'(a' | 400 invalid_value regex regex: ",
        "'grammar':'x' | 400 invalid_value grammar grammar: ",
        "'choice':[] | 400 invalid_value choice",
        "'regex':'a','choice':['a'] | 400 invalid_value choice choice: conflicts with another"
            + " format",
        "'regex':'a','response_format':{'type':'json_object'} | 400 invalid_value response_format",
        "'tool_choice':'required' | 400 invalid_value tool_choice tool_choice: needs tools",
        "'tools':[{'function':{'name':'f'}}],'tool_choice':{'function':{'name':'g'}} | 400"
            + " invalid_value tool_choice.function.name",
        "'tools':[{'function':{'name':'f'}}],'tool_choice':{'type':'allowed_tools',"
            + "'allowed_tools':{'mode':'auto','tools':[{'function':{'name':'g'}}]}} | 400"
            + " invalid_value tool_choice.allowed_tools.tools[0].function.name",
        "'tools':[{'function':{'name':'f'}}],'tool_choice':{'type':'allowed_tools',"
            + "'allowed_tools':{'mode':'never','tools':[{'function':{'name':'f'}}]}} | 400"
            + " invalid_value tool_choice.allowed_tools.mode",
        "'tools':[{'function':{'name':'f','strict':true,'parameters':{'minlength':1}}}] | 400"
            + " invalid_value tools tools: parameters of tool 'f'",
        "'tools':[{'function':{'name':'f','parameters':{'minlength':1}}}],'tool_choice':'required'"
            + " | 400 invalid_value tool_choice",
      })
  void rejectsInvalidFormats(String field, String expected) {
    String error = TestServer.error(server.post(CHAT, "{" + ASK + "," + field + "}"));
    assertTrue(error.startsWith(expected), error);
  }
}
