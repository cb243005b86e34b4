/** Tensors, plans and their executors over libvidrio. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.kernel {
  requires dev.vidrio.bindings;
  requires static org.jspecify;
}
