/** The kernels of a plan in Java. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.kernel.java {
  requires dev.vidrio.kernel;
  requires jdk.incubator.vector;
  requires static org.jspecify;
}
