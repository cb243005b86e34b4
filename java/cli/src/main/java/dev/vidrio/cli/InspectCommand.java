package dev.vidrio.cli;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Units;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.error.ModelException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.hub.ModelReference;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.huggingface.HuggingFaceModel;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio inspect}. */
@Command(
    name = "inspect",
    description = "Validates a model file and shows its fields, tensors, memory and kernels.")
final class InspectCommand implements Runnable {
  private static final int SHOWN_CHARACTERS = 60;

  @Mixin private ModelOption model = new ModelOption();

  @Parameters(
      arity = "0..1",
      paramLabel = "FILE",
      description = "A GGUF file. Default: the model of -m.")
  private @Nullable String file;

  @Option(names = "--tensors", description = "List every tensor.")
  private boolean listTensors;

  @Option(names = "--json", description = "Print JSON with all tensors.")
  private boolean json;

  @Override
  public void run() {
    ModelOption chosen = model.named(file);
    try (Model opened = chosen.open()) {
      show(opened.gguf(), runtime(opened), "");
    } catch (UnsupportedModelException e) {
      Path path = ModelOption.find(ModelReference.parse(chosen.reference()));
      try (Arena arena = Arena.ofShared()) {
        show(reopen(path, e, arena), new JsonObject(), e.getMessage());
      }
    }
  }

  /**
   * Returns the fields and tensors of a model that is valid but not supported.
   *
   * @throws UnsupportedModelException if the model is a directory with an unsupported
   *     configuration, so that it has no fields and tensors of GGUF
   */
  private static Gguf reopen(Path path, UnsupportedModelException reason, Arena arena) {
    if (!Files.isDirectory(path)) {
      return Gguf.open(path, arena);
    }
    try {
      return HuggingFaceModel.open(path, arena).toGguf(arena);
    } catch (ModelException e) {
      throw reason;
    }
  }

  private static JsonObject runtime(Model opened) {
    Architecture a = opened.architecture();
    var runtime = new JsonObject();
    runtime.put("architecture", a.name());
    runtime.put("layers", a.layers());
    runtime.put("d", a.width());
    runtime.put("heads", a.heads());
    runtime.put("kv_heads", each(a, KvShape.KeyValue::heads));
    runtime.put("d_h", each(a, KvShape.KeyValue::dH));
    runtime.put("d_v", each(a, KvShape.KeyValue::dV));
    runtime.put("d_ffn", a.ffnWidth());
    runtime.put("vocabulary", a.vocabulary());
    runtime.put("context", a.contextLength());
    runtime.put("bytes_read_per_token", a.bytesPerToken());
    runtime.put("matrix_bytes_packed", matrixBytes(a.plan(), Weights.Layout.PACKED));
    runtime.put("matrix_bytes_mapped", matrixBytes(a.plan(), Weights.Layout.ROWS));
    runtime.put(
        "kv_bytes_per_position", a.kvShape().bytesPerPosition(SessionOptions.DEFAULT_KV_TYPE));
    if (a.kvShape().hasStates()) {
      runtime.put("state_bytes", a.kvShape().bytesPerSequence());
    }
    return runtime.with("executor", opened.executor().name());
  }

  /** Returns a size of the attention layers, or the list of distinct sizes. */
  private static Object each(Architecture a, Function<KvShape.KeyValue, Integer> size) {
    List<Integer> sizes =
        a.kvShape().layers().stream()
            .filter(KvShape.KeyValue.class::isInstance)
            .map(KvShape.KeyValue.class::cast)
            .map(size)
            .distinct()
            .toList();
    return sizes.size() == 1 ? sizes.getFirst() : sizes;
  }

  private static Stream<Weights> matrices(Op op) {
    return switch (op) {
      case Op.MatMul product -> Stream.of(product.weights());
      case ExpertOp.ExpertMatMul product -> product.matrices().stream();
      default -> Stream.empty();
    };
  }

  /** Returns the total bytes of weight matrices with a layout. */
  private static long matrixBytes(Plan plan, Weights.Layout layout) {
    return plan.ops().stream()
        .flatMap(InspectCommand::matrices)
        .filter(weights -> weights.layout() == layout)
        .distinct()
        .mapToLong(Weights::bytes)
        .sum();
  }

  private void show(Gguf gguf, JsonObject runtime, String refusal) {
    if (json) {
      Json.print(toJson(gguf, runtime, refusal));
    } else {
      print(gguf, runtime, refusal);
    }
  }

  private void print(Gguf gguf, JsonObject runtime, String refusal) {
    System.out.printf(
        "%s: %s, %s, %d keys, %d tensors%n%n",
        gguf.name(),
        gguf.version() == 0 ? "directory of transformers" : "GGUF v" + gguf.version(),
        Units.bytes(gguf.size()),
        gguf.metadata().entries().size(),
        gguf.tensors().size());
    gguf.metadata()
        .entries()
        .forEach((key, value) -> System.out.printf("  %-42s %s%n", key, shorten(value)));
    System.out.println();
    Map<GgmlType, LongSummaryStatistics> bytes =
        gguf.tensors().stream()
            .collect(
                Collectors.groupingBy(
                    GgufTensor::type,
                    TreeMap::new,
                    Collectors.summarizingLong(tensor -> tensor.data().byteSize())));
    bytes.forEach(
        (type, sizes) ->
            System.out.printf(
                "  %-6s %4d tensors %9s  %s%n",
                type, sizes.getCount(), Units.bytes(sizes.getSum()), kernel(type)));
    System.out.println();
    runtime.forEach((key, value) -> System.out.printf("  %-22s %s%n", key, value));
    if (!refusal.isEmpty()) {
      System.out.println("  not supported: " + refusal);
    }
    if (listTensors) {
      System.out.println();
      gguf.tensors().forEach(tensor -> System.out.println("  " + tensor));
    }
    Hint.print("'--tensors' lists every tensor; 'vidrio lens hooks' lists the activations.");
  }

  private static String shorten(GgufValue value) {
    String text = Escapes.quote(value.toString());
    String bare = text.substring(1, text.length() - 1);
    return bare.length() <= SHOWN_CHARACTERS ? bare : bare.substring(0, SHOWN_CHARACTERS) + "…";
  }

  private static String kernel(GgmlType type) {
    return WeightType.of(type)
        .map(known -> known.quantized() ? "int8 products" : "f32 products")
        .orElse("no kernel");
  }

  private static JsonObject toJson(Gguf gguf, JsonObject runtime, String refusal) {
    var fields = new JsonObject();
    gguf.metadata().entries().forEach((key, value) -> fields.put(key, value.toString()));
    JsonObject result =
        new JsonObject()
            .with("file", gguf.name())
            .with("version", gguf.version())
            .with("bytes", gguf.size())
            .with("fields", fields)
            .with("tensors", gguf.tensors().stream().map(InspectCommand::toJson).toList())
            .with("runtime", runtime);
    if (!refusal.isEmpty()) {
      result.put("cannot_run", refusal);
    }
    return result;
  }

  private static JsonObject toJson(GgufTensor tensor) {
    return new JsonObject()
        .with("name", tensor.name())
        .with("type", tensor.type().name())
        .with("shape", tensor.shape())
        .with("offset", tensor.offset())
        .with("bytes", tensor.data().byteSize());
  }
}
