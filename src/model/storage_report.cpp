// SPDX-License-Identifier: MIT
#include "lldm/model/storage_report.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/transformer.hpp"

namespace lldm {
namespace {

/// A text as it is put to the model, and what is asked of it.
struct Question {
  PackedTokens batch;
  at::Tensor places, targets;  // [Q]
};

Question masked(const std::vector<std::int64_t>& ids, std::size_t number, std::size_t count,
                std::optional<std::int64_t> mask, const Draws& draws) {
  const auto length = static_cast<std::int64_t>(ids.size());
  auto stream = draws.stream(Purpose::noise, 0, number);
  const double share = (static_cast<double>(number) + 0.5) / static_cast<double>(count);
  const std::int64_t masks =
      mask ? std::clamp<std::int64_t>(std::llround(share * static_cast<double>(length)), 1, length)
           : length;
  const auto places = stream.subset(length, masks);
  Question question;
  question.places = at::tensor(places, at::kLong);
  question.batch.offsets = {0, length};
  question.batch.tokens = at::tensor(ids, at::kLong);
  question.targets = question.batch.tokens.index_select(0, question.places);
  if (mask) question.batch.tokens = question.batch.tokens.index_fill(0, question.places, *mask);
  return question;
}

std::vector<at::Tensor> scores_of(const Transformer& model,
                                  const std::vector<Question>& questions) {
  const c10::NoGradGuard no_gradient;
  std::vector<at::Tensor> scores;
  for (const auto& question : questions)
    scores.push_back(
        model
            .log_probabilities(model.hidden(question.batch).index_select(0, question.places),
                               question.targets)
            .to(at::kDouble));
  return scores;
}

double root_mean_square(const at::Tensor& x) { return std::sqrt(x.square().mean().item<double>()); }

StorageError compare(const std::string& name, const Transformer& model,
                     const std::vector<Question>& questions, const std::vector<at::Tensor>& exact) {
  const auto scores = scores_of(model, questions);
  std::vector<at::Tensor> apart, sums;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    apart.push_back(scores[i].sub(exact[i]));
    sums.push_back(apart.back().sum().unsqueeze(0));
  }
  const auto all = at::cat(apart);
  return {.name = name,
          .precision = model.precision(),
          .bytes = model.weight_bytes(),
          .root_mean_square = root_mean_square(all),
          .largest = all.abs().max().item<double>(),
          .text_root_mean_square = root_mean_square(at::cat(sums))};
}

void check_texts(const std::vector<std::vector<std::int64_t>>& texts,
                 const TransformerConfig& config) {
  if (texts.empty()) throw DataError("storage_errors: no texts");
  for (std::size_t t = 0; t < texts.size(); ++t)
    for (const std::int64_t id : texts[t])
      if (id < 0 || id >= config.logit_columns || id == config.mask_token)
        throw DataError(message("text ", t, ": id ", id, " cannot be scored: ids are in [0, ",
                                config.logit_columns, ") and not the mask"));
}

}  // namespace

std::vector<StorageError> storage_errors(const std::filesystem::path& folder,
                                         const std::vector<std::vector<std::int64_t>>& texts,
                                         const Draws& draws) {
  const TransformerConfig config = load_model_config(folder);
  check_texts(texts, config);
  std::vector<Question> questions;
  for (std::size_t t = 0; t < texts.size(); ++t)
    questions.push_back(masked(texts[t], t, texts.size(), config.mask_token, draws));
  std::vector<at::Tensor> exact;
  std::vector<StorageError> errors;
  {
    const auto model = load_transformer(folder);
    exact = scores_of(*model, questions);
    errors.push_back(compare("float32", *model, questions, exact));
  }
  const std::pair<const char*, Precision> kinds[] = {
      {"bfloat16", {at::kFloat, WeightStorage::bfloat16}},
      {"bfloat16 products", {at::kBFloat16, WeightStorage::bfloat16}},
      {"int8", {at::kFloat, WeightStorage::int8}},
      {"nf4", {at::kFloat, WeightStorage::nf4}}};
  for (const auto& [name, precision] : kinds)
    errors.push_back(compare(name, *load_transformer(folder, precision), questions, exact));
  return errors;
}

std::vector<std::vector<std::int64_t>> random_texts(const std::filesystem::path& folder,
                                                    std::int64_t count, std::int64_t length,
                                                    const Draws& draws) {
  const TransformerConfig config = load_model_config(folder);
  std::vector<std::vector<std::int64_t>> texts(static_cast<std::size_t>(count));
  for (std::size_t t = 0; t < texts.size(); ++t) {
    auto stream = draws.stream(Purpose::data, 0, t);
    while (static_cast<std::int64_t>(texts[t].size()) < std::min(length, config.max_length))
      if (const auto id = stream.below(config.logit_columns); id != config.mask_token)
        texts[t].push_back(id);
  }
  return texts;
}

}  // namespace lldm
