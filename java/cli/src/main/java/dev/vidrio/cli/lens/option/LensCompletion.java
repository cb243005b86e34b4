package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.option.OptionValues;
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
import java.util.List;
import java.util.function.Consumer;

/** Continues texts with edits or hooks. */
public final class LensCompletion {
  private LensCompletion() {}

  /**
   * Continues a prompt.
   *
   * @param editable names of the edited hook points
   * @param prepare sets the edits and hooks
   * @param tokens the maximum number of tokens to generate
   * @param print receives the text as it is generated
   * @return the new tokens
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
        OptionValues.of(() -> GenerationOptions.DEFAULT.withTokens(tokens))
            .withSampling(sampling.toOptions());
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

  /** Returns the text of tokens. */
  public static String decode(Model model, List<Integer> ids) {
    return model.tokenizer().decode(ids.stream().mapToInt(Integer::intValue).toArray());
  }
}
