package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.PairsCommand;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.detect.IoiRoles;
import dev.vidrio.lens.detect.IoiRoles.Head;
import dev.vidrio.lens.detect.IoiRoles.Names;
import dev.vidrio.lens.detect.IoiRoles.Role;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens roles}. */
@Command(
    name = "roles",
    description = {
      "Finds the roles of heads in indirect object identification: name movers, negative name"
          + " movers, S-inhibition, duplicate-token and induction heads.",
      "The clean text has the answer (IO) once and the wrong name (S) twice: 'When Mary and John"
          + " went to the store, John gave a drink to'.",
      "Columns: the head's direct effect on the logit difference with its 95 %% interval; weights"
          + " from the last token to IO, the first and the second S; from the second S to the first"
          + " and to the token after that; and the loss through the queries of the name movers, in"
          + " percent."
    })
@JsonHelp("Print JSON with the scores of all heads.")
public final class RolesCommand extends PairsCommand<IoiRoles> {
  @Option(
      names = "--movers",
      paramLabel = "K",
      description = "Use the queries of at most K name movers as receivers.")
  private int movers = 4;

  @Option(names = "--top", paramLabel = "K", description = "Heads of each role to print.")
  private int top = 6;

  @Override
  protected void requireMetric(MetricSpec spec) {
    requireLogitDifference(spec);
  }

  @Override
  protected IoiRoles run(Lens lens, List<TextPair> pairs) {
    List<Names> names =
        judged().stream().map(j -> new Names(j.pair(), j.answer(), j.wrong())).toList();
    return IoiRoles.of(lens, names, movers);
  }

  @Override
  protected void print(IoiRoles roles) {
    System.out.printf(
        "logit difference of IO and S: %s over %d pairs%n",
        roles.difference(), roles.difference().count());
    System.out.println("head    direct effect       IO    S1    S2  S2→S1  S2→S1+1  queries");
    for (Role role : Role.values()) {
      List<Head> heads = roles.of(role);
      if (role == Role.OTHER || heads.isEmpty()) {
        continue;
      }
      System.out.println(name(role) + (heads.size() > top ? " (" + heads.size() + ")" : ""));
      for (Head head : heads.subList(0, Math.clamp(top, 0, heads.size()))) {
        System.out.printf(
            "%-8s%+6.3f ± %-6.3f  %5.2f %5.2f %5.2f  %5.2f  %7.2f  %5.1f %%%n",
            head.name(),
            head.direct().mean(),
            head.direct().halfWidth(),
            head.io(),
            head.s1(),
            head.s2(),
            head.duplicate(),
            head.induction(),
            100 * head.queries());
      }
    }
  }

  private static String name(Role role) {
    return switch (role) {
      case S_INHIBITION -> "S-inhibition";
      default -> role.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    };
  }

  @Override
  protected void fill(JsonObject object, IoiRoles roles) {
    object.with("logit_difference", roles.difference().mean());
    object.with("half_width", roles.difference().halfWidth());
    object.with("pairs", roles.difference().count());
    object.put("movers", roles.movers().stream().map(Node.Head::name).toList());
    object.put("heads", roles.heads().stream().map(RolesCommand::toJson).toList());
  }

  private static JsonObject toJson(Head head) {
    return new JsonObject()
        .with("layer", head.layer())
        .with("head", head.head())
        .with("role", head.role().name().toLowerCase(Locale.ROOT))
        .with("direct", head.direct().mean())
        .with("half_width", head.direct().halfWidth())
        .with("io", head.io())
        .with("s1", head.s1())
        .with("s2", head.s2())
        .with("duplicate", head.duplicate())
        .with("induction", head.induction())
        .with("queries", head.queries());
  }

  @Override
  protected List<? extends View> views(IoiRoles roles) {
    return Views.roles(roles);
  }
}
