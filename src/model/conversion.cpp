// SPDX-License-Identifier: MIT
#include "lldm/model/conversion.hpp"

#include <c10/core/GradMode.h>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

void check_mask(const TransformerConfig& config, std::int64_t id) {
  if (id < 0 || id >= config.embedding_rows())
    throw ConfigError(message("mask id ", id, " has no row: the model has ",
                              config.embedding_rows(), "\n  name an id that no text uses, or have ",
                              "a row added"));
  for (const auto& [token, name] : {std::pair{config.end_of_text_token, "end-of-text token"},
                                    std::pair{config.padding_token, "padding token"}})
    if (token == id) throw ConfigError(message("mask id ", id, " is the model's ", name));
}

}  // namespace

std::shared_ptr<Transformer> converted(const Transformer& model, const ConversionOptions& options) {
  TransformerConfig config = model.config();
  const std::int64_t rows = config.embedding_rows();
  if (options.mask_token)
    check_mask(config, *options.mask_token);
  else
    config.vocabulary = ++config.logit_columns;
  config.mask_token = options.mask_token.value_or(rows);
  config.shifted_logits = options.shifted_logits;
  auto result = std::make_shared<Transformer>(config, model.dtype(), model.device());
  const c10::NoGradGuard no_gradient;
  const auto from = model.parameters();
  auto to = result->parameters();
  for (std::size_t i = 0; i < from.size(); ++i) {
    at::Tensor target = to[i].value;
    const at::Tensor& source = from[i].value;
    if (target.sizes() == source.sizes()) {
      target.copy_(source);
      continue;
    }
    // Embedding and head alone grow, by the mask's row.
    target.narrow(0, 0, source.size(0)).copy_(source);
    target.narrow(0, source.size(0), target.size(0) - source.size(0)).copy_(source.mean(0, true));
  }
  return result;
}

}  // namespace lldm
