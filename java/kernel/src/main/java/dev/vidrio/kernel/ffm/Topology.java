package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_processor;
import dev.vidrio.bindings.vd_topology;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The processors of this machine and the part of them that this process may use. A core is allowed
 * if this process may use at least one of its processors.
 *
 * @param quota processors that the cgroup or job grants, such as 2.5; 0: no quota
 * @param packages number of packages (sockets)
 * @param nodes number of NUMA nodes that have processors
 * @param caches number of last-level caches
 * @param cores number of physical cores
 * @param allowedCores number of allowed cores
 * @param fastCores number of the fastest allowed cores, chosen for the largest product with the
 *     speed of the slowest one: workers of steps of at most 16 tokens, in which shares of weights
 *     are equal
 * @param workers the default number of workers of longer steps: {@code allowedCores}, or {@code
 *     fastCores} where the system does not bind threads to processors; but at most the quota
 * @param wholeNodes true if there is no quota, and this process may use all or none of the
 *     processors of each node
 * @param processors all processors in topology order: by package, node, kind (slow ones last),
 *     cache, core and id
 * @see "docs/adr/030-topology.md"
 */
public record Topology(
    double quota,
    int packages,
    int nodes,
    int caches,
    int cores,
    int allowedCores,
    int fastCores,
    int workers,
    boolean wholeNodes,
    List<Processor> processors) {

  /**
   * A processor of the operating system: a hardware thread.
   *
   * @param id the operating system's number
   * @param packageNumber the package, from 0
   * @param node the NUMA node, as the operating system numbers it
   * @param cache the last-level cache, from 0
   * @param core the physical core, from 0
   * @param speed 1 to 1024, relative to the fastest processor
   * @param allowed true if affinity and cpuset allow this process to run on it
   */
  public record Processor(
      int id, int packageNumber, int node, int cache, int core, int speed, boolean allowed) {}

  /** Copies the list. */
  public Topology {
    processors = List.copyOf(processors);
  }

  /**
   * Reads the topology from the operating system.
   *
   * @throws NativeException if libvidrio cannot be loaded
   */
  public static Topology read() {
    NativeLibrary.load();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment t = vd_topology.allocate(arena);
      Status.check(Vidrio.vd_topology_read(t), "reading the topology");
      List<Processor> processors = new ArrayList<>();
      for (int i = 0; i < vd_topology.processors(t); i++) {
        processors.add(processor(vd_topology.processor(t, i)));
      }
      return new Topology(
          vd_topology.quota(t),
          vd_topology.packages(t),
          vd_topology.nodes(t),
          vd_topology.caches(t),
          vd_topology.cores(t),
          vd_topology.allowed_cores(t),
          vd_topology.fast_cores(t),
          vd_topology.workers(t),
          vd_topology.whole_nodes(t) == 1,
          processors);
    }
  }

  private static Processor processor(MemorySegment p) {
    return new Processor(
        vd_processor.id(p),
        vd_processor.package_(p),
        vd_processor.node(p),
        vd_processor.cache(p),
        vd_processor.core(p),
        vd_processor.speed(p),
        vd_processor.allowed(p) == 1);
  }
}
