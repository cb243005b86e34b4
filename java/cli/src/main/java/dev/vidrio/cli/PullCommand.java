package dev.vidrio.cli;

import dev.vidrio.model.hub.ModelReference;
import dev.vidrio.model.hub.ModelSource;
import dev.vidrio.model.hub.ModelStore;
import dev.vidrio.model.hub.ProgressListener;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code vidrio pull}. */
@Command(
    name = "pull",
    description = "Fetches models into the user's cache; an interrupted pull is resumed.")
final class PullCommand implements Callable<Integer> {

  @Parameters(
      arity = "1..*",
      paramLabel = "MODEL",
      description = "A name (see 'vidrio list') or hf:OWNER/REPO/FILE.")
  private List<String> references = List.of();

  PullCommand() {}

  @Override
  public Integer call() {
    ModelStore store = ModelStore.open();
    for (String reference : references) {
      System.out.println(pull(store, ModelReference.parse(reference)));
    }
    return 0;
  }

  /** Asks whether to pull a model that is missing, where there is somebody to ask, and pulls it. */
  static Path offer(ModelStore store, ModelReference reference) {
    String missing = reference + " is not on this machine";
    if (!Terminal.IN.isTerminal() || !Terminal.ERR.isTerminal()) {
      throw new CommandException(missing + ": run 'vidrio pull " + reference + "' first");
    }
    System.err.print("vidrio: " + missing + size(reference) + ". Pull it? [Y/n] ");
    System.err.flush();
    String answer = InputOutput.readLine();
    if (answer == null || !answer.strip().toLowerCase(Locale.ROOT).matches("|y|yes")) {
      throw new CommandException(missing);
    }
    return pull(store, reference);
  }

  private static String size(ModelReference reference) {
    return reference instanceof ModelReference.Named(var entry)
        ? " (" + Units.bytes(entry.bytes()) + ", " + entry.licence() + ")"
        : "";
  }

  private static Path pull(ModelStore store, ModelReference reference) {
    try (var bar = new ProgressBar("pulling " + reference)) {
      return store.pull(reference, new Listener(bar));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandException("interrupted; the next pull goes on from here", e);
    }
  }

  /** Draws the bar with rate and time left. */
  private static final class Listener implements ProgressListener {
    private final ProgressBar bar;
    private long phaseStart;
    private long startBytes;
    private Phase current = Phase.WAITING;

    Listener(ProgressBar bar) {
      this.bar = bar;
    }

    @Override
    public void onProgress(Phase phase, long done, long total) {
      long now = System.nanoTime();
      if (phase != current || done < startBytes) {
        current = phase;
        phaseStart = now;
        startBytes = done;
      }
      double rate = (done - startBytes) / Math.max(1e-3, (now - phaseStart) / 1e9);
      var text = new StringBuilder(phase.name().toLowerCase(Locale.ROOT));
      if (done > 0) {
        text.append(' ').append(Units.bytes(done)).append(", ").append(Units.perSecond(rate, "B"));
      }
      if (total > 0 && rate > 0) {
        text.append(String.format(Locale.ROOT, ", %.0f s left", (total - done) / rate));
      }
      bar.update(total > 0 ? (double) done / total : 0, text.toString());
    }

    @Override
    public void onSourceFailed(ModelSource source, String reason) {
      bar.close();
      System.err.println("vidrio: " + source.label() + ": " + reason);
    }
  }
}
