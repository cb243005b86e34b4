package dev.vidrio.tokenizer;

import dev.vidrio.tokenizer.vocabulary.TokenRole;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Builds prompts that ask a code model for the text between a prefix and a suffix
 * (fill-in-the-middle).
 *
 * {@snippet file="TokenizerExamples.java" region="infill"}
 *
 * <p>The prompt has the order prefix, suffix, middle of arXiv:2207.14255. The model's answer is the
 * middle, which ends at an end token of the {@linkplain Tokenizer#endOfGeneration vocabulary}:
 *
 * <pre>
 * [BOS] [FIM_PREFIX] prefix [FIM_SUFFIX] suffix [FIM_MIDDLE]
 * </pre>
 *
 * <p>Other files of the repository come before it, in the order of arXiv:2409.12186 §3.2.2, where
 * the file with the gap is the last one:
 *
 * <pre>
 * [BOS] [FIM_REPOSITORY] repository \n
 *       [FIM_FILE_SEPARATOR] name \n text …
 *       [FIM_FILE_SEPARATOR] name \n [FIM_PREFIX] prefix [FIM_SUFFIX] suffix [FIM_MIDDLE]
 * </pre>
 *
 * <p>A vocabulary without {@link TokenRole#FIM_REPOSITORY} omits the first line. Without {@link
 * TokenRole#FIM_FILE_SEPARATOR}, files are separated by a line of text and have no names. Names and
 * texts are encoded without parsing special tokens, so that code cannot forge the structure. BOS is
 * added if the model expects it; EOS never is.
 *
 * <p>A vocabulary may have these tokens although its model was not trained with them. Immutable and
 * thread-safe.
 *
 * @see TokenRole
 * @see "docs/server.md"
 */
public final class FillInMiddle {

  /** The boundary of files in a vocabulary without a file separator, as llama.cpp writes it. */
  private static final String SNIPPET = "\n\n--- snippet ---\n\n";

  /** Code is plain text, and its parts have no BOS. */
  private static final EncodeOptions TEXT = new EncodeOptions(false, false);

  private final Tokenizer tokenizer;
  private final int prefixToken;
  private final int suffixToken;
  private final int middleToken;

  /**
   * A file that the model may read.
   *
   * @param name the name, such as {@code src/main.py}
   * @param text the content or a part of it
   */
  public record SourceFile(String name, String text) {}

  /**
   * The files of a repository around the file with the gap.
   *
   * @param name the name of the repository
   * @param others the other files, the most relevant last
   * @param file the name of the file with the gap
   */
  public record Repository(String name, List<SourceFile> others, String file) {

    /** Copies the list. */
    public Repository {
      others = List.copyOf(others);
    }
  }

  /**
   * Returns the error for a model without the tokens.
   *
   * @param model the model as errors name it
   */
  public static String notSupported(String model) {
    return "not supported: the vocabulary of "
        + model
        + " has no prefix, suffix and middle tokens for fill-in-the-middle";
  }

  private FillInMiddle(Tokenizer tokenizer, int prefixToken, int suffixToken, int middleToken) {
    this.tokenizer = tokenizer;
    this.prefixToken = prefixToken;
    this.suffixToken = suffixToken;
    this.middleToken = middleToken;
  }

  /**
   * Returns the prompt format of a vocabulary.
   *
   * @return the format; empty if the vocabulary lacks the token of {@link TokenRole#FIM_PREFIX},
   *     {@link TokenRole#FIM_SUFFIX} or {@link TokenRole#FIM_MIDDLE}
   */
  public static Optional<FillInMiddle> of(Tokenizer tokenizer) {
    OptionalInt prefix = tokenizer.token(TokenRole.FIM_PREFIX);
    OptionalInt suffix = tokenizer.token(TokenRole.FIM_SUFFIX);
    OptionalInt middle = tokenizer.token(TokenRole.FIM_MIDDLE);
    return prefix.isPresent() && suffix.isPresent() && middle.isPresent()
        ? Optional.of(
            new FillInMiddle(tokenizer, prefix.getAsInt(), suffix.getAsInt(), middle.getAsInt()))
        : Optional.empty();
  }

  /** Returns the prompt of a gap between two texts. Either text may be empty. */
  public int[] prompt(String prefix, String suffix) {
    return concatenation(bos(), gap(prefix, suffix));
  }

  /** Returns the prompt of a gap in a file of a repository. */
  public int[] prompt(Repository repository, String prefix, String suffix) {
    IntStream.Builder ids = IntStream.builder();
    tokenizer
        .token(TokenRole.FIM_REPOSITORY)
        .ifPresent(
            token -> {
              ids.add(token);
              add(ids, repository.name() + "\n");
            });
    OptionalInt separator = tokenizer.token(TokenRole.FIM_FILE_SEPARATOR);
    for (SourceFile file : repository.others()) {
      if (separator.isPresent()) {
        ids.add(separator.getAsInt());
        add(ids, file.name() + "\n");
      } else {
        add(ids, SNIPPET);
      }
      add(ids, file.text());
    }
    separator.ifPresent(
        token -> {
          ids.add(token);
          add(ids, repository.file() + "\n");
        });
    return concatenation(bos(), ids.build().toArray(), gap(prefix, suffix));
  }

  /** Returns BOS if the model expects it: what encoding an empty text adds, without EOS. */
  private int[] bos() {
    OptionalInt bos = tokenizer.bos();
    int[] added = tokenizer.encode("", EncodeOptions.DEFAULT);
    return bos.isPresent() && added.length > 0 && added[0] == bos.getAsInt()
        ? new int[] {added[0]}
        : new int[0];
  }

  private int[] gap(String prefix, String suffix) {
    IntStream.Builder ids = IntStream.builder();
    ids.add(prefixToken);
    add(ids, prefix);
    ids.add(suffixToken);
    add(ids, suffix);
    ids.add(middleToken);
    return ids.build().toArray();
  }

  private void add(IntStream.Builder ids, String text) {
    for (int id : tokenizer.encode(text, TEXT)) {
      ids.add(id);
    }
  }

  private static int[] concatenation(int[]... parts) {
    return IntStream.range(0, parts.length).flatMap(i -> IntStream.of(parts[i])).toArray();
  }
}
