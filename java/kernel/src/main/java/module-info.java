/** Models as plans, and the executors that run them over libvidrio. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.kernel {
  requires dev.vidrio.bindings;
  requires transitive dev.vidrio.formats;
  requires static transitive org.jspecify;

  exports dev.vidrio.kernel;
  exports dev.vidrio.kernel.execution;
  exports dev.vidrio.kernel.ffm;
  exports dev.vidrio.kernel.host;
  exports dev.vidrio.kernel.hook;
  exports dev.vidrio.kernel.op;
  exports dev.vidrio.kernel.pass;
  exports dev.vidrio.kernel.weight;
}
