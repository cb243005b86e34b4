package dev.vidrio.fuzz;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.server.anthropic.MessagesRequest;
import dev.vidrio.server.chat.ChatRequest;
import dev.vidrio.server.chat.ResponseRequest;
import dev.vidrio.server.completion.CompletionRequest;
import dev.vidrio.server.completion.InfillRequest;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.ollama.OllamaRequest;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/**
 * Reads the body of a request as each API does, without a model. Every error is the client's: its
 * status is 400.
 */
public final class RequestHarness {
  private static final RequestLimits LIMITS = new RequestLimits(4096, 8, Duration.ofMinutes(1));

  private static final List<Consumer<JsonFields>> READERS =
      List.of(
          fields -> ChatRequest.read(fields, LIMITS, ""),
          fields -> ResponseRequest.read(fields, LIMITS, ""),
          fields -> CompletionRequest.read(fields, LIMITS, ""),
          fields -> InfillRequest.read(fields, LIMITS, ""),
          fields -> MessagesRequest.read(fields, LIMITS, ""),
          fields -> MessagesRequest.readPrompt(fields, LIMITS, ""),
          fields -> ollama(fields).chat(LIMITS, ""),
          fields -> ollama(fields).generate(LIMITS, ""));

  private RequestHarness() {}

  private static OllamaRequest ollama(JsonFields fields) {
    String model = fields.required("model").string();
    return new OllamaRequest(fields, model, model, 2048, true, Duration.ZERO);
  }

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    for (Consumer<JsonFields> reader : READERS) {
      try {
        reader.accept(JsonFields.ofBody(data));
      } catch (ApiException e) {
        Oracle.require(e.status() == 400, "status " + e.status() + ": " + e.getMessage());
      } catch (InvalidInputException e) {
        Oracle.requireOneLine(e);
      }
    }
  }

  /** Returns a request of each API. */
  public static List<byte[]> seeds() {
    return Fixtures.bytes(
        """
        {"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":
        [{"type":"text","text":"Hi"}]}],"temperature":0.5,"top_p":0.9,"max_tokens":16,"n":2,
        "stop":["a","b"],"seed":1,"logprobs":true,"top_logprobs":3,"stream":true,
        "stream_options":{"include_usage":true},"logit_bias":{"5":-1.5}}
        """,
        """
        {"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,
        "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\\"a\\":1}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"2"}],"tools":[{"type":"function","function":
        {"name":"f","description":"d","parameters":{"type":"object","properties":{"a":
        {"type":"integer"}}}}}],"tool_choice":"auto","parallel_tool_calls":false,
        "reasoning_effort":"low","chat_template_kwargs":{"k":true}}
        """,
        """
        {"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":
        "json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}},
        "draft_tokens":4,"priority":1,"timeout":2.5,"cache_salt":"s"}
        """,
        """
        {"model":"m","input":[{"type":"message","role":"user","content":[{"type":"input_text",
        "text":"Hi"}]}],"instructions":"i","max_output_tokens":9,"text":{"format":{"type":"text"}},
        "reasoning":{"effort":"high"},"tools":[{"type":"function","name":"f","parameters":{}}]}
        """,
        """
        {"model":"m","prompt":["a","b"],"max_tokens":5,"echo":false,"logprobs":2,"suffix":null,
        "n":1,"grammar":"root ::= \\"a\\"","min_p":0.1,"repeat_penalty":1.1,"ignore_eos":true}
        """,
        """
        {"model":"m","input_prefix":"a","input_suffix":"b","input_extra":[{"filename":"f","text":
        "t"}],"n_predict":5}
        """,
        """
        {"model":"m","max_tokens":2000,"system":[{"type":"text","text":"s","cache_control":
        {"type":"ephemeral"}}],"messages":[{"role":"user","content":"q"},{"role":"assistant",
        "content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},{"role":"user","content":
        [{"type":"tool_result","tool_use_id":"t1","content":"r"}]}],"tools":[{"name":"f",
        "input_schema":{"type":"object"}}],"thinking":{"type":"enabled","budget_tokens":1024},
        "stop_sequences":["x"],"tool_choice":{"type":"any"},"metadata":{"user_id":"u"}}
        """,
        """
        {"model":"m","system":"s","messages":[{"role":"user","content":"q"}],
        "output_config":{"effort":"low"},"thinking":{"type":"disabled"}}
        """,
        """
        {"model":"m","messages":[{"role":"user","content":"x"}],"stream":false,"think":true,
        "format":{"type":"object"},"options":{"temperature":0.1,"num_predict":5,"top_k":3,
        "stop":["a"]},"keep_alive":"5m"}
        """,
        """
        {"model":"m","prompt":"p","system":"s","raw":false,"format":"json","logprobs":true}
        """);
  }
}
