package dev.vidrio.cli.lens;

import dev.vidrio.cli.lens.sae.SaeCommand;
import dev.vidrio.cli.option.CommandGroup;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code vidrio lens}. */
@Command(name = "lens", description = "Shows what happens inside a model.")
public final class LensCommand implements Runnable, CommandGroup {
  @Spec private CommandSpec command = CommandSpec.create();

  LensCommand() {}

  @Override
  public List<Class<?>> commands() {
    return List.of(
        HooksCommand.class,
        CacheCommand.class,
        LogitsCommand.class,
        TuneCommand.class,
        DlaCommand.class,
        AttributeCommand.class,
        ProbeCommand.class,
        SaeCommand.class,
        ScopeCommand.class,
        ExamplesCommand.class,
        WeightsCommand.class,
        EditCommand.class,
        PatchCommand.class,
        PathCommand.class,
        TraceCommand.class,
        AblateCommand.class,
        CircuitCommand.class,
        EdgesCommand.class,
        SteerCommand.class,
        AlignCommand.class,
        AttentionCommand.class,
        HeadsCommand.class,
        RetrievalCommand.class,
        NeuronsCommand.class,
        MixingCommand.class,
        OcclusionCommand.class,
        NormsCommand.class,
        StatisticsCommand.class,
        ResidualCommand.class);
  }

  @Override
  public void run() {
    throw CommandGroup.missing(command);
  }
}
