// Indirect object identification in JShell: which heads of SmolLM2 find the name that occurs once?
// docs/lens/notebooks.md has the command that runs this file.
import dev.vidrio.kernel.hook.HookPoint
import dev.vidrio.lens.*
import dev.vidrio.lens.dataset.*
import dev.vidrio.lens.hook.*
import dev.vidrio.lens.intervene.*
import dev.vidrio.model.Model

Model model = Model.open(Path.of(System.getProperty("model")))
Lens lens = Lens.of(model)

// The logit difference of the names over 40 pairs, with 95 % intervals.
List<TextPair> pairs = Dataset.IOI.generate(model.tokenizer(), 40, 0).stream().map(pair -> pair.bind(lens, MetricSpec.DEFAULT)).toList()
PairMeasure task = PairMeasure.of(lens, pairs)
System.out.printf("clean %s, corrupted %s%n", task.cleanMean(), task.corruptedMean())

// How much of it each head restores, by attribution patching.
ActivationPatching patching = AttributionPatching.of(lens, pairs, ActivationPatching.Site.HEAD, ActivationPatching.Direction.DENOISING)
record Head(int layer, int head, double score) {}
List<Head> heads = new ArrayList<>()
for (int layer = 0; layer < patching.scores().size(); layer++) {
  List<Double> scores = patching.scores().get(layer);
  for (int head = 0; head < scores.size(); head++) {
    heads.add(new Head(layer, head, scores.get(head)));
  }
}
List<Head> top = heads.stream().sorted(Comparator.comparingDouble(Head::score).reversed()).limit(6).toList()
top.forEach(head -> System.out.printf("L%d.H%d restores %.3f%n", head.layer(), head.head(), head.score()))

// The prediction without these heads.
int[] text = model.tokenizer().encode("When Mary and John went to the store, John gave a drink to")
List<Intervention> edits = top.stream().map(head -> Intervention.zero(lens.point("blocks." + head.layer() + ".attn.hook_z")).head(head.head())).toList()
int mary = model.tokenizer().encode(" Mary")[0]
double probability(List<Intervention> edits) {
  HookPoint point = lens.point("unembed.hook_out");
  try (ActivationCache cache = lens.run(text, Capture.of(point.name()), edits)) {
    float[] logits = cache.get(point).row(text.length - 1);
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - logits[mary]);
    }
    return 1 / sum;
  }
}
System.out.printf("\" Mary\": %.3f, without these heads %.3f%n", probability(List.of()), probability(edits))
model.close()
/exit
