package dev.vidrio.model.receipt;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.sampling.SamplingOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A receipt of an answer: everything that its tokens depend on, and hashes of the logits from which
 * they were chosen. With the model, anyone can compute the answer again, on any machine,
 * instruction set or executor, and compare every bit:
 *
 * {@snippet file="GenerationExamples.java" region="receipt"}
 *
 * <p>It does not depend on how the answer was computed: alone or in a batch, after a hit in the
 * prefix cache, with draft tokens, under load or after a preemption. It is not a signature: anyone
 * with the model can make one. Immutable.
 *
 * @param vidrio the version that generated the answer, for information
 * @param model the model
 * @param adapter the adapter, or null
 * @param arithmetic settings that change bits
 * @param sampling how tokens are chosen, with the seed
 * @param stop when the answer ends
 * @param grammar the constraint, as {@link dev.vidrio.grammar.Grammar#definition}, or null
 * @param prompt token ids of the prompt
 * @param answer token ids of the answer, including those of a stop string, without the end token
 * @param endToken the end token with which the model ended the answer, or null
 * @param finish why the answer ended: {@code stop}, {@code length}, {@code context}, {@code
 *     canceled} or {@code timeout}
 * @param logits XXH64 of the logits [V], f32, little-endian, before each token of the answer and
 *     the end token: those of the model itself, before bias, penalties and temperature
 * @param chain a SHA-256 over all of the above except {@code vidrio}, the name of the model and
 *     {@code finish}, in hexadecimal digits
 * @see "docs/receipts.md"
 */
public record Receipt(
    String vidrio,
    Identity model,
    @Nullable Adapted adapter,
    Computation arithmetic,
    SamplingOptions sampling,
    Stop stop,
    @Nullable Map<String, Object> grammar,
    List<Integer> prompt,
    List<Integer> answer,
    @Nullable Integer endToken,
    String finish,
    List<Long> logits,
    String chain) {

  /** The version of the format. */
  public static final int FORMAT = 1;

  /** Maximum size of a receipt, in bytes. */
  static final long MAX_BYTES = 64L << 20;

  private static final String VERSION = version();

  /**
   * A model.
   *
   * @param name its file's name, for information
   * @param sha256 {@link dev.vidrio.model.state.ModelHash} of its metadata and weights
   */
  public record Identity(String name, String sha256) {}

  /**
   * An adapter.
   *
   * @param sha256 {@link dev.vidrio.model.adapter.Adapter#sha256}
   * @param strength the factor of its update
   */
  public record Adapted(String sha256, float strength) {}

  /**
   * Settings that change bits.
   *
   * @param version of docs/numerics.md
   * @param products the arithmetic of matrix products
   * @param cache element type of the key-value cache
   * @param longContext true if the context is so long that RoPE uses its factors for long contexts
   */
  public record Computation(int version, Arithmetic products, KvType cache, boolean longContext) {}

  /**
   * When an answer ends.
   *
   * @param tokens maximum number of tokens
   * @param minTokens number of tokens before any end token is allowed
   * @param strings stop strings
   * @param tokenIds end tokens in addition to those of the model, ascending
   * @param ignoreEnd if true, the model's end tokens do not end the answer
   */
  public record Stop(
      int tokens, int minTokens, List<String> strings, List<Integer> tokenIds, boolean ignoreEnd) {
    /** Copies and sorts the lists. */
    public Stop {
      strings = List.copyOf(strings);
      tokenIds = tokenIds.stream().sorted().toList();
    }
  }

  /** Copies the lists. */
  public Receipt {
    prompt = List.copyOf(prompt);
    answer = List.copyOf(answer);
    logits = List.copyOf(logits);
    if (logits.size() != answer.size() + (endToken == null ? 0 : 1)) {
      throw new IllegalArgumentException(
          "%s hashes of logits for %s tokens".formatted(logits.size(), answer.size()));
    }
  }

  /** Returns a receipt of this version, with its chain. */
  public static Receipt of(
      Identity model,
      @Nullable Adapted adapter,
      Computation arithmetic,
      SamplingOptions sampling,
      Stop stop,
      @Nullable Map<String, Object> grammar,
      List<Integer> prompt,
      List<Integer> answer,
      @Nullable Integer endToken,
      String finish,
      List<Long> logits) {
    return new Receipt(
            VERSION,
            model,
            adapter,
            arithmetic,
            sampling,
            stop,
            grammar,
            prompt,
            answer,
            endToken,
            finish,
            logits,
            "")
        .withComputedChain();
  }

  private Receipt withComputedChain() {
    return new Receipt(
        vidrio,
        model,
        adapter,
        arithmetic,
        sampling,
        stop,
        grammar,
        prompt,
        answer,
        endToken,
        finish,
        logits,
        computeChain());
  }

  private static String version() {
    try (InputStream in = Receipt.class.getResourceAsStream("version.txt")) {
      byte[] text = Objects.requireNonNull(in, "version.txt").readAllBytes();
      return new String(text, StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the token before which {@link #logits} has hash i: of the answer, or the end token. */
  public int token(int i) {
    return i < answer.size() ? answer.get(i) : Objects.requireNonNull(endToken);
  }

  /** Computes the chain from the other components; {@link #chain} differs if one was changed. */
  public String computeChain() {
    return AnswerChain.of(this);
  }

  /** Returns the receipt as a tree of maps, lists, texts, numbers and booleans. */
  public Map<String, @Nullable Object> toTree() {
    return ReceiptJson.write(this);
  }

  /** Returns the receipt as JSON, with a line per field. */
  public String toJson() {
    return ReceiptJson.text(this);
  }

  /**
   * Writes the receipt to a file, as JSON. The file appears when it is complete.
   *
   * @throws IOException if it cannot be written
   */
  public void write(Path file) throws IOException {
    AtomicFile.write(file, toJson().getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads a receipt from a file.
   *
   * @throws ModelFileException if the file is missing, larger than 64 MiB or not a receipt
   */
  public static Receipt read(Path file) {
    return ReceiptJson.read(file.toString(), JsonFile.readObject(file, MAX_BYTES));
  }

  /**
   * Parses a receipt.
   *
   * @param name its name in errors
   * @throws ModelFileException if the text is larger than 64 MiB or not a receipt
   */
  public static Receipt parse(String name, String json) {
    byte[] utf8 = json.getBytes(StandardCharsets.UTF_8);
    if (utf8.length > MAX_BYTES) {
      throw new ModelFileException(
          name, "size", Integer.toString(utf8.length), "must be at most " + MAX_BYTES);
    }
    return ReceiptJson.read(name, JsonFile.parseObject(name, "", utf8));
  }
}
