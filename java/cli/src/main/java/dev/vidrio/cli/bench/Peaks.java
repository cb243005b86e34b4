package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.Units;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.ffm.Probe;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What the machine can do at most, measured.
 *
 * @param read bytes per second from memory beyond the caches
 * @param f32 multiplications and additions per second
 * @param int8 the same of bytes
 */
public record Peaks(double read, double f32, double int8) {
  private static final double PROBE_SECONDS = 0.5;

  /** What bounds a piece of work, and how near to it the work came. */
  record Share(double fraction, String limit) {
    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%3.0f %% of %s", 100 * fraction, limit);
    }
  }

  public static Peaks measure(NativeExecutor executor) {
    return new Peaks(
        Probe.READ.measure(executor, PROBE_SECONDS),
        Probe.F32_FMA.measure(executor, PROBE_SECONDS),
        Probe.INT8_DOT.measure(executor, PROBE_SECONDS));
  }

  /** The roofline (Williams et al. 2009): the peak that work needs longest is its limit. */
  Share share(OpWork work, double seconds) {
    double reading = work.bytes() / read;
    double computing = work.operations() / (work.integer() ? int8 : f32);
    if (reading >= computing) {
      return new Share(reading / seconds, "reads");
    }
    return new Share(computing / seconds, work.integer() ? "int8" : "f32");
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("read_bytes_per_second", read);
    json.put("f32_flops_per_second", f32);
    json.put("int8_ops_per_second", int8);
    return json;
  }

  @Override
  public String toString() {
    return "reads "
        + Units.perSecond(read, "B")
        + ", f32 "
        + Units.perSecond(f32, "op")
        + ", int8 "
        + Units.perSecond(int8, "op");
  }
}
