package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.SamplingOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A lens command that continues a text with edits or hooks. */
@JsonHelp("Print JSON, with ids and text.")
public abstract class ContinuationCommand extends ModelCommand<ContinuationCommand.Completion> {
  /**
   * A continuation.
   *
   * @param settings fields of the command for JSON
   * @param measured the metric of the next token of the text, if one is given
   */
  public record Completion(JsonObject settings, List<Integer> ids, @Nullable Change measured) {}

  @Mixin private TextInput input = new TextInput();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private SamplingOption sampling = new SamplingOption();

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Generate at most N tokens.")
  private int tokens = 64;

  private int[] prompt = new int[0];

  @Override
  protected final Completion run(Model opened) {
    prompt = input.requiredIds(opened);
    return run(Lens.of(opened));
  }

  /** Continues the text with {@link #complete}. */
  protected abstract Completion run(Lens lens);

  /**
   * Continues the text and prints the continuation as it is generated, unless {@code --json} is
   * given.
   *
   * @param editable names of the edited hook points
   * @param prepare sets the edits and hooks
   * @param settings fields of the command for JSON
   */
  protected final Completion complete(
      Lens lens, String editable, Consumer<LensSession> prepare, JsonObject settings) {
    Consumer<String> print = isJson() ? _ -> {} : System.out::print;
    List<Integer> ids =
        LensCompletion.run(lens, editable, prepare, prompt, tokens, sampling, print);
    return new Completion(settings, ids, change(lens, editable, prepare));
  }

  private @Nullable Change change(Lens lens, String editable, Consumer<LensSession> prepare) {
    if (!metric.isGiven() && !target.isGiven()) {
      return null;
    }
    Measured measured = target.of(lens, prompt, metric, MetricKind.LOGPROB);
    int[] text = measured.text();
    HookPoint logits = HookPoint.of(HookSite.LOGITS);
    Capture last =
        Capture.of(logits.name())
            .positions(text.length - measured.metric().positions(), text.length);
    try (LensSession session =
        lens.open(last, SessionOptions.EXACT.withContext(text.length), editable)) {
      prepare.accept(session);
      Sequence sequence = session.newSequence();
      session.feed(sequence, text);
      return new Change(
          measured,
          measured.metric().of(lens, text),
          measured.metric().of(session.cache(sequence).get(logits).data()));
    }
  }

  /** Prints the metric; the text was printed while it was generated. */
  @Override
  protected final void print(Completion completion) {
    if (completion.measured != null) {
      completion.measured.print();
    }
  }

  @Override
  protected final void fill(JsonObject object, Completion completion) {
    object.putAll(completion.settings);
    if (completion.measured != null) {
      completion.measured.fill(object);
    }
    object.put("prompt_ids", prompt);
    object.put("ids", completion.ids);
    object.put("text", LensCompletion.decode(model(), completion.ids));
  }
}
