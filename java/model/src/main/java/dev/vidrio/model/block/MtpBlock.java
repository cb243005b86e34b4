package dev.vidrio.model.block;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.architecture.DraftPlan;
import java.util.List;

/**
 * A model's own block for multi-token prediction (arXiv 2412.19437; NextN in GGUF files): one more
 * layer, over a projection of the embedding of a token and of the normalized hidden state of the
 * model at the position before. Its own normalized hidden state is the next one.
 */
public final class MtpBlock extends DraftBlock {
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
  public MtpBlock(Transformer model, Buffer embedding, LayerWriter decoder, Sublayer unembedding) {
    super(model, model.layers().getLast().cache() + 1);
    this.model = model;
    this.embedding = embedding;
    this.layer = model.layers().getLast();
    this.decoder = decoder;
    this.unembedding = unembedding;
  }

  @Override
  Buffer states(Transformer model, String finalNorm, Buffer residual) {
    return model.norm("draft.hidden", finalNorm, residual);
  }

  /** Writes the plan, with the model's final norm unless the file has one of the block. */
  @Override
  DraftPlan write(String finalNorm) {
    PlanBuilder plan = plan();
    int d = model.dimensions().d();
    Buffer tokens = layer.has(EMBEDDING) ? ownEmbedding(d) : embedding;
    Buffer ofTokens = model.norm("draft.enorm", layer.tensor("nextn.enorm"), tokens);
    Buffer ofPrevious = model.norm("draft.hnorm", layer.tensor("nextn.hnorm"), previous(tokens));
    Buffer projected =
        plan.add(
            "draft.projected",
            plan.linear("draft.tokens", half(0, d), null, ofTokens),
            plan.linear("draft.states", half(d, d), null, ofPrevious));
    Buffer residual = decoder.write(layer, projected);
    String norm = layer.has(NORM + ".weight") ? layer.tensor(NORM) : finalNorm;
    Buffer hidden = model.norm("draft.normalized", norm, residual);
    keep(hidden);
    plan.output(logits(plan.gather("draft.chosen", hidden)));
    return new DraftPlan(plan.build(), List.of());
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

  /** Takes the columns of the projection for embeddings, which come first, or hidden states. */
  private Weights half(int first, int d) {
    return model.weights().columns(layer.tensor(PROJECTION), first, d, d, 2 * d);
  }
}
