package dev.vidrio.cli;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Function;
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
final class InspectCommand implements Callable<Integer> {
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

  InspectCommand() {}

  @Override
  public Integer call() {
    ModelOption chosen = model.named(file);
    try (Model opened = chosen.open()) {
      show(opened.gguf(), runtime(opened), "");
    } catch (UnsupportedModelException e) {
      Path path = ModelOption.find(ModelReference.parse(chosen.reference()));
      try (Arena arena = Arena.ofShared()) {
        show(reopen(path, e, arena), Map.of(), e.getMessage());
      }
    }
    return 0;
  }

  /**
   * Returns the fields and tensors of a model that is valid but not supported.
   *
   * @throws UnsupportedModelException if the model is a directory whose configuration is not
   *     supported, so that it has no fields and tensors of GGUF
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

  private static Map<String, Object> runtime(Model opened) {
    Architecture a = opened.architecture();
    Map<String, Object> runtime = new LinkedHashMap<>();
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
    Plan plan = a.plan();
    runtime.put("matrix_bytes_packed", matrixBytes(plan, Weights.Layout.PACKED));
    runtime.put("matrix_bytes_mapped", matrixBytes(plan, Weights.Layout.ROWS));
    runtime.put(
        "kv_bytes_per_position", a.kvShape().bytesPerPosition(SessionOptions.DEFAULT_KV_TYPE));
    if (a.kvShape().hasStates()) {
      runtime.put("state_bytes", a.kvShape().bytesPerSequence());
    }
    runtime.put("executor", opened.executor().name());
    return runtime;
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
        .mapToLong(weights -> weights.data().byteSize())
        .sum();
  }

  private void show(Gguf gguf, Map<String, Object> runtime, String refusal) {
    if (json) {
      printJson(gguf, runtime, refusal);
    } else {
      print(gguf, runtime, refusal);
    }
  }

  private void print(Gguf gguf, Map<String, Object> runtime, String refusal) {
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
    types(gguf)
        .forEach(
            (type, count) ->
                System.out.printf(
                    Locale.ROOT,
                    "  %-6s %4d tensors %9s  %s%n",
                    type,
                    count.tensors,
                    Units.bytes(count.bytes),
                    kernel(type)));
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

  /** The number and size of the tensors of a type. */
  private static final class Count {
    int tensors;
    long bytes;
  }

  private static Map<GgmlType, Count> types(Gguf gguf) {
    Map<GgmlType, Count> types = new TreeMap<>();
    for (GgufTensor tensor : gguf.tensors()) {
      Count count = types.computeIfAbsent(tensor.type(), type -> new Count());
      count.tensors++;
      count.bytes += tensor.data().byteSize();
    }
    return types;
  }

  private static String kernel(GgmlType type) {
    return WeightType.of(type)
        .map(known -> known.quantized() ? "int8 products" : "f32 products")
        .orElse("no kernel");
  }

  private static void printJson(Gguf gguf, Map<String, Object> runtime, String refusal) {
    Map<String, Object> fields = new LinkedHashMap<>();
    gguf.metadata().entries().forEach((key, value) -> fields.put(key, value.toString()));
    List<Map<String, Object>> tensors =
        gguf.tensors().stream()
            .map(
                tensor -> {
                  Map<String, Object> entry = new LinkedHashMap<>();
                  entry.put("name", tensor.name());
                  entry.put("type", tensor.type().name());
                  entry.put("shape", tensor.shape());
                  entry.put("offset", tensor.offset());
                  entry.put("bytes", tensor.data().byteSize());
                  return entry;
                })
            .toList();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("file", gguf.name());
    result.put("version", gguf.version());
    result.put("bytes", gguf.size());
    result.put("fields", fields);
    result.put("tensors", tensors);
    result.put("runtime", runtime);
    if (!refusal.isEmpty()) {
      result.put("cannot_run", refusal);
    }
    Json.print(result);
  }
}
