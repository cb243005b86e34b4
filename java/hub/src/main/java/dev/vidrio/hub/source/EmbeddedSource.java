package dev.vidrio.hub.source;

/** A resource on the class path: the model is never pulled. */
public record EmbeddedSource() implements ModelSource {

  @Override
  public String label() {
    return "embedded";
  }
}
