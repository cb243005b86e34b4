package dev.vidrio.model.block;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.architecture.DraftPlan;
import java.util.List;
import java.util.stream.IntStream;

/**
 * An EAGLE-3 head (arXiv 2503.01840) as a draft block. The state of a position is a projection of
 * the inputs of three layers of the model. Attention reads the normalized embedding of a token and
 * the normalized state of the position before it, side by side. There is no state before the first
 * token, so no other token attends to it. The output of the layer, before the final norm, is the
 * next state.
 *
 * <p>Products of the two sides are computed apart and added, since activations are not
 * concatenated.
 */
public final class EagleBlock extends DraftBlock {
  private final EagleHead head;
  private final Transformer model;
  private final List<Buffer> inputs;
  private final Transformer block;
  private final Layer layer;
  private final int cache;

  /**
   * Starts a block.
   *
   * @param model the model; its cache has the layers of the head
   * @param inputs the inputs of the model's layers
   */
  public static EagleBlock of(EagleHead head, Transformer model, List<Buffer> inputs) {
    return new EagleBlock(head, model, inputs, head.transformer(model.dimensions().kvShape()));
  }

  private EagleBlock(EagleHead head, Transformer model, List<Buffer> inputs, Transformer block) {
    super(block, model.dimensions().kvShape().layers().size() - 1);
    this.head = head;
    this.model = model;
    this.inputs = inputs;
    this.block = block;
    this.layer = block.layers().getFirst();
    this.cache = model.dimensions().kvShape().layers().size() - 2;
  }

  @Override
  Buffer states(Transformer model, String finalNorm, Buffer residual) {
    PlanBuilder plan = model.plan();
    int d = model.dimensions().d();
    int count = head.layers().size();
    return IntStream.range(0, count)
        .mapToObj(
            i -> {
              Weights part = columns("fc", i * d, d, width(), count * d);
              Buffer input = inputs.get(head.layers().get(i));
              return plan.linear("draft.features." + i, part, null, input);
            })
        .reduce((sum, product) -> plan.add(product.name() + ".sum", sum, product))
        .orElseThrow();
  }

  @Override
  DraftPlan write(String finalNorm) {
    PlanBuilder plan = plan();
    Buffer tokens = plan.embed("draft.embed", embedding());
    Buffer previous = previous(tokens);
    Buffer ofTokens = block.norm("draft.enorm", layer.tensor("attn_norm"), tokens);
    Buffer ofPrevious = block.norm("draft.hnorm", layer.tensor("attn_norm_2"), previous);
    Buffer residPre = head.normalizesResidual() ? ofPrevious : previous;
    Buffer residMid = plan.add("draft.resid_mid", residPre, attention(plan, ofTokens, ofPrevious));
    Buffer residPost = plan.add("draft.resid_post", residMid, feedForward(plan, residMid));
    keep(residPost);
    Buffer chosen = plan.gather("draft.chosen", residPost);
    Buffer normalized = block.norm("draft.normalized", "output_norm", chosen);
    List<Integer> tokenIds =
        block.weights().has("d2t")
            ? block.weights().indices("d2t", model.dimensions().vocabulary())
            : List.of();
    plan.output(plan.linear("draft.logits", unembedding(tokenIds.size()), null, normalized));
    head.finish();
    return new DraftPlan(plan.build(), tokenIds);
  }

  private Buffer attention(PlanBuilder plan, Buffer ofTokens, Buffer ofPrevious) {
    int dH = head.keyValue().dH();
    Rotation rotation = block.rope(Rotation.Pairs.INTERLEAVED).scaled();
    Buffer q = projected(plan, "q", head.heads() * dH, ofTokens, ofPrevious);
    Buffer k = projected(plan, "k", head.keyValue().width(), ofTokens, ofPrevious);
    Buffer v = projected(plan, "v", head.keyValue().valueWidth(), ofTokens, ofPrevious);
    plan.kvStore(cache, plan.rope("draft.rot_k", rotation, dH, k), v);
    Buffer z =
        plan.attention(
            "draft.z",
            cache,
            block.params().attentionScale(dH),
            Window.WITHOUT_FIRST,
            0,
            null,
            null,
            plan.rope("draft.rot_q", rotation, dH, q));
    return plan.linear("draft.attn_out", matrix("attn_output", width(), z.width()), null, z);
  }

  private Buffer projected(
      PlanBuilder plan, String which, int n, Buffer ofTokens, Buffer ofPrevious) {
    int d = width();
    String tensor = layer.tensor("attn_" + which);
    String name = "draft." + which;
    return plan.add(
        name,
        plan.linear(name + ".tokens", columns(tensor, 0, d, n, 2 * d), null, ofTokens),
        plan.linear(name + ".states", columns(tensor, d, d, n, 2 * d), null, ofPrevious));
  }

  private Buffer feedForward(PlanBuilder plan, Buffer residMid) {
    int n = block.dimensions().dFfn();
    Buffer x = block.norm("draft.mlp_in", layer.tensor("ffn_norm"), residMid);
    Buffer gate = plan.linear("draft.gate", matrix("ffn_gate", n, width()), null, x);
    Buffer up = plan.linear("draft.up", matrix("ffn_up", n, width()), null, x);
    Buffer post = plan.gated("draft.post", ActivationKind.SILU, gate, up);
    return plan.linear("draft.mlp_out", matrix("ffn_down", width(), n), null, post);
  }

  private int width() {
    return block.dimensions().d();
  }

  /** Returns the embeddings of tokens, by the table of the model unless the head has one. */
  private Weights embedding() {
    String tensor = "token_embd.weight";
    boolean own = block.weights().has(tensor);
    if (!own) {
      requireWidthOfModel(tensor);
    }
    WeightLoader weights = own ? block.weights() : model.weights();
    return weights.table(tensor, model.dimensions().vocabulary(), width());
  }

  /**
   * Returns the unembedding, that of the model unless the head has one.
   *
   * @param tokens number of tokens that the head predicts; 0 for all
   */
  private Weights unembedding(int tokens) {
    String tensor = "output.weight";
    if (block.weights().has(tensor)) {
      int n = tokens == 0 ? model.dimensions().vocabulary() : tokens;
      return named(block.weights().matrix(tensor, n, width()));
    }
    requireWidthOfModel(tensor);
    if (tokens > 0) {
      throw block
          .params()
          .gguf()
          .metadata()
          .error(
              "d2t", tokens + " tokens", "a head with a vocabulary of its own must have " + tensor);
    }
    return model.unembeddingMatrix(width());
  }

  /**
   * Rejects a head without a tensor if it is not as wide as the model, since it cannot use the
   * model's tensor.
   */
  private void requireWidthOfModel(String missing) {
    if (width() != model.dimensions().d()) {
      throw block
          .params()
          .error(
              "embedding_length",
              Integer.toString(width()),
              "must be the %d of the model in a head without %s"
                  .formatted(model.dimensions().d(), missing));
    }
  }

  private Weights matrix(String tensor, int n, int k) {
    return named(block.weights().matrix(layer.tensor(tensor) + ".weight", n, k));
  }

  private Weights columns(String tensor, int first, int k, int n, int columns) {
    return named(block.weights().columns(tensor + ".weight", first, k, n, columns));
  }

  /**
   * Returns a matrix under a name that no matrix of the model has, so that no adapter changes it.
   */
  private static Weights named(Weights matrix) {
    return matrix.named("draft." + matrix.name());
  }
}
