package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.TestServer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Invalid bodies are rejected with the path of the field; no field is ignored. */
class StrictnessTest {
  @RegisterExtension static final TestServer server = TestServer.forAll();

  /** Checks the start of the error: status, code, param and message. */
  private static void assertRejected(String path, String body, String expected) {
    String error = TestServer.error(server.post(path, body));
    assertEquals(expected, error.substring(0, Math.min(expected.length(), error.length())), error);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'top_k':-2 | 400 invalid_value top_k top_k -2: must be an integer from -1",
        "'temperature':3 | 400 invalid_value temperature temperature 3: must be a number from 0 to"
            + " 2",
        "'temperature':'1' | 400 invalid_value temperature temperature \"1\": must be a number",
        "'temperature':1e999 | 400 invalid_value temperature temperature",
        "'temperature':NaN | 400 malformed_body - body: invalid JSON: Non-standard token 'NaN'"
            + " (line",
        "'n':1.5 | 400 invalid_value n n 1.5: must be an integer from 1 to 128",
        "'n':1000000000 | 400 invalid_value n n 1000000000: must be an integer from 1 to 128",
        "'n':99999999999999999999 | 400 invalid_value n n",
        "'stop':['a',1] | 400 invalid_value stop[1] stop[1] 1: must be a string",
        "'stop':'' | 400 invalid_value stop stop",
        "'logit_bias':{'x':'1'} | 400 invalid_value logit_bias.x logit_bias.x \"1\": must be a",
        "'logit_bias':[[1]] | 400 invalid_value logit_bias[0] logit_bias[0] of 1 elements: must",
        "'logit_bias':[[-1,1]] | 400 invalid_value logit_bias[0][0] logit_bias[0][0] -1: must be",
        "'logit_bias':{'5':101} | 400 invalid_value logit_bias.5 logit_bias.5 101: must be a"
            + " number",
        "'logit_bias':{'999999':1} | 400 invalid_value logit_bias logit bias of token id 999999:"
            + " must be 0 to",
        "'stop_token_ids':[999999] | 400 invalid_value stop_token_ids stop token id 999999: must be"
            + " 0 to",
        "'max_tokens':0 | 400 invalid_value max_tokens max_tokens 0: must be an integer from 1 to"
            + " 4096",
        "'max_tokens':1,'max_completion_tokens':1 | 400 invalid_value max_tokens max_tokens:"
            + " conflicts with max_completion_tokens",
        "'min_tokens':5000 | 400 invalid_value min_tokens min_tokens 5000",
        "'top_logprobs':2 | 400 invalid_value top_logprobs top_logprobs: needs logprobs to be true",
        "'logprobs':true,'top_logprobs':21 | 400 invalid_value top_logprobs top_logprobs 21",
        "'stream_options':{} | 400 invalid_value stream_options stream_options: needs stream",
        "'stream':true,'stream_options':{'continuous_usage_stats':true} | 400 invalid_value"
            + " stream_options.continuous_usage_stats",
        "'stream':true,'stream_options':{'x':1} | 400 unknown_parameter stream_options.x",
        "'store':true | 400 unsupported_parameter store store: not supported; the server is"
            + " stateless",
        "'modalities':['audio'] | 400 unsupported_parameter modalities[0]",
        "'functions':[] | 400 unsupported_parameter functions functions: not supported; use tools",
        "'web_search_options':{} | 400 unknown_parameter web_search_options",
        "'metadata':{'a':1} | 400 invalid_value metadata.a metadata.a 1: must be a string",
        "'tools':[{'type':'x'}] | 400 invalid_value tools[0].type",
        "'tools':[{'function':{'name':'a b'}}] | 400 invalid_value tools[0].function.name",
        "'tools':[{'function':{'name':'a','x':1}}] | 400 unknown_parameter tools[0].function.x",
        "'tool_choice':'sometimes' | 400 invalid_value tool_choice",
        "'reasoning_effort':'low' | 400 unsupported_parameter reasoning_effort reasoning_effort:"
            + " the model's chat template reads no",
        "'chat_template_kwargs':{'messages':[]} | 400 unsupported_parameter"
            + " chat_template_kwargs.messages",
        "'verbosity':'low' | 400 invalid_value verbosity verbosity \"low\": not supported; must be"
            + " medium",
        "'skip_special_tokens':false | 400 unsupported_parameter skip_special_tokens"
            + " skip_special_tokens: not supported; must be true",
        "'continue_final_message':true | 400 unsupported_parameter continue_final_message"
            + " continue_final_message: not supported; must be false",
        "'prompt_cache_retention':'24h' | 400 invalid_value prompt_cache_retention",
        "'repetition_penalty':0 | 400 invalid_value repetition_penalty repetition_penalty 0: must"
            + " be a number from 0.001",
        "'repetition_penalty':1,'repeat_penalty':1 | 400 unsupported_parameter repeat_penalty",
        "'structured_outputs':{} | 400 invalid_value structured_outputs structured_outputs: must"
            + " have one of json",
        "'structured_outputs':{'regex':'a','choice':['a']} | 400 invalid_value"
            + " structured_outputs.choice structured_outputs.choice: conflicts with another format",
        "'structured_outputs':{'regex':'a','x':1} | 400 unknown_parameter structured_outputs.x",
        "'structured_outputs':{'regex':'a'},'regex':'a' | 400 invalid_value"
            + " structured_outputs.regex",
        "'user':'\\ud83d' | 400 invalid_value user user: contains an unpaired surrogate",
        "'timeout':0 | 400 invalid_value timeout timeout 0: must be a number from 0.001 to 600",
        "'priority':101 | 400 invalid_value priority",
        "'beams':0 | 400 invalid_value beams beams 0: must be an integer from 1",
        "'beams':1000 | 400 invalid_value beams beams 1000: must be 1 to",
        "'beams':2,'n':3 | 400 invalid_value n n 3: must be at most the number of beams, 2",
        "'beams':2,'stream':true | 400 unsupported_parameter stream stream: not supported with"
            + " beams",
        "'beams':2,'temperature':1 | 400 invalid_value temperature temperature 1.0: must be 0",
        "'beams':2,'draft_tokens':1 | 400 invalid_value draft_tokens draft tokens 1: must be 0",
        "'length_penalty':2 | 400 invalid_value length_penalty length_penalty: needs beams",
        "'color':'red' | 400 unknown_parameter color color: not supported",
        "'model':'parrot' | 400 malformed_body - body: invalid JSON: Duplicate",
      })
  void rejectsFieldsOfChats(String field, String expected) {
    assertRejected(
        "/v1/chat/completions",
        "{'model':'parrot','messages':[{'role':'user','content':'a'}]," + field + "}",
        expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{} | 400 invalid_value messages messages: must be an array",
        "[] | 400 invalid_value messages messages of 0 elements: must have 1 to",
        "[1] | 400 invalid_value messages[0] messages[0] 1: must be an object",
        "[{'content':'a'}] | 400 missing_required_parameter messages[0].role messages[0].role: is"
            + " required",
        "[{'role':'critic','content':'a'}] | 400 invalid_value messages[0].role",
        "[{'role':'user'}] | 400 missing_required_parameter messages[0].content"
            + " messages[0].content: is required",
        "[{'role':'user','content':1}] | 400 invalid_value messages[0].content",
        "[{'role':'user','content':'a','x':1}] | 400 unknown_parameter messages[0].x",
        "[{'role':'user','content':[{'type':'image_url'}]}] | 400 unsupported_parameter"
            + " messages[0].content[0].type",
        "[{'role':'user','content':'a'},{'role':'assistant'}] | 400 invalid_value"
            + " messages[1].content",
        "[{'role':'tool','content':'a'}] | 400 missing_required_parameter messages[0].tool_call_id",
        "[{'role':'assistant','tool_calls':[{'id':'a','function':{'name':'f','arguments':'x'}}]}] |"
            + " 400 invalid_value messages[0].tool_calls[0].function.arguments",
        "[{'role':'assistant','tool_calls':[{'id':'a','function':{'name':'f','arguments':'[]'}}]}]"
            + " | 400 invalid_value messages[0].tool_calls[0].function.arguments",
      })
  void rejectsMessages(String messages, String expected) {
    assertRejected(
        "/v1/chat/completions", "{'model':'parrot','messages':" + messages + "}", expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "/v1/completions | {'prompt':'a'} | 400 missing_required_parameter model model: is"
            + " required",
        "/v1/completions | {'model':'bard'} | 400 missing_required_parameter prompt prompt: is"
            + " required",
        "/v1/completions | {'model':'x','prompt':'a'} | 404 model_not_found model model 'x' not"
            + " found; available: parrot, bard",
        "/v1/completions | {'model':'bard','prompt':{}} | 400 invalid_value prompt",
        "/v1/completions | {'model':'bard','prompt':[]} | 400 invalid_value prompt prompt of 0"
            + " elements: must have 1 or more",
        "/v1/completions |"
            + " {'model':'bard','prompt':'a','vidrio':{'steer':[{'hook':'a','strength':1,'vector':[1e39]}]}}"
            + " | 400 invalid_value vidrio.steer[0].vector[0] vidrio.steer[0].vector[0] 1.0E39:"
            + " must be a number from -3.4028234663852886E38 to 3.4028234663852886E38",
        "/v1/completions | {'model':'bard','prompt':[1,'a']} | 400 invalid_value prompt[1]",
        "/v1/completions | {'model':'bard','prompt':['a',1]} | 400 invalid_value prompt[1]"
            + " prompt[1] 1: must be a string or an array of token ids",
        "/v1/completions | {'model':'bard','prompt':[1.5]} | 400 invalid_value prompt[0] prompt[0]"
            + " 1.5: must be a string or an array of token ids",
        "/v1/completions | {'model':'bard','prompt':[99999999]} | 400 invalid_value prompt[0]"
            + " prompt[0] 99999999: must be below 2048",
        "/v1/completions | {'model':'bard','prompt':[[1,2],[3,99999]]} | 400 invalid_value"
            + " prompt[1][1] prompt[1][1] 99999: must be below",
        "/v1/completions | {'model':'bard','prompt':['a',[]]} | 400 invalid_value prompt[1]"
            + " prompt[1]: must have at least one token",
        "/v1/completions | {'model':'bard','prompt':'a','suffix':'b'} | 400 unsupported_parameter"
            + " suffix",
        "/v1/completions | {'model':'bard','prompt':'a','best_of':0} | 400 invalid_value best_of",
        "/v1/completions | {'model':'bard','prompt':'a','best_of':2,'stream':true} | 400"
            + " invalid_value best_of",
        "/v1/completions | {'model':'bard','prompt':'a','echo':true,'logprobs':1,'stream':true} |"
            + " 400 unsupported_parameter echo",
        "/v1/completions | {'model':'bard','prompt':['a','b','c'],'n':100} | 400 invalid_value"
            + " prompt",
        "/v1/embeddings | {'model':'bard','input':['a',[]]} | 400 invalid_value input[1] input[1]:"
            + " must have at least one token",
        "/v1/embeddings | {'model':'bard','input':[[-1]]} | 400 invalid_value input[0][0]",
        "/v1/embeddings | {'model':'bard','input':[[99999999]]} | 400 invalid_value input[0][0]"
            + " input[0][0] 99999999: must be below 2048",
        "/v1/embeddings | {'model':'bard','input':[1,99999]} | 400 invalid_value input[1] input[1]"
            + " 99999: must be below",
        "/v1/embeddings | {'model':'bard','input':'a','dimensions':0} | 400 invalid_value"
            + " dimensions dimensions 0: must be an integer from 1",
        "/v1/embeddings | {'model':'bard','input':'a','dimensions':9999} | 400 invalid_value"
            + " dimensions dimensions 9999: must be 1 to ",
        "/v1/rerank | {'model':'bard','query':'a','documents':['b']} | 400 unsupported_parameter"
            + " model model 'bard': reranking is not supported: supported: chat models",
        "/v1/rerank | {'model':'bard','query':'a'} | 400 missing_required_parameter documents",
        "/v1/rerank | {'model':'bard','query':'a','documents':[]} | 400 invalid_value documents"
            + " documents of 0 elements: must have 1 to 2048",
        "/v1/rerank | {'model':'bard','query':'a','documents':123} | 400 invalid_value documents",
        "/v1/rerank | {'model':'bard','query':'a','documents':[1,2]} | 400 invalid_value"
            + " documents[0] documents[0] 1: must be a string or an object with text",
        "/v1/rerank | {'model':'bard','query':'a','documents':[{'text':1}]} | 400 invalid_value"
            + " documents[0].text",
        "/v1/rerank | {'model':'bard','query':['a'],'documents':['b']} | 400 invalid_value query",
        "/v1/rerank | {'model':'bard','query':'a','documents':['b'],'top_n':0} | 400 invalid_value"
            + " top_n",
        "/v1/rerank | {'model':'bard','query':'a','documents':['b'],'rank':1} | 400"
            + " unknown_parameter rank",
        "/rerank | {'model':'bard','query':'a','texts':['b'],'raw_scores':true} | 400"
            + " unsupported_parameter raw_scores",
        "/v1/embeddings | {'model':'bard','input':'a','encoding_format':'x'} | 400 invalid_value"
            + " encoding_format",
        "/tokenize | {'model':'bard','text':1} | 400 invalid_value text",
        "/detokenize | {'model':'bard','tokens':[1,99999999]} | 400 invalid_value tokens[1]"
            + " tokens[1] 99999999: must be below 2048",
        "/detokenize | {'model':'bard','tokens':[1],'x':1} | 400 unknown_parameter x",
      })
  void rejectsFieldsOfOtherRoutes(String path, String body, String expected) {
    assertRejected(path, body, expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`` | 400 malformed_body - body: must be a JSON object, but is empty",
        "[] | 400 malformed_body - body: must be a JSON object",
        "{} {} | 400 malformed_body - body: invalid JSON",
        "{'a':1,} | 400 malformed_body",
        "{'a' | 400 malformed_body",
      })
  void rejectsBodies(String body, String expected) {
    assertRejected("/v1/completions", body, expected);
  }

  @ParameterizedTest
  @CsvSource({"100", "100000"})
  void limitsNestingAndDigits(int n) {
    assertRejected(
        "/v1/completions",
        "{'model':'bard','prompt':" + "[".repeat(n) + "]".repeat(n) + "}",
        "400 malformed_body - body: invalid JSON: Document nesting depth");
    assertRejected(
        "/v1/completions",
        "{'model':'bard','prompt':'a','n':" + "1".repeat(n + 1) + "}",
        "400 malformed_body - body: invalid JSON: Number value length");
  }

  @Test
  void errorsAreOnePrintableLine() {
    assertEquals(
        "404 not_found - path /a\\u{a}b\\u{9b} not found",
        TestServer.error(server.get("/a%0Ab%C2%9B")));
    String error = TestServer.error(server.post("/tokenize", "{'model':'a\\nb','text':'c'}"));
    assertTrue(error.startsWith("404 model_not_found model model 'a\\u{a}b' not found;"), error);
  }
}
