package dev.vidrio.model.generation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.kernel.host.CacheDirectory;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.receipt.Xxh64;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.state.ModelHash;
import dev.vidrio.model.state.StateKey;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Records the tokens of one answer and hashes of the logits from which they were chosen, for its
 * {@link Receipt}. A token costs one pass of {@link Xxh64} over its logits. Not thread-safe.
 */
public final class ReceiptRecorder {
  private static final String FIELD = "receipt";

  private final Receipt.Identity model;
  private final Receipt.Computation arithmetic;
  private final GenerationOptions options;
  private final Receipt.Stop stop;
  private final List<Integer> tokens = new ArrayList<>();
  private final List<Long> logits = new ArrayList<>();

  /**
   * Creates the recorder of an answer. The first one of a model hashes the model's file.
   *
   * @param stopTokens end tokens in addition to those of the model
   * @param minTokens number of tokens before any end token is allowed
   * @throws InvalidInputException if a receipt cannot express what the session computes
   */
  public ReceiptRecorder(
      Session session, GenerationOptions options, Collection<Integer> stopTokens, int minTokens) {
    requireSupported(session);
    LoadedModel loaded = session.model();
    this.options = options;
    this.model = new Receipt.Identity(name(loaded), hash(loaded).hex());
    this.arithmetic =
        new Receipt.Computation(
            StateKey.ARITHMETIC,
            session.options().arithmetic(),
            session.cache().type(),
            session.hasLongContext());
    this.stop =
        new Receipt.Stop(
            options.tokens(),
            minTokens,
            options.stop(),
            List.copyOf(stopTokens),
            options.ignoreEnd());
  }

  /**
   * Checks that a receipt can express what a session computes.
   *
   * @throws InvalidInputException if it runs another plan than the model's
   */
  public static void requireSupported(Session session) {
    if (!session.runsPlanOfModel()) {
      throw new InvalidInputException(
          FIELD, "", "not supported in a session that runs another plan than the model's");
    }
  }

  /** Returns the hash of a model, which is computed once and remembered. */
  public static ModelHash hash(LoadedModel model) {
    return ModelHash.of(model, CacheDirectory.root().resolve("hashes"));
  }

  /** Returns the name of a model's file, without its directory. */
  private static String name(LoadedModel model) {
    Path name = Path.of(model.name()).getFileName();
    return name == null ? model.name() : name.toString();
  }

  /**
   * Adds a token of the answer, or the end token.
   *
   * @param row the f32 logits [V] from which it was chosen
   */
  void add(int token, MemorySegment row) {
    tokens.add(token);
    logits.add(Xxh64.of(row));
  }

  /**
   * Returns the receipt.
   *
   * @param answer the answer's tokens, without the end token
   */
  public Receipt receipt(
      int[] prompt, @Nullable Adaptation adaptation, List<Integer> answer, FinishReason finish) {
    Grammar grammar = options.grammar();
    int count = answer.size();
    // A token that was chosen but not taken is not an end token.
    boolean ended = finish == FinishReason.STOP && tokens.size() > count;
    return Receipt.of(
        model,
        adaptation == null
            ? null
            : new Receipt.Adapted(adaptation.adapter().sha256(), adaptation.strength()),
        arithmetic,
        options.sampling(),
        stop,
        grammar == null ? null : grammar.definition(),
        IntStream.of(prompt).boxed().toList(),
        answer,
        ended ? tokens.get(count) : null,
        finish.name().toLowerCase(Locale.ROOT),
        logits.subList(0, ended ? count + 1 : count));
  }
}
