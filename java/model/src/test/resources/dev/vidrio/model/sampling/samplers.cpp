// Writes samplers.json, what llama.cpp's samplers give, for SamplerGoldTest. It was built with
// llama.cpp of llama_cpp_python 0.3.36 and run with the path of bard-q8_0.gguf:
//
//   c++ -std=c++17 -fopenmp -I llama.cpp/include -I llama.cpp/ggml/include samplers.cpp \
//       libllama.a libggml.a libggml-cpu.a libggml-base.a -lpthread -ldl -lm
//   ./a.out bard-q8_0.gguf > samplers.json

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "llama.h"

static uint64_t state = 1;

static int below(int n) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (int) ((state >> 33) % n);
}

static std::string quoted(const std::string & text) {
    std::string json = "\"";
    for (char c : text) {
        if (c == '\n') {
            json += "\\n";
        } else {
            if (c == '"' || c == '\\') {
                json += '\\';
            }
            json += c;
        }
    }
    return json + "\"";
}

static llama_token_data_array apply(llama_sampler * chain, std::vector<llama_token_data> & data) {
    llama_token_data_array all = {data.data(), data.size(), -1, false};
    llama_sampler_apply(chain, &all);
    return all;
}

static void dry(const llama_vocab * vocab, bool last) {
    const std::vector<std::vector<std::string>> lists = {
        {"\n", ":", "\"", "*"}, {"the king", "ROMEO."}, {" and", "e"}, {"my lord", ", "}, {"qzx"}};
    const auto & breakers = lists[below(lists.size())];
    float multiplier = 0.25f * (1 + below(8));
    float base = 1.0f + 0.25f * below(5);
    int allowed = below(5);
    int window = 4 + below(100);
    std::vector<const char *> texts;
    for (const auto & each : breakers) {
        texts.push_back(each.c_str());
    }
    llama_sampler * sampler = llama_sampler_init_dry(
        vocab, multiplier, base, allowed, window, texts.data(), texts.size());
    // Few different tokens, so that much repeats, and some that contain or begin breakers.
    std::vector<int> alphabet;
    int letters = 2 + below(4);
    for (int i = 0; i < letters; i++) {
        alphabet.push_back(3 + below(llama_vocab_n_tokens(vocab) - 3));
    }
    llama_token ids[64];
    const std::string & breaker = breakers[below(breakers.size())];
    int n = llama_tokenize(vocab, breaker.data(), breaker.size(), ids, 64, false, false);
    int length = 5 + below(150);
    std::vector<int> history;
    while ((int) history.size() < length) {
        if (below(12) == 0) {
            history.insert(history.end(), ids, ids + n);
        } else {
            history.push_back(alphabet[below(letters)]);
        }
    }
    for (int token : history) {
        llama_sampler_accept(sampler, token);
    }
    std::vector<llama_token_data> data;
    for (int i = 0; i < llama_vocab_n_tokens(vocab); i++) {
        data.push_back({i, 0.0f, 0.0f});
    }
    llama_token_data_array all = apply(sampler, data);
    printf("    {\"multiplier\": %.9g, \"base\": %.9g, \"allowed_length\": %d, \"last_n\": %d,",
        multiplier, base, allowed, window);
    printf(" \"breakers\": [");
    for (size_t i = 0; i < breakers.size(); i++) {
        printf("%s%s", i ? ", " : "", quoted(breakers[i]).c_str());
    }
    printf("],\n     \"history\": [");
    for (size_t i = 0; i < history.size(); i++) {
        printf("%s%d", i ? ", " : "", history[i]);
    }
    printf("],\n     \"penalties\": {");
    bool first = true;
    for (size_t i = 0; i < all.size; i++) {
        if (all.data[i].logit != 0) {
            printf("%s\"%d\": %.9g", first ? "" : ", ", all.data[i].id, -all.data[i].logit);
            first = false;
        }
    }
    printf("}}%s\n", last ? "" : ",");
    llama_sampler_free(sampler);
}

static void kept(int seed, bool last) {
    const int vocabulary = 500;
    float sigma = below(2) ? 0.5f * (1 + below(5)) : -1.0f;
    int top_k = below(2) ? 1 + below(100) : 0;
    float top_p = below(2) ? 0.5f + 0.05f * below(10) : 1.0f;
    float min_p = below(2) ? 0.01f * below(20) : 0.0f;
    float threshold = 0.02f * (1 + below(25));
    llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    llama_sampler_chain_add(chain, llama_sampler_init_top_n_sigma(sigma));
    llama_sampler_chain_add(chain, llama_sampler_init_top_k(top_k));
    llama_sampler_chain_add(chain, llama_sampler_init_top_p(top_p, 0));
    llama_sampler_chain_add(chain, llama_sampler_init_min_p(min_p, 0));
    llama_sampler_chain_add(chain, llama_sampler_init_xtc(1.0f, threshold, 0, 1));
    std::vector<llama_token_data> data;
    for (int i = 0; i < vocabulary; i++) {
        double x = ((i * 7919 + seed * 104729) % 10007) / 10007.0;
        double logit = 12 * x * x * x * x * x * x - 3 * x;
        data.push_back({i, (float) logit, 0.0f});
    }
    llama_token_data_array all = apply(chain, data);
    std::vector<llama_token_data> left;
    for (size_t i = 0; i < all.size; i++) {
        if (all.data[i].logit > -INFINITY) {
            left.push_back(all.data[i]);
        }
    }
    std::sort(left.begin(), left.end(), [](const auto & a, const auto & b) {
        return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
    });
    printf("    {\"seed\": %d, \"vocabulary\": %d, \"top_n_sigma\": %.9g, \"top_k\": %d,"
        " \"top_p\": %.9g, \"min_p\": %.9g, \"xtc_threshold\": %.9g,\n     \"count\": %zu, \"kept\": [",
        seed, vocabulary, sigma, top_k, top_p, min_p, threshold, left.size());
    for (size_t i = 0; i < std::min<size_t>(left.size(), 20); i++) {
        printf("%s%d", i ? ", " : "", left[i].id);
    }
    printf("]}%s\n", last ? "" : ",");
    llama_sampler_free(chain);
}

int main(int, char ** argv) {
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    llama_model * model = llama_model_load_from_file(argv[1], params);
    if (!model) {
        return 1;
    }
    printf("{\n  \"dry\": [\n");
    for (int i = 0; i < 60; i++) {
        dry(llama_model_get_vocab(model), i == 59);
    }
    printf("  ],\n  \"kept\": [\n");
    for (int i = 0; i < 120; i++) {
        kept(i, i == 119);
    }
    printf("  ]\n}\n");
    llama_model_free(model);
}
