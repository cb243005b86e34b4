package dev.vidrio.kernel.ffm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class WorkerCountTest {
  private static Topology machine(
      double quota, int cores, int allowedCores, int fastCores, int workers) {
    return new Topology(
        quota, 1, 1, 1, cores, allowedCores, fastCores, workers, quota == 0, List.of());
  }

  private static String choose(Topology topology, int jvmProcessors) {
    return WorkerCount.choose(topology, jvmProcessors, null).toString();
  }

  @Test
  void choose_byTopology_givesReason() {
    assertEquals("1 worker: one per physical core", choose(machine(0, 1, 1, 1, 1), 2));
    assertEquals("16 workers: one per physical core", choose(machine(0, 16, 16, 16, 16), 32));
    assertEquals(
        "6 workers: one per physical core of the fast kind (6 of 14)",
        choose(machine(0, 14, 14, 6, 6), 20));
    assertEquals(
        "14 workers: one per physical core; 6 of the fast kind generate",
        choose(machine(0, 14, 14, 6, 14), 20));
    assertEquals(
        "8 workers: one per physical core; quota 7.5 CPUs limits 14 to 8;"
            + " 6 of the fast kind generate",
        choose(machine(7.5, 14, 14, 6, 8), 20));
    assertEquals(
        "5 workers: one per physical core; the JVM's processors limit 14 to 5",
        choose(machine(0, 14, 14, 6, 14), 5));
    assertEquals(
        "8 workers: one per physical core within affinity and cpuset (8 of 64 cores)",
        choose(machine(0, 64, 8, 8, 8), 16));
    assertEquals(
        "4 workers: one per physical core of the fast kind (8 of 16); quota 4.0 CPUs limits 8 to 4",
        choose(machine(4, 16, 16, 8, 4), 24));
    assertEquals(
        "2 workers: one per physical core; quota 2.5 CPUs limits 8 to 3;"
            + " the JVM's processors limit 3 to 2",
        choose(machine(2.5, 8, 8, 8, 3), 2));
  }

  @Test
  void choose_coresOfSeveralKinds_decodesWithFastOnes() {
    assertEquals(6, WorkerCount.choose(machine(0, 14, 14, 6, 14), 20, null).decodeCount());
    assertEquals(5, WorkerCount.choose(machine(0, 14, 14, 6, 14), 5, null).decodeCount());
    assertEquals(6, WorkerCount.choose(machine(0, 14, 14, 6, 14), 20, "10").decodeCount());
    assertEquals(4, WorkerCount.choose(machine(0, 14, 14, 6, 14), 20, "4").decodeCount());
    assertEquals(20, WorkerCount.choose(machine(0, 16, 16, 16, 16), 32, "20").decodeCount());
  }

  @Test
  void choose_moreCoresThanWorkers_takesMaximum() {
    assertEquals(1024, WorkerCount.choose(machine(0, 1280, 1280, 1280, 1280), 2560, "").count());
  }

  @Test
  void choose_variable_replacesTopology() {
    WorkerCount count = WorkerCount.choose(machine(0, 8, 8, 8, 8), 8, "3");
    assertEquals("3 workers: VIDRIO_THREADS", count.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "1025", "-1", "many", "3.5"})
  void choose_badVariable_throws(String value) {
    Topology topology = machine(0, 8, 8, 8, 8);
    var e =
        assertThrows(IllegalArgumentException.class, () -> WorkerCount.choose(topology, 8, value));
    assertEquals("VIDRIO_THREADS=" + value + ": must be between 1 and 1024", e.getMessage());
  }
}
