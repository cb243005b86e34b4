package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.LensFiles;
import dev.vidrio.cli.lens.option.PositionsOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.AttentionLens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.ComponentLens;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.page.View;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens logits}. */
@Command(
    name = "logits",
    description = {
      "The logit lens: shows the next-token prediction after each layer.",
      "One line per token of the text; each cell is the most likely next token and its probability"
          + " in percent. Of more than four layers, four are shown; JSON has all. With --token, one"
          + " line per layer.",
      "With --hooks of components, such as '*.hook_attn_out', '*.hook_mlp_out', '*.hook_result'"
          + " (heads) or 'blocks.3.mlp.hook_post' (neurons): the tokens with the logits that each"
          + " component increases and decreases, in the scale of the run's final norm."
    })
public final class LogitsCommand extends TextCommand<LogitTable> {
  @Mixin private PositionsOption positions = new PositionsOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      description =
          "The residual streams to read, or the components that write to them; components are read"
              + " at the last position unless --positions is given.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = "--token",
      paramLabel = "TEXT",
      description = "Also follow this next token, or #N: its rank and probability, or logit.")
  private @Nullable String token;

  @Option(names = "--top", paramLabel = "K", description = "Tokens per cell in JSON.")
  private int top = 5;

  @Mixin private LensFiles files = new LensFiles();

  @Option(
      names = "--attention",
      paramLabel = "FILE",
      description =
          "Read the heads of an attention lens, written by 'lens tune --hooks *.hook_z', at the"
              + " last position unless --positions is given.")
  private @Nullable Path attention;

  @Option(
      names = "--softmax",
      description = "Show probabilities under a softmax over each component alone.")
  private boolean softmax;

  @Override
  protected void check() {
    super.check();
    UsageException.requireAtLeast("--top", top, 1);
  }

  @Override
  protected LogitTable run(Lens lens, int[] tokens) {
    if (attention != null) {
      return heads(lens, tokens, attention);
    }
    boolean components = isOfComponents(lens);
    int followed = token == null ? -1 : TokenText.parse(lens.model(), "token", token);
    Capture capture = positions.of(Capture.of(hooks), tokens.length);
    List<Intervention> changes = edits.of(lens, tokens);
    if (components) {
      return new ComponentTable(
          lens.model(),
          ComponentLens.of(lens, tokens, some(tokens), top, followed, changes),
          softmax);
    }
    LogitLens.Translation translation = files.one(lens);
    return new StreamTable(
        lens.model(),
        LogitLens.of(lens, tokens, capture, top, followed, translation, changes, isDrawn()),
        positions.isAsked(),
        translation.ahead());
  }

  /** Returns the requested positions, or the last. */
  private Capture some(int[] tokens) {
    Capture capture = Capture.of(hooks);
    return positions.isAsked()
        ? positions.of(capture, tokens.length)
        : capture.positions(tokens.length - 1, tokens.length);
  }

  private LogitTable heads(Lens lens, int[] tokens, Path file) {
    if (files.first() != null || softmax) {
      throw new UsageException(
          "--attention: cannot be combined with " + (softmax ? "--softmax" : files.first()));
    }
    if (command().commandLine().getParseResult().hasMatchedOption("--hooks")) {
      throw new UsageException("--attention: cannot be combined with --hooks; the file has heads");
    }
    int followed = token == null ? -1 : TokenText.parse(lens.model(), "token", token);
    AttentionLens loaded = AttentionLens.load(lens, file);
    return new HeadTable(
        lens.model(),
        loaded.read(lens, tokens, some(tokens), top, followed, edits.of(lens, tokens)));
  }

  private boolean isOfComponents(Lens lens) {
    boolean components = ComponentLens.areComponents(lens.points(hooks));
    String option = files.first();
    if (components && option != null) {
      throw new UsageException(option + ": cannot be combined with --hooks of components");
    }
    if (!components && softmax) {
      throw new UsageException("--softmax: needs --hooks of components, not residual streams");
    }
    return components;
  }

  @Override
  protected void print(LogitTable table) {
    table.print();
  }

  @Override
  protected void fill(JsonObject object, LogitTable table) {
    table.fill(object);
  }

  @Override
  protected List<? extends View> views(LogitTable table) {
    return List.of(table.view());
  }
}
