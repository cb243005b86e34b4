package dev.vidrio.cli.lens;

import dev.vidrio.cli.lens.attribute.AttributeCommand;
import dev.vidrio.cli.lens.attribute.FaithfulnessCommand;
import dev.vidrio.cli.lens.attribute.MixingCommand;
import dev.vidrio.cli.lens.attribute.OcclusionCommand;
import dev.vidrio.cli.lens.attribute.RelianceCommand;
import dev.vidrio.cli.lens.attribute.RoutesCommand;
import dev.vidrio.cli.lens.attribute.SimilarityCommand;
import dev.vidrio.cli.lens.circuit.CircuitCommand;
import dev.vidrio.cli.lens.circuit.CurveCommand;
import dev.vidrio.cli.lens.circuit.EdgesCommand;
import dev.vidrio.cli.lens.circuit.GraphCommand;
import dev.vidrio.cli.lens.circuit.QkCommand;
import dev.vidrio.cli.lens.circuit.ScrubCommand;
import dev.vidrio.cli.lens.dataset.DatasetCommand;
import dev.vidrio.cli.lens.dataset.MeasureCommand;
import dev.vidrio.cli.lens.decode.EraseCommand;
import dev.vidrio.cli.lens.decode.ExamplesCommand;
import dev.vidrio.cli.lens.decode.FidelityCommand;
import dev.vidrio.cli.lens.decode.InputsCommand;
import dev.vidrio.cli.lens.decode.JacobianCommand;
import dev.vidrio.cli.lens.decode.LaserCommand;
import dev.vidrio.cli.lens.decode.ProbeCommand;
import dev.vidrio.cli.lens.decode.ScopeCommand;
import dev.vidrio.cli.lens.decode.TuneCommand;
import dev.vidrio.cli.lens.decode.WeightsCommand;
import dev.vidrio.cli.lens.decode.sae.SaeCommand;
import dev.vidrio.cli.lens.detect.CompositionCommand;
import dev.vidrio.cli.lens.detect.ConceptsCommand;
import dev.vidrio.cli.lens.detect.CorpusCommand;
import dev.vidrio.cli.lens.detect.HeadsCommand;
import dev.vidrio.cli.lens.detect.NeuronsCommand;
import dev.vidrio.cli.lens.detect.RetrievalCommand;
import dev.vidrio.cli.lens.detect.RolesCommand;
import dev.vidrio.cli.lens.detect.SyntaxCommand;
import dev.vidrio.cli.lens.detect.UniversalCommand;
import dev.vidrio.cli.lens.fact.FactsCommand;
import dev.vidrio.cli.lens.fact.FunctionVectorCommand;
import dev.vidrio.cli.lens.fact.RewriteFactsCommand;
import dev.vidrio.cli.lens.inspect.AttentionCommand;
import dev.vidrio.cli.lens.inspect.BackwardCommand;
import dev.vidrio.cli.lens.inspect.DlaCommand;
import dev.vidrio.cli.lens.inspect.LogitsCommand;
import dev.vidrio.cli.lens.inspect.NormsCommand;
import dev.vidrio.cli.lens.inspect.ResidualCommand;
import dev.vidrio.cli.lens.inspect.SpectrumCommand;
import dev.vidrio.cli.lens.inspect.StatisticsCommand;
import dev.vidrio.cli.lens.intervene.AblateCommand;
import dev.vidrio.cli.lens.intervene.AlignCommand;
import dev.vidrio.cli.lens.intervene.BackupCommand;
import dev.vidrio.cli.lens.intervene.CompareCommand;
import dev.vidrio.cli.lens.intervene.EditCommand;
import dev.vidrio.cli.lens.intervene.PatchCommand;
import dev.vidrio.cli.lens.intervene.PatchNeuronsCommand;
import dev.vidrio.cli.lens.intervene.PathCommand;
import dev.vidrio.cli.lens.intervene.SteerCommand;
import dev.vidrio.cli.lens.intervene.TraceCommand;
import dev.vidrio.cli.option.CommandGroup;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code vidrio lens}. */
@Command(name = "lens", description = "Shows what happens inside a model.")
public final class LensCommand implements CommandGroup.Namespace {

  @Override
  public List<Class<?>> commands() {
    return sections().stream().flatMap(section -> section.commands().stream()).toList();
  }

  @Override
  public List<Section> sections() {
    return List.of(
        Section.of(
            "Activations",
            HooksCommand.class,
            CacheCommand.class,
            GradientsCommand.class,
            LogitsCommand.class,
            DlaCommand.class,
            AttentionCommand.class,
            ResidualCommand.class,
            NormsCommand.class,
            SpectrumCommand.class,
            StatisticsCommand.class),
        Section.of(
            "Lenses trained on a text",
            TuneCommand.class,
            JacobianCommand.class,
            FidelityCommand.class),
        Section.of(
            "Contributions of input tokens",
            AttributeCommand.class,
            BackwardCommand.class,
            OcclusionCommand.class,
            SimilarityCommand.class,
            RelianceCommand.class,
            FaithfulnessCommand.class,
            MixingCommand.class,
            RoutesCommand.class),
        Section.of(
            "Interventions",
            EditCommand.class,
            PatchCommand.class,
            PatchNeuronsCommand.class,
            PathCommand.class,
            AblateCommand.class,
            TraceCommand.class,
            SteerCommand.class,
            ScopeCommand.class,
            AlignCommand.class,
            BackupCommand.class,
            CompareCommand.class),
        Section.of(
            "Data sets and circuits",
            DatasetCommand.class,
            MeasureCommand.class,
            CircuitCommand.class,
            EdgesCommand.class,
            CurveCommand.class,
            ScrubCommand.class,
            GraphCommand.class,
            QkCommand.class),
        Section.of(
            "Facts and tasks",
            FactsCommand.class,
            RewriteFactsCommand.class,
            FunctionVectorCommand.class),
        Section.of(
            "Directions and features",
            ProbeCommand.class,
            EraseCommand.class,
            SaeCommand.class,
            ExamplesCommand.class,
            InputsCommand.class),
        Section.of(
            "Heads, neurons and weights",
            HeadsCommand.class,
            CorpusCommand.class,
            SyntaxCommand.class,
            RetrievalCommand.class,
            RolesCommand.class,
            CompositionCommand.class,
            NeuronsCommand.class,
            ConceptsCommand.class,
            UniversalCommand.class,
            WeightsCommand.class,
            LaserCommand.class));
  }

  @Override
  public List<String> examples() {
    return List.of(
        "vidrio lens logits -p \"To be, or not to be\"",
        "vidrio lens attribute -p \"The king is dead, long live the\"",
        "vidrio lens attention -p \"To be, or not to be\" -o attention.html");
  }
}
