/** The kernels of a plan in Java: plain scalar code, and the Vector API. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.kernel.java {
  requires transitive dev.vidrio.kernel;
  // Static: otherwise every program that can run plans in Java resolves the incubator module, and
  // the
  // JVM warns of it at each start. Who wants vectors adds the module.
  requires static jdk.incubator.vector;
  requires static org.jspecify;

  exports dev.vidrio.kernel.java;
}
