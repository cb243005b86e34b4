package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.JacobianLens;
import dev.vidrio.lens.decode.TunedLens;
import dev.vidrio.lens.inspect.LogitLens;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The files of lenses that map residual streams to the basis of the last. */
public final class LensFiles {
  @Option(
      names = "--tuned",
      paramLabel = "PATH",
      description =
          "A tuned lens, written by 'lens tune', or a directory of the package tuned-lens.")
  private @Nullable Path tuned;

  @Option(
      names = "--jacobian",
      paramLabel = "FILE",
      description = "A Jacobian lens, written by 'lens jacobian', or by the program jlens.")
  private @Nullable Path jacobian;

  @Option(
      names = "--ahead",
      paramLabel = "FILE",
      description = "A future lens, written by 'lens tune --ahead'.")
  private @Nullable Path ahead;

  /** Returns the name of the first option that is given, or null. */
  public @Nullable String first() {
    if (tuned != null) {
      return "--tuned";
    }
    if (jacobian != null) {
      return "--jacobian";
    }
    return ahead == null ? null : "--ahead";
  }

  /** Opens the lens of the only option, or returns the logit lens if none is given. */
  public LogitLens.Translation one(Lens lens) {
    if (Stream.of(tuned, jacobian, ahead).filter(Objects::nonNull).count() > 1) {
      throw new UsageException("--tuned, --jacobian and --ahead: cannot be combined");
    }
    Map<String, LogitLens.Translation> all = all(lens);
    return all.isEmpty() ? LogitLens.Translation.NONE : all.values().iterator().next();
  }

  /** Opens all lenses that are given, by the names "tuned", "jacobian" and "future". */
  public Map<String, LogitLens.Translation> all(Lens lens) {
    Map<String, LogitLens.Translation> all = new LinkedHashMap<>();
    if (tuned != null) {
      all.put("tuned", requireAhead("tuned", tuned, TunedLens.load(lens, tuned), false));
    }
    if (jacobian != null) {
      all.put("jacobian", JacobianLens.load(lens, jacobian));
    }
    if (ahead != null) {
      all.put("future", requireAhead("ahead", ahead, TunedLens.load(lens, ahead), true));
    }
    return all;
  }

  private static TunedLens requireAhead(String option, Path file, TunedLens lens, boolean future) {
    if (lens.ahead() > 0 != future) {
      throw new InvalidInputException(
          option,
          file.toString(),
          future
              ? "is a tuned lens, which predicts no tokens ahead; use --tuned"
              : "is a lens of the prediction " + lens.ahead() + " tokens ahead; use --ahead");
    }
    return lens;
  }
}
