package dev.vidrio.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.SequenceOp.Part;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class PlanTest {
  private static final KvShape KV = new KvShape(1, 2, 8);

  private static Buffer tokens(String name, int width) {
    return new Buffer(name, Rows.TOKENS, width);
  }

  private static Weights matrix(WeightType type, int n, int k) {
    boolean packed = type.quantized();
    long bytes = packed ? Packing.bytes(type, n, k) : n * type.bytes(k);
    MemorySegment data = Arena.ofAuto().allocate(bytes, 64);
    return new Weights("w", type, packed ? Weights.Layout.PACKED : Weights.Layout.ROWS, n, k, data);
  }

  @Test
  void rejectsActivationsReadBeforeWriteOrWrittenTwice() {
    Buffer a = tokens("a", 32);
    Buffer b = tokens("b", 32);
    Op scale = new Op.Scale(a, 2, b);
    Op embed = new Op.Embed(matrix(WeightType.F32, 4, 32), Op.EmbedIndex.TOKENS, 0, 0, a);
    assertThrows(IllegalArgumentException.class, () -> new Plan(List.of(scale), KV, Set.of()));
    assertThrows(
        IllegalArgumentException.class, () -> new Plan(List.of(embed, embed), KV, Set.of()));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Plan(List.of(embed), KV, Set.of(tokens("c", 32))));
    assertEquals(b, new Plan(List.of(embed, scale), KV, Set.of(b)).buffer("b"));
  }

  private static Plan gathered(List<Op> ops) {
    Buffer last = (Buffer) ops.getLast().writes().getFirst();
    Buffer rows = new Buffer("rows", Rows.LOGITS, last.width());
    return new Plan(
        Stream.concat(ops.stream(), Stream.of(new Op.Gather(last, rows))).toList(),
        KV,
        Set.of(rows));
  }

  @Test
  void hoistedGatherIsNotBeforeRotations() {
    Buffer x = tokens("x", 32);
    Op embed = new Op.Embed(matrix(WeightType.F32, 4, 32), Op.EmbedIndex.TOKENS, 0, 0, x);
    var rotation =
        new Rotation(Rotation.Pairs.HALVES, List.of(1.0, 0.1), 1, Rotation.Temperature.NONE);
    Plan plan = gathered(List.of(embed, new SequenceOp.Rope(rotation, 8, x, tokens("y", 32))));
    assertEquals(plan.ops(), new GatherHoisting().apply(plan).ops());
  }

  @Test
  void hoistedGatherIsBeforeGradients() {
    Buffer x = tokens("x", 32);
    Op embed = new Op.Embed(matrix(WeightType.F32, 4, 32), Op.EmbedIndex.TOKENS, 0, 0, x);
    var forward = new Op.Activation(Op.ActivationKind.SILU, x, null, tokens("not written", 32));
    Op gradient =
        new BackwardOp.Activation(forward, BackwardOp.Slope.DERIVATIVE, x, tokens("dx", 32));
    List<Op> ops = new GatherHoisting().apply(gathered(List.of(embed, gradient))).ops();
    assertInstanceOf(Op.Gather.class, ops.get(1));
    assertEquals(Rows.LOGITS, ops.getLast().writes().getFirst().rows());
  }

  @Test
  void rejectsAttentionThatDoesNotMatchTheCache() {
    Buffer q = tokens("q", 40);
    Buffer z = tokens("z", 40);
    Op embed = new Op.Embed(matrix(WeightType.F32, 4, 40), Op.EmbedIndex.TOKENS, 0, 0, q);
    Op fiveHeads = new SequenceOp.Attention(0, 5, 1, q, z);
    Op missingLayer = new SequenceOp.Attention(1, 5, 1, q, z);
    for (Op attention : List.of(fiveHeads, missingLayer)) {
      Exception e =
          assertThrows(
              IllegalArgumentException.class,
              () -> new Plan(List.of(embed, attention), KV, Set.of()));
      assertTrue(String.valueOf(e.getMessage()).contains("does not fit the key-value cache"));
    }
  }

  @Test
  void rejectsConvolutionsThatDoNotMatchTheCache() {
    Buffer x = tokens("x", 40);
    Op embed = new Op.Embed(matrix(WeightType.F32, 4, 40), Op.EmbedIndex.TOKENS, 0, 0, x);
    Op conv = new SequenceOp.Conv(0, null, matrix(WeightType.F32, 3, 40), x, tokens("y", 40));
    new Plan(List.of(embed, conv), new KvShape(List.of(new KvShape.Rows(40))), Set.of());
    for (KvShape shape : List.of(KV, new KvShape(List.of(new KvShape.Rows(41))))) {
      assertThrows(
          IllegalArgumentException.class, () -> new Plan(List.of(embed, conv), shape, Set.of()));
    }
    Op ofPart = new SequenceOp.Conv(0, Part.KEY, matrix(WeightType.F32, 3, 40), x, tokens("y", 40));
    new Plan(
        List.of(embed, ofPart),
        new KvShape(List.of(new KvShape.Recurrent(4, 4, 10, 3, 3))),
        Set.of());
    for (KvShape.Layer layer :
        List.of(
            new KvShape.Rows(40),
            new KvShape.Recurrent(4, 4, 9, 3, 3),
            new KvShape.Recurrent(4, 4, 10, 3, 4))) {
      var shape = new KvShape(List.of(layer));
      assertThrows(
          IllegalArgumentException.class, () -> new Plan(List.of(embed, ofPart), shape, Set.of()));
    }
    Op ofRing =
        new SequenceOp.Conv(0, Part.VALUE, matrix(WeightType.F32, 3, 40), x, tokens("y", 40));
    new Plan(List.of(embed, ofRing), new KvShape(List.of(new KvShape.Ring(40, 3))), Set.of());
    for (KvShape.Layer layer : List.of(new KvShape.Ring(40, 4), new KvShape.Ring(41, 3))) {
      var shape = new KvShape(List.of(layer));
      assertThrows(
          IllegalArgumentException.class, () -> new Plan(List.of(embed, ofRing), shape, Set.of()));
    }
    var noLayer = new SequenceOp.Conv(1, null, matrix(WeightType.F32, 3, 40), x, tokens("y", 40));
    var cache = new KvShape(List.of(new KvShape.Rows(40)));
    assertThrows(
        IllegalArgumentException.class, () -> new Plan(List.of(embed, noLayer), cache, Set.of()));
    var attention = new SequenceOp.Attention(0, 5, 1, x, tokens("z", 40));
    assertThrows(
        IllegalArgumentException.class, () -> new Plan(List.of(embed, attention), cache, Set.of()));
  }

  @Test
  void constructorsRejectMismatchedShapes() {
    Buffer x = tokens("x", 64);
    Buffer y = tokens("y", 32);
    assertThrows(IllegalArgumentException.class, () -> new Op.Add(x, x, y));
    assertThrows(
        IllegalArgumentException.class, () -> new Op.MatMul(matrix(WeightType.F32, 32, 32), x, y));
    assertThrows(
        IllegalArgumentException.class, () -> new Op.MatMul(matrix(WeightType.Q8_0, 32, 64), x, y));
    assertThrows(IllegalArgumentException.class, () -> new Op.Gather(x, tokens("z", 64)));
    assertThrows(IllegalArgumentException.class, () -> new QuantizedBuffer("q", Rows.TOKENS, 33));
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new Weights(
                "w", WeightType.F32, Weights.Layout.ROWS, 2, 2, MemorySegment.ofArray(new int[3])));
  }

  @Test
  void headNorm_sharedOrPerHeadGain() {
    Buffer x = tokens("x", 64);
    Buffer y = tokens("y", 64);
    for (int width : new int[] {16, 64}) {
      Weights gain = matrix(WeightType.F32, 1, width);
      Op.Norm norm = new Op.Norm(Op.NormKind.RMS, 0, 4, x, gain, null, y, null);
      assertEquals(16, norm.d());
      assertEquals(width == 64 ? 32 : 0, norm.affineOffset(6));
    }
    Weights halves = matrix(WeightType.F32, 1, 32);
    assertThrows(
        IllegalArgumentException.class,
        () -> new Op.Norm(Op.NormKind.RMS, 0, 4, x, halves, null, y, null));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Op.Norm(Op.NormKind.RMS, 0, 5, x, null, null, y, null));
  }

  @Test
  void quantizesSharedInputOnce() {
    var b = new PlanBuilder(KV);
    Buffer x = b.embed("x", matrix(WeightType.F32, 4, 64));
    Weights w = matrix(WeightType.Q8_0, 32, 64);
    b.matMul("q", w, x);
    b.matMul("k", w, x);
    b.matMul("v", w, b.activation("other", Op.ActivationKind.RELU, x));
    long quantizations = b.build().ops().stream().filter(Op.Quantize.class::isInstance).count();
    assertEquals(2, quantizations);
  }
}
