package dev.vidrio.bench;

import dev.vidrio.bard.Bard;
import dev.vidrio.kernel.Executor;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.function.Supplier;

/** The embedded model. */
final class BardModel {
  private BardModel() {}

  static Model open(Supplier<? extends Executor> executor) {
    try (InputStream in = Bard.open()) {
      return Model.read("bard", in, Bard.size(), ModelOptions.with(executor::get));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
