package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.List;
import java.util.stream.Stream;

/** Bodies of the routes of the lens that have fields of their own. */
final class LensBodies {
  private static final String TEXT = "\"prompt\":\"abcd\"";
  private static final String PAIR = "\"clean\":\"abcd\",\"corrupted\":\"abed\"";
  private static final String ANSWERS = "\"answer\":\"x\",\"wrong\":[\"y\",5]";
  private static final String STEER =
      "\"steer\":[{\"hook\":\"blocks.0.hook_resid_post\",\"strength\":2,\"plus\":\"a\",\"minus\":[\"b\",[1,2]]}]";
  private static final String VECTOR =
      "\"steer\":[{\"hook\":\"blocks.1.hook_resid_post\",\"strength\":-1,\"vector\":["
          + "1,".repeat(31)
          + "0.5]}]";

  private LensBodies() {}

  /** Returns a body with the byte of its route. */
  static byte[] seed(String route, String body) {
    return (LensHarness.index("POST", "/v1/lens/" + route) + body).getBytes(UTF_8);
  }

  private static Stream<byte[]> seeds(String route, String... fields) {
    return Stream.of(fields).map(each -> seed(route, "{" + each + "}"));
  }

  /** Returns bodies with the bytes of their routes. */
  static List<byte[]> all() {
    return Stream.of(
            seeds("model", "\"model\":\"tiny\"", "\"model\":\"none\"", "\"x\":1"),
            logits(),
            attention(),
            attribution(),
            cache(),
            patch(),
            compare(),
            commands(),
            Stream.of(new byte[] {(byte) LensHarness.index("GET", "/v1/lens/commands")}))
        .flatMap(each -> each)
        .toList();
  }

  private static Stream<byte[]> logits() {
    return seeds(
        "logits",
        TEXT + ",\"position\":-1,\"top\":3,\"token\":\"a\",\"patterns\":true",
        TEXT + ",\"hooks\":\"blocks.*.hook_attn_out,blocks.*.hook_mlp_out\",\"token\":7",
        TEXT + ",\"hooks\":\"blocks.0.mlp.hook_post\",\"patterns\":true",
        TEXT + ",\"ahead\":[1,2],\"patterns\":true",
        TEXT + ",\"answer\":[3],\"ahead\":[],\"position\":1",
        "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"answer\":[1,2]",
        "\"tokens\":[1,2,3],\"prompt\":\"a\"",
        "\"tokens\":[1,2,3],\"position\":-9",
        TEXT + ",\"token\":\"abc\"",
        TEXT + "," + STEER,
        TEXT + "," + VECTOR,
        TEXT + "," + VECTOR.replace("0.5", "0.5,1"),
        TEXT + "," + VECTOR.replace("0.5", "1e20"),
        TEXT + "," + STEER.replace("resid_post", "mlp_out"),
        TEXT + "," + STEER.replace("blocks.0", "blocks.*"),
        TEXT + "," + STEER.replace("blocks.0", "nowhere"));
  }

  private static Stream<byte[]> attention() {
    return seeds(
        "attention",
        TEXT,
        TEXT + ",\"position\":1,\"layer\":1,\"head\":3",
        TEXT + ",\"layer\":2",
        TEXT + ",\"edits\":[\"blocks.0.attn.hook_pattern[0] zero\"]");
  }

  private static Stream<byte[]> attribution() {
    return seeds(
        "attribution",
        TEXT,
        TEXT + ",\"position\":2,\"versus\":\"y\",\"method\":\"gradient\"",
        TEXT + ",\"position\":1,\"to\":3,\"method\":\"occlusion\"",
        TEXT + ",\"metric\":\"entropy\"," + STEER,
        TEXT + ",\"metric\":\"logit-diff\"",
        TEXT + ",\"metric\":\"prob-diff\",\"versus\":200",
        TEXT + ",\"metric\":\"kl\"",
        TEXT + ",\"metric\":\"accuracy\"",
        TEXT + ",\"metric\":\"logit-diff:3,4/5\"",
        TEXT + ",\"ahead\":[5,6]",
        TEXT + ",\"ahead\":[5,6],\"method\":\"gradient\",\"position\":2,\"to\":4",
        TEXT + ",\"to\":3,\"metric\":\"logit\"",
        "\"tokens\":[1]",
        "\"pairs\":[{" + PAIR + "," + ANSWERS + "},{\"clean\":[1,2,3,4,5]," + ANSWERS + "}]",
        "\"pairs\":[{"
            + PAIR
            + ",\"answer\":\"xyz\"}],\"metric\":\"logprob\",\"method\":\"occlusion\"");
  }

  private static Stream<byte[]> cache() {
    return Stream.concat(
        seeds(
            "cache",
            TEXT + ",\"hooks\":\"blocks.*.attn.hook_attn_scores,hook_embed\"",
            TEXT + ",\"hooks\":\"*\",\"position\":0",
            TEXT + ",\"hooks\":\"ln_final.hook_normalized\",\"format\":\"safetensors\"",
            TEXT + ",\"hooks\":\"nowhere\"",
            TEXT + ",\"hooks\":\"hook_embed\",\"edits\":[1]"),
        EditSeeds.all());
  }

  private static Stream<byte[]> patch() {
    return Stream.concat(
        seeds(
            "patch",
            PAIR + "," + ANSWERS + ",\"direction\":\"noising\"",
            PAIR
                + ",\"answer\":[\"x\",\"z\"],\"metric\":\"prob\",\"edits\":[\"hook_embed scale 2\"]",
            PAIR + ",\"answer\":\"xyz\",\"metric\":\"logprob\"",
            PAIR + ",\"metric\":\"kl\"",
            PAIR + ",\"metric\":\"entropy\",\"answer\":\"x\"",
            PAIR + ",\"answer\":\"x\",\"metric\":\"accuracy\"",
            PAIR + ",\"answer\":\"x\",\"wrong\":\"x\"",
            "\"clean\":\"ab\",\"corrupted\":\"abc\"," + ANSWERS,
            "\"pairs\":[{"
                + PAIR
                + ","
                + ANSWERS
                + "},{\"clean\":[1,2],\"corrupted\":[1,3],"
                + ANSWERS
                + "}]",
            "\"pairs\":[{" + PAIR + "," + ANSWERS + "},{" + PAIR + "," + ANSWERS + "}]"),
        Stream.of("resid_mid", "mlp_out", "head", "q", "pattern", "head_by_position")
            .flatMap(site -> seeds("patch", PAIR + "," + ANSWERS + ",\"site\":\"" + site + "\"")));
  }

  private static Stream<byte[]> compare() {
    return seeds(
        "compare",
        "\"model\":\"tiny\",\"with\":\"tiny\"," + TEXT,
        "\"with\":\"tiny\",\"with_edits\":[\"hook_embed scale 2\"],\"from\":1,\"top\":2," + TEXT,
        "\"with\":\"tiny\",\"with_"
            + STEER.substring(1)
            + ",\"edits\":[\"hook_embed zero\"],"
            + TEXT,
        "\"with\":\"none\"," + TEXT);
  }

  private static Stream<byte[]> commands() {
    return seeds(
        "commands",
        "\"command\":\"logits\",\"options\":{\"prompt\":\"ab\",\"output\":\"a.html\"},\"return\":\"a.html\"",
        "\"command\":\"cache\",\"options\":{\"prompt\":\"ab\",\"hooks\":\"hook_embed\",\"output\":\"a\"}",
        "\"command\":\"edit\",\"options\":{\"prompt\":\"ab\",\"edit\":[\"hook_embed zero\",1]}",
        "\"command\":\"logits\",\"options\":{\"file\":\"b/c.txt\"},\"files\":{\"b/c.txt\":{\"base64\":\"YWI=\"}}",
        "\"command\":\"logits\",\"files\":{\"../x\":\"\",\"y\":{\"base64\":\"?\"}}",
        "\"command\":\"logits\",\"options\":{\"softmax\":true,\"prompt\":[]},\"return\":\"none\"",
        "\"command\":\"logits\",\"options\":{\"model\":\"x\"}",
        "\"command\":\"logits\",\"options\":{\"prompt\":{}}",
        "\"command\":\"logits\",\"options\":{\"softmax\":1}",
        "\"command\":\"logits\",\"options\":{\"file\":\"none.txt\"}",
        "\"command\":\"logits\",\"options\":{\"file\":\"shared/prompts.txt\"},\"files\":{\"shared/x\":\"\"}",
        "\"command\":\"sae norms\",\"options\":{\"sae\":\"shared/bard-transcoders\"}",
        "\"command\":\"compare\",\"options\":{\"with\":\"x\"}",
        "\"command\":\"none\",\"arguments\":\"a\"",
        "\"command\":\"sae\"");
  }
}
