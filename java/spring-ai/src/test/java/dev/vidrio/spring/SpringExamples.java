package dev.vidrio.spring;

import dev.vidrio.engine.Engine;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The examples of the Javadoc. */
final class SpringExamples {
  private SpringExamples() {}

  static @Nullable String chat(Path file) {
    // @start region="chat"
    try (Model model = Model.open(file);
        Engine engine = Engine.open(model)) {
      var chat = new VidrioChatModel(engine, GenerationOptions.DEFAULT);
      return chat.call("What is the capital of Germany?");
    }
    // @end
  }
}
