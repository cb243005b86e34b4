package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.option.SamplingOption;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.Generator;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.TokenDecoder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Continues a text with edits or hooks. */
public final class LensCompletion {
  @Mixin private SamplingOption sampling = new SamplingOption();

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Generate at most N tokens. Default: ${DEFAULT-VALUE}.")
  private int tokens = 64;

  @Option(names = "--json", description = "Print JSON, with ids and text.")
  private boolean json;

  /** Returns whether {@code --json} is given; the command then prints the JSON. */
  public boolean isJson() {
    return json;
  }

  /**
   * Continues the prompt and prints the text as it is generated, unless {@code --json} is given.
   *
   * @param editable names of the edited hook points
   * @param prepare sets the edits and hooks
   * @return the new tokens
   */
  public List<Integer> run(
      Lens lens, String editable, Consumer<LensSession> prepare, int[] prompt) {
    return run(lens, editable, prepare, prompt, tokens, sampling, this::print);
  }

  /**
   * Continues a prompt.
   *
   * @param tokens the maximum number of tokens to generate
   * @param print receives the text as it is generated
   */
  public static List<Integer> run(
      Lens lens,
      String editable,
      Consumer<LensSession> prepare,
      int[] prompt,
      int tokens,
      SamplingOption sampling,
      Consumer<String> print) {
    Model opened = lens.model();
    long wanted = Math.max(1, (long) prompt.length + tokens);
    int context = (int) Math.min(opened.architecture().contextLength(), wanted);
    var room = SessionOptions.DEFAULT.withContext(context);
    GenerationOptions options =
        GenerationOptions.DEFAULT.withTokens(tokens).withSampling(sampling.toOptions());
    TokenDecoder decoder = opened.tokenizer().streamingDecoder(true);
    List<Integer> ids = new ArrayList<>();
    try (LensSession session = lens.open(Capture.NONE, room, editable)) {
      prepare.accept(session);
      var generator = new Generator(session, options);
      generator.prompt(session.newSequence(), prompt);
      while (generator.hasNext() && !System.out.checkError()) {
        ids.add(generator.nextInt());
        print.accept(decoder.accept(ids.getLast()));
      }
    }
    print.accept(decoder.finish() + System.lineSeparator());
    return ids;
  }

  private void print(String piece) {
    if (!json) {
      System.out.print(piece);
    }
  }

  /** Prints JSON: model, fields of the command, prompt, ids and text. */
  public static void print(Model opened, Map<String, Object> own, int[] prompt, List<Integer> ids) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.putAll(own);
    result.put("prompt_ids", prompt);
    result.put("ids", ids);
    result.put(
        "text", opened.tokenizer().decode(ids.stream().mapToInt(Integer::intValue).toArray()));
    Json.print(result);
  }
}
