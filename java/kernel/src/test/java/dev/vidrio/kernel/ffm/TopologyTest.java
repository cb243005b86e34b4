package dev.vidrio.kernel.ffm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.ffm.Topology.Processor;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.Test;

/** The numbers of this machine. Described machines are tested in C. */
final class TopologyTest {
  private static int count(Topology topology, ToIntFunction<Processor> field) {
    return (int) topology.processors().stream().mapToInt(field).distinct().count();
  }

  @Test
  void read_countsAreThoseOfProcessors() {
    Topology t = Topology.read();
    assertEquals(t.packages(), count(t, Processor::packageNumber));
    assertEquals(t.nodes(), count(t, Processor::node));
    assertEquals(t.caches(), count(t, Processor::cache));
    assertEquals(t.cores(), count(t, Processor::core));
    assertEquals(t.processors().size(), count(t, Processor::id));
    assertTrue(t.allowedCores() >= 1 && t.allowedCores() <= t.cores(), t.toString());
    assertTrue(t.fastCores() >= 1 && t.fastCores() <= t.allowedCores(), t.toString());
    assertTrue(t.workers() >= 1 && t.workers() <= t.allowedCores(), t.toString());
    for (Processor p : t.processors()) {
      assertTrue(p.speed() >= 1 && p.speed() <= 1024, p.toString());
    }
  }
}
