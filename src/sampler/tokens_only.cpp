// SPDX-License-Identifier: MIT
#include "lldm/sampler/tokens_only.hpp"

#include <ATen/ops/constant_pad_nd.h>

#include <limits>
#include <memory>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

class TokensOnly {
 public:
  TokensOnly(AnyDenoiser denoiser, std::int64_t num_tokens)
      : denoiser_(std::move(denoiser)), num_tokens_(num_tokens) {}

  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const {
    return denoiser_.hidden(batch);
  }
  [[nodiscard]] at::Tensor hidden_at(const PackedTokens& batch, const at::Tensor& positions) const {
    return denoiser_.hidden_at(batch, positions);
  }
  [[nodiscard]] at::Tensor log_probabilities(const at::Tensor& rows,
                                             const at::Tensor& targets) const {
    return denoiser_.log_probabilities(rows, targets);
  }
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const {
    const at::Tensor all = denoiser_.logits(rows);
    return at::constant_pad_nd(all.narrow(1, 0, num_tokens_), {0, all.size(1) - num_tokens_},
                               -std::numeric_limits<double>::infinity());
  }
  [[nodiscard]] std::vector<NamedParameter> parameters() const { return denoiser_.parameters(); }
  [[nodiscard]] std::int64_t vocabulary_size() const { return denoiser_.vocabulary_size(); }

 private:
  AnyDenoiser denoiser_;
  std::int64_t num_tokens_;
};
static_assert(Denoiser<TokensOnly>);

}  // namespace

AnyDenoiser tokens_only(const AnyDenoiser& denoiser, std::int64_t num_tokens) {
  if (num_tokens < 1)
    throw ShapeError(message("tokens_only: num_tokens is ", num_tokens, "\n  legal: 1 or more"));
  if (num_tokens >= denoiser.vocabulary_size()) return denoiser;
  return AnyDenoiser(std::make_shared<TokensOnly>(denoiser, num_tokens));
}

}  // namespace lldm
