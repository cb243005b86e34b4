package dev.vidrio.model.evaluation;

import static dev.vidrio.error.InvalidInputException.requireRange;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.architecture.Architecture.LongContext;
import dev.vidrio.model.generation.AllowedTokens;
import dev.vidrio.model.generation.AnswerDecoder;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.ReceiptRecorder;
import dev.vidrio.model.generation.TokenChooser;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.receipt.Xxh64;
import dev.vidrio.model.sampling.Sampler;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.state.StateKey;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The result of computing an answer again from its {@link Receipt}. Prompt and answer run as one
 * prompt, so that it is faster than generation. At each token the logits are compared by their
 * hash, and the sampler is run again from the seed to see that the settings choose this token:
 *
 * {@snippet file="GenerationExamples.java" region="receipt"}
 *
 * <p>Any executor and instruction set gives the same result (docs/numerics.md). That the answer
 * ended at its token limit, an end token, a stop string or its grammar is checked; that its context
 * was full, its time ran out or it was canceled is not.
 *
 * @param receipt the receipt
 * @param difference the first difference, or null if the answer is verified
 * @see "docs/receipts.md"
 */
public record Verification(Receipt receipt, @Nullable Difference difference) {
  private static final int BATCH = 512;

  /** Maximum size of the logits of a step, in bytes. */
  private static final long ROW_BYTES = 64L << 20;

  /**
   * A difference between a receipt and the computed answer.
   *
   * @param field one of {@code chain}, {@code arithmetic}, {@code model}, {@code adapter}, {@code
   *     logits}, {@code token} and {@code finish}
   * @param position index of the token in the answer; -1 if the field has none
   * @param expected the receipt's value
   * @param computed the computed value
   * @param message a line that explains the difference
   */
  public record Difference(
      String field, int position, String expected, String computed, String message) {}

  /** Returns whether the answer is that of the model and the settings. */
  public boolean isVerified() {
    return difference == null;
  }

  /** Checks the receipt of an answer without an adapter. */
  public static Verification of(Model model, Receipt receipt) {
    return of(model, receipt, null);
  }

  /**
   * Checks a receipt.
   *
   * @param adapter the adapter of the answer, or null
   * @throws InvalidInputException if the receipt does not fit the model although their hashes are
   *     equal, for example because its prompt exceeds the context length
   */
  public static Verification of(Model model, Receipt receipt, @Nullable Adapter adapter) {
    model.loaded().requireDecoder();
    Difference known = settings(model, receipt, adapter);
    return new Verification(receipt, known == null ? answer(model, receipt, adapter) : known);
  }

  /** Compares everything that needs no step. */
  private static @Nullable Difference settings(
      Model model, Receipt receipt, @Nullable Adapter adapter) {
    String chain = receipt.computeChain();
    if (!chain.equals(receipt.chain())) {
      return difference(
          "chain",
          receipt.chain(),
          chain,
          "does not match the receipt's own settings, tokens and hashes of logits: it was changed");
    }
    int version = receipt.arithmetic().version();
    if (version != StateKey.ARITHMETIC) {
      return difference(
          "arithmetic",
          Integer.toString(version),
          Integer.toString(StateKey.ARITHMETIC),
          "version %s of the receipt; this program computes version %s"
              .formatted(version, StateKey.ARITHMETIC));
    }
    String hash = ReceiptRecorder.hash(model.loaded()).hex();
    if (!hash.equals(receipt.model().sha256())) {
      return difference(
          "model",
          receipt.model().sha256(),
          hash,
          "the receipt is of %s with SHA-256 %s; %s has %s"
              .formatted(receipt.model().name(), receipt.model().sha256(), model.name(), hash));
    }
    return adapter(receipt, adapter);
  }

  private static @Nullable Difference adapter(Receipt receipt, @Nullable Adapter adapter) {
    Receipt.Adapted expected = receipt.adapter();
    String wanted = expected == null ? "none" : expected.sha256();
    String given = adapter == null ? "none" : adapter.sha256();
    return wanted.equals(given)
        ? null
        : difference(
            "adapter",
            wanted,
            given,
            "the receipt is of the adapter with SHA-256 %s; given: %s".formatted(wanted, given));
  }

  private static Difference difference(
      String field, String expected, String computed, String message) {
    return new Difference(field, -1, expected, computed, field + ": " + message);
  }

  private static @Nullable Difference answer(
      Model model, Receipt receipt, @Nullable Adapter adapter) {
    var replay = new Replay(model, receipt);
    if (receipt.logits().isEmpty()) {
      return replay.end();
    }
    try (Session session = model.newSession(sessionOptions(model, receipt, adapter))) {
      return replay.run(session);
    }
  }

  private static SessionOptions sessionOptions(
      Model model, Receipt receipt, @Nullable Adapter adapter) {
    int tokens = receipt.prompt().size() + receipt.logits().size() - 1;
    LongContext longer = model.architecture().longContext();
    boolean isLong = receipt.arithmetic().longContext();
    if (!isLong && longer != null && model.architecture().isLong(tokens)) {
      throw new InvalidInputException(
          "arithmetic.long_context",
          "false",
          "must be true for " + tokens + " tokens, more than " + longer.above());
    }
    int context = tokens;
    if (isLong) {
      if (longer == null) {
        throw new InvalidInputException(
            "arithmetic.long_context", "true", model.name() + " has one plan for all contexts");
      }
      context = Math.max(tokens, longer.above() + 1);
    }
    long rows =
        Math.clamp(ROW_BYTES / (model.architecture().vocabulary() * (long) Float.BYTES), 1, BATCH);
    Receipt.Adapted adapted = receipt.adapter();
    return new SessionOptions(context, BATCH, 1, (int) rows)
        .withArithmetic(receipt.arithmetic().products())
        .withKvType(receipt.arithmetic().cache())
        .withBlocks(KvCache.blocksFor(tokens))
        .withAdaptation(
            adapter == null || adapted == null
                ? null
                : new Adaptation(adapter, adapted.strength()));
  }

  /** Runs an answer's tokens and chooses each of them again. */
  private static final class Replay {
    private final Model model;
    private final Receipt receipt;
    private final TokenChooser chooser;
    private final AnswerDecoder decoder;

    Replay(Model model, Receipt receipt) {
      this.model = model;
      this.receipt = receipt;
      requireTokens(model.architecture().vocabulary() - 1);
      Receipt.Stop stop = receipt.stop();
      GenerationOptions options =
          GenerationOptions.DEFAULT
              .withTokens(stop.tokens())
              .withSampling(receipt.sampling())
              .withIgnoreEnd(stop.ignoreEnd())
              .withGrammar(receipt.grammar() == null ? null : Grammar.of(receipt.grammar()));
      this.chooser =
          new TokenChooser(
              Sampler.of(model.loaded(), receipt.sampling()),
              new AllowedTokens(
                  model.loaded(), options, new HashSet<>(stop.tokenIds()), stop.minTokens()),
              stop.tokens());
      this.decoder = new AnswerDecoder(model.tokenizer(), stop.strings());
      chooser.acceptPrompt(receipt.prompt().stream().mapToInt(Integer::intValue).toArray());
    }

    /** Rejects ids that the model does not have; the chain of a receipt may cover them. */
    private void requireTokens(int last) {
      receipt.prompt().forEach(id -> requireRange("prompt: token id", id, 0, last));
      receipt.stop().tokenIds().forEach(id -> requireRange("stop: token id", id, 0, last));
      for (int i = 0; i < receipt.logits().size(); i++) {
        requireRange("answer: token id", receipt.token(i), 0, last);
      }
    }

    @Nullable Difference run(Session session) {
      int[] tokens =
          Stream.concat(receipt.prompt().stream(), receipt.answer().stream())
              .mapToInt(Integer::intValue)
              .limit(receipt.prompt().size() + receipt.logits().size() - 1L)
              .toArray();
      int first = receipt.prompt().size() - 1;
      Sequence sequence = session.newSequence();
      session.requireFits(sequence, tokens);
      int step = 0;
      for (int i = 0; i < tokens.length; ) {
        session.begin();
        int rows = 0;
        for (int n = 0; n < BATCH && i < tokens.length && rows < session.limits().logits(); n++) {
          session.add(sequence, tokens[i], i >= first);
          rows += i >= first ? 1 : 0;
          i++;
        }
        session.run();
        for (int row = 0; row < rows; row++, step++) {
          Difference found = check(session, row, step);
          if (found != null) {
            return found;
          }
        }
      }
      return end();
    }

    /** Compares the logits of a row and chooses the token after it. */
    private @Nullable Difference check(Session session, int row, int step) {
      FinishReason ended = ended();
      if (ended != null) {
        return finish(ended);
      }
      String expected = HexFormat.of().toHexDigits(receipt.logits().get(step));
      String computed = HexFormat.of().toHexDigits(Xxh64.of(session.logits(row)));
      int token = receipt.token(step);
      if (!expected.equals(computed)) {
        return new Difference(
            "logits",
            step,
            expected,
            computed,
            "logits before token %s of the answer, %s: hash %s in the receipt, computed %s"
                .formatted(step, shown(token), expected, computed));
      }
      int chosen = chooser.choose(session.candidates(row), session.logits(row));
      if (chosen != token) {
        return new Difference(
            "token",
            step,
            Integer.toString(token),
            Integer.toString(chosen),
            "token %s of the answer: %s in the receipt, but the settings choose %s"
                .formatted(step, shown(token), shown(chosen)));
      }
      boolean isEnd = step == receipt.answer().size();
      if (chooser.isEnd(token) != isEnd) {
        return isEnd ? finish(null) : finish(FinishReason.STOP);
      }
      if (!isEnd) {
        chooser.accept(token);
        var _ = decoder.accept(token);
      }
      return null;
    }

    /** Returns a token with its text. */
    private String shown(int token) {
      return token + " '" + model.tokenizer().piece(token) + "'";
    }

    /** Returns why the answer ends after the tokens so far, or null. */
    private @Nullable FinishReason ended() {
      return decoder.isStopped() ? FinishReason.STOP : chooser.finishReason(false);
    }

    /** Compares how the answer ended, after its last token. */
    @Nullable Difference end() {
      FinishReason expected = FinishReason.valueOf(receipt.finish().toUpperCase(Locale.ROOT));
      FinishReason computed = receipt.endToken() == null ? ended() : FinishReason.STOP;
      boolean isFree = expected != FinishReason.STOP && expected != FinishReason.LENGTH;
      return computed == expected || (computed == null && isFree) ? null : finish(computed);
    }

    private Difference finish(@Nullable FinishReason computed) {
      int position = decoder.tokens().size();
      String reason = computed == null ? "continues" : computed.name().toLowerCase(Locale.ROOT);
      return new Difference(
          "finish",
          position,
          receipt.finish(),
          reason,
          "finish after %s tokens: %s in the receipt, computed %s"
              .formatted(position, receipt.finish(), reason));
    }
  }
}
