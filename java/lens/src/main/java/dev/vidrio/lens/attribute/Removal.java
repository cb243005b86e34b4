package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Removes spans of a text by interventions; the positions of other tokens remain.
 *
 * <p>Immutable.
 *
 * @see Occlusion
 */
public final class Removal {
  /** The way in which tokens are removed. */
  public enum By {
    /** Sets their embeddings to zeros. */
    ZERO,
    /**
     * Hides them from the attention of later tokens in all layers: {@link Intervention#knockOut}.
     */
    HIDE,
    /** Sets their embeddings to that of another token. */
    REPLACE
  }

  private final By by;
  private final float[] embedding;

  private Removal(By by, float[] embedding) {
    this.by = by;
    this.embedding = embedding;
  }

  /** Returns the removal that sets embeddings to zeros. */
  public static Removal zero() {
    return new Removal(By.ZERO, new float[0]);
  }

  /** Returns the removal that hides spans from the attention of later tokens in all layers. */
  public static Removal hide() {
    return new Removal(By.HIDE, new float[0]);
  }

  /**
   * Returns the removal that sets embeddings to that of a token, such as an unknown or a padding
   * token.
   *
   * @throws InvalidInputException if the token is not in the vocabulary
   */
  public static Removal replace(Lens lens, int token) {
    return new Removal(By.REPLACE, InputAttribution.embedding(lens, token));
  }

  /** Returns the way of removal. */
  public By by() {
    return by;
  }

  /**
   * Checks that a model supports this removal.
   *
   * @throws InvalidInputException if spans are to be hidden and the model mixes tokens by other
   *     means than attention
   */
  void require(Lens lens) {
    if (by == By.HIDE) {
      Preconditions.requireAttention(lens.model(), "hiding of tokens");
    }
  }

  /**
   * Returns the interventions that remove spans of a text of n tokens. No later token attends to
   * the last one, so hiding it changes nothing. Tokens of a span still attend to each other.
   */
  List<Intervention> of(Lens lens, List<TokenSpan> spans, int n) {
    HookPoint embed = HookPoint.of(HookSite.EMBED);
    Stream<Intervention> edits =
        switch (by) {
          case ZERO ->
              spans.stream().map(s -> Intervention.zero(embed).positions(s.from(), s.to()));
          case REPLACE ->
              spans.stream()
                  .map(s -> Intervention.set(embed, embedding).positions(s.from(), s.to()));
          case HIDE -> {
            int layers = lens.model().architecture().layers();
            yield spans.stream()
                .filter(span -> span.to() < n)
                .flatMap(span -> IntStream.range(0, layers).mapToObj(l -> hidden(l, span, n)));
          }
        };
    return edits.toList();
  }

  private static Intervention hidden(int layer, TokenSpan span, int n) {
    return Intervention.knockOut(layer, span.from(), span.to()).positions(span.to(), n);
  }
}
