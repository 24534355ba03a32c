// SPDX-License-Identifier: MIT
// Small models of every family on the device against float64 on the host, beside what the CPU's own
// kernels reach.
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "check.hpp"
#include "lldm/errors.hpp"
#include "small_models.hpp"

namespace lldm::gpu_check {
namespace {

/// How far a precision may be from float64.
struct Bounds {
  double states, gradients;
};

struct Case {
  std::string name;
  bool hides = false, is_two_stream = false;
};

double worst(const std::vector<at::Tensor>& got, const std::vector<at::Tensor>& wanted) {
  double largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = distance(got[i], wanted[i]);
    if (!(error <= largest)) largest = error;  // NaN stays
  }
  return largest;
}

void compare(const Bench& bench, Report& report, const std::string& family, const Case& what,
             const Precision& precision, const Bounds& bounds) {
  const TransformerConfig config = small_config(family);
  if (what.is_two_stream && config.shifted_logits) return;  // not defined
  const std::string name = family + what.name;
  report.attempt(name, [&] {
    const auto exact = exact_model(config);
    const auto here = copy_of(*exact, precision, bench.at()),
               there = copy_of(*exact, precision, at::kCPU);
    const PackedTokens texts = texts_of(config, what.hides, what.is_two_stream);
    {
      const c10::NoGradGuard guard;
      const auto wanted = exact->hidden_states(texts);
      report.within(name + ": states", worst(here->hidden_states(texts), wanted), bounds.states,
                    {{"cpu", worst(there->hidden_states(texts), wanted)}});
      const auto logits = [&](const Transformer& model) {  // ids without a logit are -inf
        const auto all = model.logits(model.hidden(texts));
        return all.masked_fill(all.isneginf(), 0);
      };
      report.within(name + ": logits", distance(logits(*here), logits(*exact)), bounds.states,
                    {{"cpu", distance(logits(*there), logits(*exact))}});
    }
    const auto wanted = gradients_of(*exact, texts);
    report.within(name + ": gradients", worst(gradients_of(*here, texts), wanted), bounds.gradients,
                  {{"cpu", worst(gradients_of(*there, texts), wanted)}});
  });
}

void compare_all(const Bench& bench, Report& report, const Precision& precision,
                 const Bounds& bounds) {
  for (const std::string& family : family_names())
    compare(bench, report, family, {""}, precision, bounds);
  compare(bench, report, "llada", {", hidden tokens", true, false}, precision, bounds);
  compare(bench, report, "llada", {", two streams", false, true}, precision, bounds);
}

/// An id outside the vocabulary ends a CUDA context unless it is found before it gets there.
void refuse_wrong_ids(const Bench& bench, Report& report) {
  const auto model = copy_of(*exact_model(small_config("llada")), at::kFloat, bench.at());
  const auto refused = [&](const std::string& name, const auto& work) {
    std::string text;
    try {
      work();
    } catch (const ShapeError& error) {
      text = error.what();
    }
    report.require(name, !text.empty(), {{"text", text}});
  };
  for (const std::int64_t id : {std::int64_t{-1}, model->vocabulary_size()}) {
    PackedTokens texts = texts_of(model->config(), false, false);
    const auto rows = model->hidden(texts).narrow(0, 0, 2).detach();
    refused("a wrong target is refused",
            [&] { (void)model->log_probabilities(rows, at::full({2}, id, at::kLong)); });
    texts.tokens.select(0, 3).fill_(id);
    refused("a wrong id is refused", [&] { (void)model->hidden(texts); });
  }
  const PackedTokens texts = texts_of(model->config(), false, false);
  report.require("the device is usable after it",
                 model->hidden(texts).isfinite().all().item<bool>());
}

}  // namespace

void check_float32(const Bench& bench, Report& report) {
  report.attempt("wrong ids", [&] { refuse_wrong_ids(bench, report); });
  compare_all(bench, report, at::kFloat, {2e-5, 1e-4});
}

void check_bfloat16(const Bench& bench, Report& report) {
  // Eight bits a product; two blocks.
  compare_all(bench, report, at::kBFloat16, {2e-2, 1e-1});
}

void check_storages(const Bench& bench, Report& report) {
  for (const std::string family : {"llada", "qwen3", "smdm"})
    for (const WeightStorage storage :
         {WeightStorage::bfloat16, WeightStorage::int8, WeightStorage::nf4})
      for (const auto compute : {at::kFloat, at::kBFloat16}) {
        const std::string name = family + ", storage " + std::to_string(static_cast<int>(storage)) +
                                 (compute == at::kFloat ? ", float32" : ", bfloat16");
        report.attempt(name, [&] {
          const c10::NoGradGuard guard;
          const auto exact = exact_model(small_config(family));
          const Precision precision(compute, storage);
          const auto here = copy_of(*exact, precision, bench.at()),
                     there = copy_of(*exact, precision, at::kCPU);
          const auto mine = here->weights(), others = there->weights();
          bool is_equal = true;
          for (std::size_t i = 0; i < mine.size(); ++i)
            is_equal &= same_bits(mine[i].value(at::kFloat), others[i].value(at::kFloat));
          report.require(name + ": the same numbers as on the CPU", is_equal,
                         {{"bytes", here->weight_bytes()}});
          const PackedTokens texts = texts_of(exact->config(), false, false);
          report.within(name + ": states", distance(here->hidden(texts), there->hidden(texts)),
                        compute == at::kFloat ? 2e-5 : 2e-2);
        });
      }
}

void check_recomputation(const Bench& bench, Report& report) {
  for (const std::string family : {"llada", "dream"})
    for (const auto compute : {at::kFloat, at::kBFloat16}) {
      const std::string name = family + (compute == at::kFloat ? ", float32" : ", bfloat16");
      report.attempt(name, [&] {
        const auto exact = exact_model(small_config(family));
        const auto model = copy_of(*exact, compute, bench.at());
        const PackedTokens texts = texts_of(exact->config(), false, false);
        const auto kept = gradients_of(*model, texts), again = gradients_of(*model, texts);
        const auto alike = [](const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
          return std::ranges::equal(a, b, same_bits);
        };
        report.require(name + ": the same bits twice", alike(kept, again),
                       {{"distance", worst(again, kept)}});
        for (const auto& [mode, said] :
             {std::pair{Recomputation::selective, ": selective"},
              {Recomputation::full, ": full"},
              {Recomputation::offload, ": blocks' inputs on the host,"}}) {
          model->set_recomputation(mode);
          const auto made_again = gradients_of(*model, texts);
          report.require(name + said + " recomputation gives the same bits",
                         alike(made_again, kept), {{"distance", worst(made_again, kept)}});
        }
      });
    }
}

void check_streaming(const Bench& bench, Report& report) {
  for (const auto storage :
       {WeightStorage::plain, WeightStorage::bfloat16, WeightStorage::int8, WeightStorage::nf4})
    for (const auto compute : {at::kFloat, at::kBFloat16}) {
      const std::string name = message("storage ", static_cast<int>(storage), ", ",
                                       compute == at::kFloat ? "float32" : "bfloat16");
      report.attempt(name, [&] {
        TransformerConfig config = small_config("llada");
        config.layers = 6;
        const auto exact = exact_model(config);
        const PackedTokens texts = texts_of(config, false, false);
        std::vector<std::vector<at::Tensor>> found;
        for (const WeightPlacement& placement :
             {WeightPlacement(), WeightPlacement{FrozenWeights::streamed, 2},
              WeightPlacement{FrozenWeights::streamed, 3}}) {
          const auto model = copy_of(*exact, {compute, storage}, bench.at(), placement);
          model->add_adapter({.rank = 4, .alpha = 8}, Draws(5, "adapter"));
          for (const auto mode : {Recomputation::none, Recomputation::offload}) {
            model->set_recomputation(mode);
            found.push_back(gradients_of(*model, texts));
            const c10::NoGradGuard guard;
            for (int i = 0; i < 3; ++i) found.back().push_back(model->hidden(texts));
          }
        }
        for (std::size_t i = 1; i < found.size(); ++i)
          report.require(message(name, ": the same bits (", i, ")"),
                         std::ranges::equal(found[i], found[0], same_bits),
                         {{"distance", worst(found[i], found[0])}});
      });
    }
}

}  // namespace lldm::gpu_check
