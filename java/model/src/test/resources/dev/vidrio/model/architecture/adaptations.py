"""Models that transformers lacks, built by modifying models that it has."""

import copy
import math

import torch
import transformers
from configurations import COMMON, COUNT, LAYERS
from originals import ORIGINALS
from transformers.models.llama.modeling_llama import LlamaRMSNorm


def adapt(name: str, model: torch.nn.Module) -> None:
    """Turns a model of transformers into one that transformers lacks."""
    if name in ("baichuan-13b", "refact", "jais"):
        fall_with_distance(model)
    if name == "phimoe-longrope":
        turn_by_length(model.model.rotary_emb)
    if name.startswith("nemotron_h"):
        for layer in model.model.layers:  # its clamps are those of the initial biases
            layer.mixer.time_step_limit = (0.0, math.inf)
    if name in ("openelm", "deci"):
        vary(name, model)
    if name == "arctic":
        for layer in model.model.layers:
            put_experts_beside(layer, model.config)
    if name == "plm":
        for layer in model.model.layers:
            layer.mlp = PlainFfn(model.config.hidden_size, model.config.intermediate_size)
    if name == "smallthinker":
        for layer in model.model.layers:
            layer.mlp = EarlyExperts(layer, model.config.hidden_size, width=24, count=5, used=2)
    if name not in ("jais", "plamo", "bailingmoe"):
        return
    for layer in model.model.layers:
        if name == "jais":
            layer.self_attn.scaling = 1 / layer.self_attn.head_dim
            for linear in (layer.self_attn.o_proj, *layer.mlp.children()):
                if isinstance(linear, torch.nn.Linear):
                    linear.bias = torch.nn.Parameter(torch.zeros(linear.out_features))
        if name == "plamo":
            layer.input_layernorm = LlamaRMSNorm(model.config.hidden_size)
        if name == "bailingmoe":
            layer.mlp.gate.moe_statics = torch.nn.Identity()  # the selection bias
    if name == "plamo":
        model.model.norm = LlamaRMSNorm(model.config.hidden_size)


def step35(config, **keywords) -> torch.nn.Module:
    """The text model of Step 3.7, which transformers has only as a part of a multimodal model."""
    from transformers.modeling_outputs import CausalLMOutput
    from transformers.models.step3p7 import modeling_step3p7

    class Step35(modeling_step3p7.Step3p7PreTrainedModel):
        config_class = transformers.Step3p7TextConfig

        def __init__(self, config):
            super().__init__(config)
            self.model = modeling_step3p7.Step3p7TextModel(config)
            self.lm_head = torch.nn.Linear(config.hidden_size, config.vocab_size, bias=False)
            self.post_init()

        def get_input_embeddings(self):
            return self.model.embed_tokens

        def forward(self, ids, **keywords):
            x = self.model(ids, **keywords).last_hidden_state
            return CausalLMOutput(logits=self.lm_head(x))

    return Step35._from_config(config, **keywords)


def vary(name: str, model: torch.nn.Module) -> None:
    """Gives each layer its own number of heads and feed-forward width."""
    for layer, (heads, kv_heads, width) in zip(model.model.layers, LAYERS[name]):
        config = copy.deepcopy(model.config)
        config.num_attention_heads, config.intermediate_size = heads, width
        config.num_key_value_heads = kv_heads
        d = config.hidden_size
        config.head_dim = model.config.head_dim
        if kv_heads:
            layer.self_attn = type(layer.self_attn)(config, layer.self_attn.layer_idx)
        elif heads:
            layer.self_attn = InTheirPlace(torch.nn.Linear(d, d, bias=False))
        else:
            layer.self_attn, layer.input_layernorm = InTheirPlace(None), torch.nn.Identity()
        layer.mlp = type(layer.mlp)(config) if width else Nothing()
        if not width:
            layer.post_attention_layernorm = torch.nn.Identity()


class Nothing(torch.nn.Module):
    """A sublayer that adds zero to the residual stream."""

    def forward(self, x):
        return torch.zeros_like(x)


class InTheirPlace(torch.nn.Module):
    """A linear map instead of attention, or zero."""

    def __init__(self, linear: torch.nn.Linear | None):
        super().__init__()
        self.o_proj = linear or Nothing()

    def forward(self, hidden_states, **keywords):
        return self.o_proj(hidden_states), None


def turn_by_length(rotary: torch.nn.Module) -> None:
    """Gives RoPE the length of the text: Phi 3.5 MoE uses the factors of short texts for all."""
    forward, frequencies = rotary.forward, rotary.rope_init_fn

    def turn(x, position_ids):
        length = int(position_ids.max()) + 1
        rotary.rope_init_fn = lambda config: frequencies(config, seq_len=length)
        return forward(x, position_ids)

    rotary.forward = turn


class PlainFfn(torch.nn.Module):
    """A feed-forward block of squared ReLU (arXiv 2109.08668)."""

    def __init__(self, d: int, width: int):
        super().__init__()
        self.up_proj = torch.nn.Linear(d, width, bias=False)
        self.down_proj = torch.nn.Linear(width, d, bias=False)

    def forward(self, x):
        return self.down_proj(torch.relu(self.up_proj(x)) ** 2)


class EarlyExperts(torch.nn.Module):
    """Experts gated by ReLU, routed by the input of the layer."""

    def __init__(self, layer: torch.nn.Module, d: int, width: int, count: int, used: int):
        super().__init__()
        self.used = used
        self.primary_router = torch.nn.Linear(d, count, bias=False)
        self.experts = torch.nn.ModuleList(torch.nn.Module() for _ in range(count))
        for expert in self.experts:
            expert.gate = torch.nn.Linear(d, width, bias=False)
            expert.up = torch.nn.Linear(d, width, bias=False)
            expert.down = torch.nn.Linear(width, d, bias=False)
        layer.register_forward_pre_hook(self.ask)

    def ask(self, layer, arguments):
        scores, self.chosen = self.primary_router(arguments[0]).topk(self.used, dim=-1)
        self.weights = torch.sigmoid(scores) / torch.sigmoid(scores).sum(dim=-1, keepdim=True)

    def forward(self, x):
        sums = torch.zeros_like(x)
        for e, expert in enumerate(self.experts):
            share = (self.weights * (self.chosen == e)).sum(dim=-1, keepdim=True)
            sums = sums + share * expert.down(torch.relu(expert.gate(x)) * expert.up(x))
        return sums


class Experts(torch.nn.Module):
    """Gated experts chosen by a softmax. Their weights add up to 1."""

    def __init__(self, d: int, width: int, count: int, used: int):
        super().__init__()
        self.used = used
        self.gate = torch.nn.Linear(d, count, bias=False)
        self.experts = torch.nn.ModuleList(torch.nn.Module() for _ in range(count))
        for expert in self.experts:
            expert.w1 = torch.nn.Linear(d, width, bias=False)
            expert.w3 = torch.nn.Linear(d, width, bias=False)
            expert.w2 = torch.nn.Linear(width, d, bias=False)

    def forward(self, x):
        scores, chosen = self.gate(x).topk(self.used, dim=-1)
        weights = torch.softmax(scores, dim=-1)
        sums = torch.zeros_like(x)
        for e, expert in enumerate(self.experts):
            share = (weights * (chosen == e)).sum(dim=-1, keepdim=True)
            gate = torch.nn.functional.silu(expert.w1(x))
            sums = sums + share * expert.w2(gate * expert.w3(x))
        return sums


def put_experts_beside(layer: torch.nn.Module, config) -> None:
    """Adds experts that read the input of a layer to its output."""
    d = config.hidden_size
    narrow = copy.deepcopy(config)
    narrow.intermediate_size = d
    layer.mlp = type(layer.mlp)(narrow)
    layer.experts_layernorm = LlamaRMSNorm(d, config.rms_norm_eps)
    layer.block_sparse_moe = Experts(d, config.intermediate_size, count=5, used=2)
    forward = layer.forward

    def add(x, *arguments, **keywords):
        routed = layer.block_sparse_moe(layer.experts_layernorm(x))
        return forward(x, *arguments, **keywords) + routed

    layer.forward = add


def fall_with_distance(model: torch.nn.Module) -> None:
    """Replaces rotary positions by linear biases of distance (ALiBi, arXiv 2108.12409)."""
    heads = model.config.num_attention_heads
    slopes = 2.0 ** (-8 * torch.arange(1, heads + 1) / heads)  # heads is a power of two
    places = torch.arange(COUNT)
    distance = places[:, None] - places
    mask = torch.where(distance < 0, -torch.inf, -slopes[:, None, None] * distance)[None]
    forward = model.forward
    model.forward = lambda ids, **keywords: forward(ids, attention_mask=mask, **keywords)
    turn = model.model.rotary_emb.forward

    def unturned(x, position_ids):
        cosine, sine = turn(x, position_ids)
        return torch.ones_like(cosine), torch.zeros_like(sine)

    model.model.rotary_emb.forward = unturned


def add_mixtures(model: torch.nn.Module) -> None:
    """Turns a Llama into a DeepSeekMoE with the mixtures of DeepSeek V2, which has another attention."""
    from transformers.models.deepseek_v2.modeling_deepseek_v2 import DeepseekV2Moe

    says = ORIGINALS["deepseek"][0]
    sizes = {k: v for k, v in says.items() if "expert" in k or k == "moe_intermediate_size"}
    config = transformers.DeepseekV2Config(**COMMON | sizes | dict(topk_method="greedy"))
    for layer in model.model.layers[says["first_k_dense_replace"] :]:
        layer.mlp = DeepseekV2Moe(config)
