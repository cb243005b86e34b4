/** The C API of libvidrio, as jextract generates it. */
module dev.vidrio.bindings {
  exports dev.vidrio.bindings;
}
