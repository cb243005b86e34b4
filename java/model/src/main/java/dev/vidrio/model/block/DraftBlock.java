package dev.vidrio.model.block;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A block that predicts the token after next (multi-token prediction, arXiv 2412.19437; NextN in
 * GGUF files): one more layer, over a projection of the embedding of the token at position p and of
 * the normalized hidden state of the model at position p − 1. Its logits are those of position p +
 * 1, as far as the block can predict them before the model has run position p.
 *
 * <p>The cache has a layer of hidden states next to the keys and values of the block, so that
 * shared prefixes, copies and truncation need no care. A step of the model stores both: {@link
 * #keys} adds that to its plan. A step of the block stores its own normalized hidden state instead,
 * from which its next step continues, until the model runs the position.
 *
 * @see "docs/adr/032-draft-blocks.md"
 */
public final class DraftBlock {
  private static final String PROJECTION = "nextn.eh_proj.weight";
  private static final String EMBEDDING = "nextn.embed_tokens.weight";
  private static final String HEAD = "nextn.shared_head_head";
  private static final String NORM = "nextn.shared_head_norm";

  /** Writes a layer, from the residual stream before it to the one after it. */
  @FunctionalInterface
  public interface LayerWriter {
    /** Writes it. */
    Buffer write(Layer layer, Buffer residPre);
  }

  private final Transformer model;
  private final Layer layer;
  private final Buffer embedding;
  private final LayerWriter decoder;
  private final Sublayer unembedding;

  /**
   * Starts a block.
   *
   * @param model has the block as its last layer, and a plan of the embedding alone
   * @param embedding embeddings of the tokens by the table of the model, which is used unless the
   *     file has one of the block
   * @param decoder writes the block as a layer of the model
   * @param unembedding that of the model, which is used unless the file has one of the block
   */
  public DraftBlock(
      Transformer model, Buffer embedding, LayerWriter decoder, Sublayer unembedding) {
    this.model = model;
    this.embedding = embedding;
    this.layer = model.layers().getLast();
    this.decoder = decoder;
    this.unembedding = unembedding;
  }

  /**
   * Writes the plan of the block.
   *
   * @param finalNorm tensor of the model's norm after the last layer, which is used unless the file
   *     has one of the block
   */
  Plan write(String finalNorm) {
    PlanBuilder plan = model.plan();
    int d = model.dimensions().d();
    Buffer tokens = layer.has(EMBEDDING) ? ownEmbedding(d) : embedding;
    // Any row will do as the one of the token itself: it is not read, and overwritten below.
    Buffer previous = plan.conv("draft.previous", hiddenStates(), null, shift(d), tokens);
    Buffer ofTokens = model.norm("draft.enorm", layer.tensor("nextn.enorm"), tokens);
    Buffer ofPrevious = model.norm("draft.hnorm", layer.tensor("nextn.hnorm"), previous);
    Buffer projected =
        plan.add(
            "draft.projected",
            plan.linear("draft.tokens", half(0, d), null, ofTokens),
            plan.linear("draft.states", half(d, d), null, ofPrevious));
    Buffer residual = decoder.write(layer, projected);
    String norm = layer.has(NORM + ".weight") ? layer.tensor(NORM) : finalNorm;
    Buffer hidden = model.norm("draft.normalized", norm, residual);
    plan.conv("draft.kept", hiddenStates(), null, shift(d), hidden);
    plan.output(logits(plan.gather("draft.chosen", hidden)));
    return plan.build();
  }

  private Buffer ownEmbedding(int d) {
    Weights table =
        model.weights().table(layer.tensor(EMBEDDING), model.dimensions().vocabulary(), d);
    return model.plan().embed("draft.embed", table);
  }

  private Buffer logits(Buffer hidden) {
    int n = model.dimensions().vocabulary();
    return layer.has(HEAD + ".weight")
        ? model.linear("draft.logits", layer.tensor(HEAD), n, hidden)
        : unembedding.write("draft.logits", hidden);
  }

  /** Returns the layer of the cache with the hidden states. */
  private int hiddenStates() {
    return layer.cache() + 1;
  }

  /** Returns the kernel [2, d] of a convolution that reads the row of the previous position. */
  private Weights shift(int d) {
    var rows = new float[2 * d];
    Arrays.fill(rows, 0, d, 1);
    return model.weights().constants("draft.shift", 2, d, rows);
  }

  /** Takes the columns of the projection for embeddings, which come first, or hidden states. */
  private Weights half(int first, int d) {
    return model.weights().columns(layer.tensor(PROJECTION), first, d, d, 2 * d);
  }

  /**
   * Returns the operations that a step of the model appends to store what the block reads of its
   * tokens later: hidden states, keys and values.
   *
   * @param model plan of the model
   * @param block plan of the block
   * @param hidden normalized hidden states of the model
   */
  static List<Op> keys(Plan model, Plan block, Buffer hidden) {
    Set<Operand> needed = new HashSet<>();
    List<Op> keys = new ArrayList<>();
    for (Op op : block.ops().reversed()) {
      boolean stores = op instanceof SequenceOp.KvStore;
      if (stores || op.writes().stream().anyMatch(needed::contains)) {
        needed.addAll(op.reads());
        keys.addFirst(op instanceof SequenceOp.Conv conv ? of(conv, hidden) : op);
      }
    }
    // The embedding of the tokens, if the block has none of its own.
    keys.removeAll(model.ops());
    return keys;
  }

  private static Op of(SequenceOp.Conv conv, Buffer hidden) {
    return new SequenceOp.Conv(conv.layer(), conv.part(), conv.kernel(), hidden, conv.y());
  }
}
