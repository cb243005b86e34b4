// Prints what llama.cpp computes with the draft block of a model, or with an EAGLE-3 head, as
// float32:
//
//   oracle MODEL HEAD|- COUNT TOKEN…
//
// logits [n, V] of the model after each token; logits of the block or head, from each token and the
// hidden state before it: [n, V] of a block, [n - 1, V] of a head, which begins with the second
// token; logits [COUNT, V] of the drafts after the most likely next token, each from the draft
// before it.

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

llama_model* load(const char* file) {
    llama_model_params params = llama_model_default_params();
    params.load_mtp = true;
    llama_model* model = llama_model_load_from_file(file, params);
    if (model == nullptr) fail("no model");
    return model;
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

using Batch = std::unique_ptr<llama_batch_ext, decltype(&llama_batch_ext_free)>;

Batch new_batch(llama_context* context) {
    return Batch(llama_batch_ext_init(context), llama_batch_ext_free);
}

// Runs tokens from a position on, with hidden states [n, d] for a block; prints their logits.
void run(llama_context* context, const std::vector<llama_token>& tokens, int from, float* states) {
    const llama_model* model = llama_get_model(context);
    const size_t d = llama_model_n_embd(model);
    Batch batch = new_batch(context);
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

// Prints the logits of drafts from a token, at a position of the block, and a state.
void draft(llama_context* block, llama_token token, int position, int count, Rows state) {
    for (int i = 0; i < count; i++) {
        run(block, {token}, position + i, state.data());
        const float* own = llama_get_embeddings_nextn(block);
        state.assign(own, own + state.size());
        token = best(block, 0);
    }
}

// Returns the rows of three layers' inputs side by side.
Rows features(llama_context* context, const llama_model* head, size_t rows) {
    const size_t d = llama_model_n_embd(llama_get_model(context));
    const uint32_t layers = llama_model_target_layer_ids_n(head);
    Rows joined(rows * layers * d);
    for (uint32_t k = 0; k < layers; k++) {
        const uint32_t layer = llama_model_target_layer_ids(head)[k];
        const float* input = llama_get_embeddings_layer_inp(context, layer);
        for (size_t i = 0; i < rows; i++) {
            std::copy(input + i * d, input + (i + 1) * d, &joined[(i * layers + k) * d]);
        }
    }
    return joined;
}

// Returns the states of a head.
Rows encode(llama_context* context, const Rows& rows, size_t n) {
    const size_t width = rows.size() / n;
    Batch batch = new_batch(context);
    for (size_t i = 0; i < n; i++) {
        const llama_pos position = static_cast<llama_pos>(i);
        const int32_t row =
            llama_batch_ext_add_embd(batch.get(), 0, {const_cast<float*>(&rows[i * width]), 1, width});
        llama_batch_ext_set_pos(batch.get(), row, &position);
        llama_batch_ext_set_output_logits(batch.get(), row, true);
    }
    if (llama_process(context, LLAMA_PROCESS_TYPE_ENCODE, batch.get()) != 0) fail("no states");
    const float* states = llama_get_embeddings_nextn(context);
    return Rows(states, states + n * llama_model_n_embd(llama_get_model(context)));
}

void run_head(llama_context* whole, llama_model* model, const std::vector<llama_token>& tokens,
              int drafts) {
    for (uint32_t k = 0; k < llama_model_target_layer_ids_n(model); k++) {
        llama_set_embeddings_layer_inp(whole, llama_model_target_layer_ids(model)[k], true);
    }
    const int n = static_cast<int>(tokens.size());
    llama_context* head = open(model, n + drafts, LLAMA_CONTEXT_TYPE_DEFAULT, whole);
    run(whole, tokens, 0, nullptr);
    Rows states = encode(head, features(whole, model, n), n);
    run(head, {tokens.begin() + 1, tokens.end()}, 0, states.data());
    const size_t d = llama_model_n_embd(model);
    draft(head, best(whole, n - 1), n - 1, drafts, Rows(states.end() - d, states.end()));
}

void run_block(llama_context* whole, llama_model* model, const std::vector<llama_token>& tokens,
               int drafts) {
    const int n = static_cast<int>(tokens.size());
    const size_t d = llama_model_n_embd(model);
    llama_context* block = open(model, n + drafts, LLAMA_CONTEXT_TYPE_MTP, whole);
    run(whole, tokens, 0, nullptr);
    const float* hidden = llama_get_embeddings_nextn(whole);
    Rows states(d);
    states.insert(states.end(), hidden, hidden + (n - 1) * d);
    run(block, tokens, 0, states.data());
    draft(block, best(whole, n - 1), n, drafts, Rows(hidden + (n - 1) * d, hidden + n * d));
}

}  // namespace

int main(int count, char** arguments) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    llama_model* model = load(arguments[1]);
    const bool has_head = arguments[2][0] != '-';
    const int drafts = std::atoi(arguments[3]);
    std::vector<llama_token> tokens;
    for (int i = 4; i < count; i++) tokens.push_back(std::atoi(arguments[i]));
    const int positions = static_cast<int>(tokens.size()) + drafts;
    llama_context* whole = open(model, positions, LLAMA_CONTEXT_TYPE_DEFAULT, nullptr);
    if (has_head) {
        run_head(whole, load(arguments[2]), tokens, drafts);
    } else {
        run_block(whole, model, tokens, drafts);
    }
}
