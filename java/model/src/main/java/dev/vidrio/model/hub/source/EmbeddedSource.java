package dev.vidrio.model.hub.source;

/** The engine's own artifacts: the model is there already and is never pulled. */
public record EmbeddedSource() implements ModelSource {

  @Override
  public String label() {
    return "embedded";
  }
}
