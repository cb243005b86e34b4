package dev.vidrio.lens.decode;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A Patchscope (Ghandeharioun et al. 2024, arXiv 2401.06102): inserts a representation into another
 * text, so that the model verbalizes it, {@code f*(x* | do(f^{c*} = m(f^c(x))))}.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="patchscope"}
 *
 * @see "docs/lens/decoding.md"
 */
public final class Patchscope {
  /**
   * A prompt with a last token that repeats the preceding one (the identity prompt of the paper);
   * the representation is inserted at its last token.
   */
  public static final String IDENTITY = "cat -> cat; 1135 -> 1135; hello -> hello; ?";

  private final float[] representation;

  private Patchscope(float[] representation) {
    this.representation = representation;
  }

  /**
   * Reads a representation.
   *
   * @param source tokens x of the text
   * @param position of the token
   * @param point c, with one row per token
   */
  public static Patchscope of(Lens lens, int[] source, int position, HookPoint point) {
    Preconditions.requirePosition("position", source, position);
    return new Patchscope(lens.row(source, point, position));
  }

  /** Returns the representation after a mapping m, such as an affine one between two models. */
  public Patchscope map(UnaryOperator<float[]> mapping) {
    return new Patchscope(mapping.apply(representation.clone()));
  }

  /** Returns the intervention that inserts it: c* at a position of the text x*. */
  public Intervention into(HookPoint target, int position) {
    return Intervention.set(target, representation).position(position);
  }

  /**
   * Returns the greedy continuation of the other text.
   *
   * @param lens of the model that decodes, f*
   * @param target tokens x* of the text
   * @param position of the insertion
   * @param point c*
   * @param count number of tokens, at least 1
   */
  public List<Integer> read(Lens lens, int[] target, int position, HookPoint point, int count) {
    Preconditions.requirePosition("target position", target, position);
    Preconditions.requirePositive("tokens", count);
    int context = Math.clamp((long) target.length + count, 1, Integer.MAX_VALUE);
    SessionOptions room = SessionOptions.EXACT.withContext(context);
    List<Integer> said = new ArrayList<>();
    try (LensSession session = lens.open(Capture.NONE, room, point.name())) {
      session.edits(List.of(into(point, position)));
      Sequence sequence = session.newSequence();
      session.feed(sequence, target);
      said.add(session.candidates().id(0));
      while (said.size() < count) {
        session.feed(sequence, said.getLast());
        said.add(session.candidates().id(0));
      }
    }
    return said;
  }
}
