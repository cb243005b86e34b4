package dev.vidrio.hub.source;

/** The engine's own jar: the model is embedded and never pulled. */
public record EmbeddedSource() implements ModelSource {

  @Override
  public String label() {
    return "embedded";
  }
}
