// Prints what llama.cpp computes with the draft block of a model, as float32:
//
//   oracle MODEL COUNT TOKEN…
//
// logits [n, V] of the model after each token; logits [n, V] of the block, from each token and the
// hidden state before it; logits [COUNT, V] of the drafts after the most likely next token, each
// from the draft before it.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "llama-ext.h"
#include "llama.h"

namespace {

using Rows = std::vector<float>;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "%s\n", what);
    std::exit(1);
}

llama_context* open(llama_model* model, int positions, llama_context_type type, llama_context* other) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = params.n_ubatch = positions;
    params.n_threads = params.n_threads_batch = 1;
    params.type_k = params.type_v = GGML_TYPE_F32;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.ctx_type = type;
    params.ctx_other = other;
    llama_context* context = llama_init_from_model(model, params);
    if (context == nullptr) fail("no context");
    llama_set_embeddings_nextn(context, true, false);
    return context;
}

// Runs tokens from a position on, with hidden states [n, d] for a block; prints their logits.
void run(llama_context* context, const std::vector<llama_token>& tokens, int from, float* states) {
    const llama_model* model = llama_get_model(context);
    const size_t d = llama_model_n_embd(model);
    std::unique_ptr<llama_batch_ext, decltype(&llama_batch_ext_free)> batch(
        llama_batch_ext_init(context), llama_batch_ext_free);
    for (size_t i = 0; i < tokens.size(); i++) {
        const llama_pos p = from + static_cast<llama_pos>(i);
        const std::array<llama_pos, 4> positions{p, p, p, 0};
        const int32_t row = llama_batch_ext_add_token(batch.get(), 0, tokens[i]);
        llama_batch_ext_set_pos(batch.get(), row, positions.data());
        if (states != nullptr) llama_batch_ext_set_embd_token(batch.get(), row, {states + i * d, 1, d});
        llama_batch_ext_set_output_logits(batch.get(), row, true);
    }
    if (llama_process(context, LLAMA_PROCESS_TYPE_DECODE, batch.get()) != 0) fail("no step");
    const size_t vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
    for (size_t i = 0; i < tokens.size(); i++) {
        std::fwrite(llama_get_logits_ith(context, static_cast<int32_t>(i)), 4, vocabulary, stdout);
    }
}

llama_token best(llama_context* context, int row) {
    const float* logits = llama_get_logits_ith(context, row);
    const int n = llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(context)));
    return static_cast<llama_token>(std::max_element(logits, logits + n) - logits);
}

}  // namespace

int main(int count, char** arguments) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    llama_model_params params = llama_model_default_params();
    params.load_mtp = true;
    llama_model* model = llama_model_load_from_file(arguments[1], params);
    if (model == nullptr) fail("no model");
    const int drafts = std::atoi(arguments[2]);
    std::vector<llama_token> tokens;
    for (int i = 3; i < count; i++) tokens.push_back(std::atoi(arguments[i]));
    const int n = static_cast<int>(tokens.size());
    const size_t d = llama_model_n_embd(model);

    llama_context* whole = open(model, n + drafts, LLAMA_CONTEXT_TYPE_DEFAULT, nullptr);
    llama_context* block = open(model, n + drafts, LLAMA_CONTEXT_TYPE_MTP, whole);
    run(whole, tokens, 0, nullptr);
    const float* hidden = llama_get_embeddings_nextn(whole);
    Rows states(d);
    states.insert(states.end(), hidden, hidden + (n - 1) * d);
    run(block, tokens, 0, states.data());

    Rows state(hidden + (n - 1) * d, hidden + n * d);
    llama_token token = best(whole, n - 1);
    for (int i = 0; i < drafts; i++) {
        run(block, {token}, n + i, state.data());
        const float* own = llama_get_embeddings_nextn(block);
        state.assign(own, own + d);
        token = best(block, 0);
    }
}
