package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_attention_values;
import dev.vidrio.bindings.vd_gain;
import dev.vidrio.bindings.vd_norm;
import dev.vidrio.bindings.vd_op;
import dev.vidrio.bindings.vd_scores;
import dev.vidrio.bindings.vd_softmax;
import dev.vidrio.kernel.op.OpenOp;
import java.lang.foreign.MemorySegment;

/** Writes open operations for {@link PlanEncoder}. */
final class OpenOpEncoder {
  private final PlanEncoder plan;

  OpenOpEncoder(PlanEncoder plan) {
    this.plan = plan;
  }

  /** Fills in the operation's member of the union and returns its kind. */
  int encode(OpenOp op, MemorySegment as) {
    return switch (op) {
      case OpenOp.Scores scores -> scores(scores, vd_op.as.scores(as));
      case OpenOp.Softmax softmax -> softmax(softmax, vd_op.as.softmax(as));
      case OpenOp.Mix mix -> mix(mix, vd_op.as.attention_values(as));
      case OpenOp.Normalize normalize -> normalize(normalize, vd_op.as.norm(as));
      case OpenOp.Gain gain -> gain(gain, vd_op.as.gain(as));
    };
  }

  private int scores(OpenOp.Scores op, MemorySegment s) {
    vd_scores.q(s, plan.address(op.q()));
    plan.cache(op.layer(), vd_scores.cache(s));
    vd_scores.y(s, plan.address(op.y()));
    vd_scores.slopes(s, plan.address(op.slopes()));
    vd_scores.H(s, op.heads());
    vd_scores.P(s, op.positions());
    vd_scores.window(s, op.window().length());
    vd_scores.aligned(s, op.window().aligned() ? 1 : 0);
    vd_scores.scale(s, op.scale());
    vd_scores.cap(s, op.cap());
    return Vidrio.VD_OP_SCORES();
  }

  private int softmax(OpenOp.Softmax op, MemorySegment s) {
    vd_softmax.x(s, plan.address(op.x()));
    vd_softmax.y(s, plan.address(op.y()));
    vd_softmax.sinks(s, plan.address(op.sinks()));
    vd_softmax.H(s, op.heads());
    vd_softmax.P(s, op.positions());
    vd_softmax.window(s, op.window().length());
    vd_softmax.aligned(s, op.window().aligned() ? 1 : 0);
    return Vidrio.VD_OP_SOFTMAX();
  }

  private int mix(OpenOp.Mix op, MemorySegment s) {
    vd_attention_values.pattern(s, plan.address(op.pattern()));
    vd_attention_values.softmax(s, plan.address(op.softmax()));
    vd_attention_values.attention(s, plan.address(op.attention()));
    plan.cache(op.layer(), vd_attention_values.cache(s));
    vd_attention_values.z(s, plan.address(op.z()));
    vd_attention_values.H(s, op.heads());
    vd_attention_values.P(s, op.positions());
    return Vidrio.VD_OP_ATTENTION_VALUES();
  }

  private int normalize(OpenOp.Normalize op, MemorySegment s) {
    vd_norm.x(s, plan.address(op.x()));
    vd_norm.divisor(s, plan.address(op.divisors()));
    vd_norm.y(s, plan.address(op.y()));
    vd_norm.kind(s, PlanEncoder.kind(op.kind()));
    vd_norm.heads(s, op.heads());
    vd_norm.d(s, op.x().width() / op.heads());
    return Vidrio.VD_OP_NORM();
  }

  private int gain(OpenOp.Gain op, MemorySegment s) {
    vd_gain.x(s, plan.address(op.x()));
    vd_gain.gain(s, plan.address(op.gain()));
    vd_gain.bias(s, plan.address(op.bias()));
    vd_gain.y(s, plan.address(op.y()));
    vd_gain.heads(s, op.x().width() / op.gain().k());
    vd_gain.d(s, op.gain().k());
    return Vidrio.VD_OP_GAIN();
  }
}
