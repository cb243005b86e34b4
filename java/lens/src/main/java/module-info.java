/** Reads, attributes and edits what happens inside a model while it runs. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.lens {
  requires transitive dev.vidrio.model;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.vidrio.lens;
  exports dev.vidrio.lens.attribute;
  exports dev.vidrio.lens.circuit;
  exports dev.vidrio.lens.dataset;
  exports dev.vidrio.lens.decode;
  exports dev.vidrio.lens.decode.probe;
  exports dev.vidrio.lens.decode.sae;
  exports dev.vidrio.lens.decode.sae.cross;
  exports dev.vidrio.lens.decode.sae.explain;
  exports dev.vidrio.lens.decode.sae.file;
  exports dev.vidrio.lens.decode.sae.index;
  exports dev.vidrio.lens.detect;
  exports dev.vidrio.lens.edit;
  exports dev.vidrio.lens.fact;
  exports dev.vidrio.lens.graph;
  exports dev.vidrio.lens.hook;
  exports dev.vidrio.lens.inspect;
  exports dev.vidrio.lens.intervene;
  exports dev.vidrio.lens.numeric;
  exports dev.vidrio.lens.page;
  exports dev.vidrio.lens.task;
}
