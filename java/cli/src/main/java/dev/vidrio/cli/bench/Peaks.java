package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Units;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.ffm.Probe;
import java.util.Map;

/**
 * The measured peaks of the machine.
 *
 * @param read memory bandwidth in bytes per second, beyond the caches
 * @param f32 f32 multiplications and additions per second
 * @param int8 int8 multiplications and additions per second, with AMX by tiles
 * @param bf16 bf16 multiplications and additions per second, by the instructions of {@link
 *     dev.vidrio.kernel.ffm.Isa#bf16Instruction}
 */
public record Peaks(double read, double f32, double int8, double bf16) {
  /** The duration of a measurement. */
  static final double PROBE_SECONDS = 0.5;

  /** The limiting peak of some work, and the fraction of it that was reached. */
  record Share(double fraction, String limit) {
    @Override
    public String toString() {
      return String.format("%3.0f %% of %s", 100 * fraction, limit);
    }
  }

  /** Measures the peaks, half a second each. */
  public static Peaks measure(NativeExecutor executor) {
    return new Peaks(
        Probe.READ.measure(executor, PROBE_SECONDS),
        Probe.F32_FMA.measure(executor, PROBE_SECONDS),
        Probe.INT8_DOT.measure(executor, PROBE_SECONDS),
        Probe.BF16_DOT.measure(executor, PROBE_SECONDS));
  }

  /** Returns the share of the roofline (Williams et al. 2009), by the limiting peak. */
  Share share(OpWork work, double seconds) {
    double reading = work.bytes() / read;
    double computing = work.operations() / of(work.kind());
    if (reading >= computing) {
      return new Share(reading / seconds, "reads");
    }
    return new Share(computing / seconds, work.kind().label());
  }

  /** Returns the peak rate of these operations. */
  double of(OpWork.Kind kind) {
    return switch (kind) {
      case F32 -> f32;
      case INT8 -> int8;
      case BF16 -> bf16;
    };
  }

  Map<String, Object> toJson() {
    return new JsonObject()
        .with("read_bytes_per_second", read)
        .with("f32_flops_per_second", f32)
        .with("int8_ops_per_second", int8)
        .with("bf16_ops_per_second", bf16);
  }

  @Override
  public String toString() {
    return "reads "
        + Units.perSecond(read, "B")
        + ", f32 "
        + Units.perSecond(f32, "op")
        + ", int8 "
        + Units.perSecond(int8, "op")
        + ", bf16 "
        + Units.perSecond(bf16, "op");
  }
}
