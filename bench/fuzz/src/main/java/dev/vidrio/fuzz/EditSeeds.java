package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;

/** Bodies of requests with edits of every operation, index and kind of argument. */
final class EditSeeds {
  private static final List<String> EDITS =
      List.of(
          "hook_embed zero",
          "hook_embed zero 1",
          "blocks.*.hook_resid_post[-1] set 1",
          "blocks.*.hook_resid_post[-1] set x",
          "blocks.-1.hook_mlp_out[:, 3] add 0.5 plus 'a' minus 'b' 'c'",
          "blocks.0.hook_resid_pre add 1 plus 'a' minus #2,3",
          "blocks.0.hook_resid_pre add 1 plus 'a'",
          "blocks.0.attn.hook_z[1:, 2] scale -1e3",
          "blocks.0.attn.hook_z[:, 1:3, 2] scale 1e99",
          "blocks.1.mlp.hook_post[0, 1:7] clamp -inf 1",
          "blocks.1.mlp.hook_post[0, 1, 2] clamp 2 1",
          "blocks.0.hook_attn_out project_out plus 'ab' minus 'b'",
          "blocks.0.attn.hook_z[:, :, 1] project_out plus 'ab' minus 'b'",
          "blocks.0.hook_resid_pre[1] patch 'xyz'[2]",
          "blocks.0.hook_resid_pre patch 'xyz'[0, 1]",
          "blocks.0.hook_resid_pre patch 'x'",
          "blocks.1.attn.hook_pattern[3, -1, 0] patch 'abce'",
          "blocks.1.attn.hook_pattern patch 'abce'[1]",
          "blocks.1.attn.hook_pattern[1:3] set 0.5",
          "blocks.1.attn.hook_pattern set 0.5",
          "blocks.1.attn.hook_attn_scores[:, :, 1] mean 'abce'",
          "blocks.0.hook_resid_mid mean 'a' 'b'",
          "blocks.0.hook_resid_mid mean",
          "blocks.0.attn.hook_q[:] resample 'ab' #1,2 seed 7",
          "blocks.0.attn.hook_q[:] resample 'ab' seed x",
          "blocks.0.attn.hook_pattern resample 'abcd'",
          "blocks.0.attn.hook_v[:, 0] noise 0.1 seed 3",
          "blocks.0.attn.hook_pattern noise 0.1",
          "blocks.0.hook_resid_pre patch #1,999",
          "blocks.0.hook_resid_pre patch #a",
          "blocks.0.hook_resid_pre[ set",
          "blocks.0.hook_resid_pre[9] zero",
          "blocks.0.hook_resid_pre patch 'a",
          "nowhere zero",
          "hook_embed",
          "hook_embed zoro");

  /** Edits that read the tensors v [4, 32] and w [2] of a file. */
  private static final List<String> WITH_FILES =
      List.of(
          "hook_embed[-1] set b.safetensors:v[0]",
          "hook_embed[:4] set b.safetensors:v",
          "hook_embed[1:3] set b.safetensors:v",
          "hook_embed[-1, :2] add 2 b.safetensors:w",
          "hook_embed project_out b.safetensors:v[1]",
          "hook_embed project_out b.safetensors:v",
          "blocks.1.hook_resid_pre swap b.safetensors:v 'abce'",
          "blocks.1.hook_resid_pre swap b.safetensors:w 'abce'",
          "blocks.1.hook_resid_pre set b.safetensors:none",
          "blocks.1.hook_resid_pre set b.safetensors",
          "blocks.1.hook_resid_pre set c.safetensors:v",
          "blocks.1.attn.hook_pattern set b.safetensors:w",
          "blocks.1.hook_resid_pre mean t.txt");

  private EditSeeds() {}

  /** Returns the bodies with the bytes of their routes. */
  static Stream<byte[]> all() {
    return Stream.concat(
        EDITS.stream().map(EditSeeds::cache), WITH_FILES.stream().map(EditSeeds::command));
  }

  private static byte[] cache(String edit) {
    return LensBodies.seed(
        "cache", "{\"prompt\":\"abcd\",\"hooks\":\"hook_embed\",\"edits\":[\"" + edit + "\"]}");
  }

  private static byte[] command(String edit) {
    String file = Base64.getEncoder().encodeToString(file());
    return LensBodies.seed(
        "commands",
        "{\"command\":\"edit\",\"options\":{\"prompt\":\"abcd\",\"edit\":\""
            + edit
            + "\"},\"files\":{\"t.txt\":\"abc\",\"b.safetensors\":{\"base64\":\""
            + file
            + "\"}}}");
  }

  private static byte[] file() {
    String header =
        "{\"v\":{\"dtype\":\"F32\",\"shape\":[4,32],\"data_offsets\":[0,512]},"
            + "\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[512,520]}}";
    ByteBuffer values = ByteBuffer.allocate(520).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 130; i++) {
      values.putFloat(i % 33 == 0 ? 1 : 0); // rows of a basis
    }
    var file = new ByteArrayOutputStream();
    file.writeBytes(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length()).array());
    file.writeBytes(header.getBytes(UTF_8));
    file.writeBytes(values.array());
    return file.toByteArray();
  }
}
