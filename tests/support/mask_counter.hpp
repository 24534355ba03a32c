// SPDX-License-Identifier: MIT
// A denoiser whose answers are known beforehand: at every column it names the number of masks that
// it sees, and of some columns it is surer than of others.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "lldm/concepts/any_commit_rule.hpp"
#include "lldm/concepts/any_denoiser.hpp"
#include "lldm/concepts/request.hpp"
#include "lldm/concepts/tokenizer.hpp"
#include "lldm/draws/stream.hpp"

namespace lldm::testing {

using Tokens = std::vector<std::int64_t>;

/// Tokens 0 to 9; the prompt is {5, 6}.
class MaskCounter {
 public:
  static constexpr std::int64_t kMask = 9, kEndOfText = 8, kTokens = 10;

  /// `sureness`: the logit of the named token at each column of the answer, all others being 0.
  /// `always`: a token to name in place of the count.
  explicit MaskCounter(std::vector<double> sureness, std::int64_t always = -1)
      : sureness_(std::move(sureness)), always_(always) {}

  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const {
    std::vector<double> rows;
    const auto* tokens = batch.tokens.const_data_ptr<std::int64_t>();
    for (std::size_t b = 0; b + 1 < batch.offsets.size(); ++b) {
      const auto *begin = tokens + batch.offsets[b], *end = tokens + batch.offsets[b + 1];
      const auto masks = static_cast<double>(std::count(begin, end, kMask));
      for (const auto* column = begin; column != end; ++column)
        rows.insert(rows.end(), {masks, static_cast<double>(column - begin) - 2});
    }
    return at::tensor(rows, at::kDouble).view({-1, 2});
  }
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const {
    at::Tensor out = at::zeros({rows.size(0), kTokens}, at::kDouble);
    for (std::int64_t q = 0; q < rows.size(0); ++q) {
      const auto masks = rows[q][0].item<std::int64_t>(), column = rows[q][1].item<std::int64_t>();
      if (column < 0) continue;
      out.mutable_data_ptr<double>()[q * kTokens + (always_ < 0 ? masks : always_)] =
          sureness_.at(static_cast<std::size_t>(column));
    }
    return out;
  }
  [[nodiscard]] at::Tensor log_probabilities(const at::Tensor& rows,
                                             const at::Tensor& targets) const {
    return at::log_softmax(logits(rows), -1).gather(1, targets.unsqueeze(1)).squeeze(1);
  }
  [[nodiscard]] std::vector<NamedParameter> parameters() const { return {}; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return kTokens; }

 private:
  std::vector<double> sureness_;
  std::int64_t always_;
};
static_assert(Denoiser<MaskCounter>);

inline const SpecialTokens kCounterTokens{.mask = MaskCounter::kMask,
                                          .end_of_text = MaskCounter::kEndOfText};

/// What `S` makes of the prompt {5, 6} with that model, its canvases kept.
template <class S, CommitRule Order>
SampledText sample_by_counting(const typename S::Options& options, const Order& order,
                               const MaskCounter& model, std::uint64_t row = 0) {
  const S sampler(options, kCounterTokens, Draws(1, "sample"), AnyCommitRule(order));
  const std::vector<SampleRequest> requests{{.prompt = {5, 6}, .row = row}};
  return sampler
      .sample(AnyDenoiser(std::make_shared<const MaskCounter>(model)), requests, Trace::canvases)
      .at(0);
}

}  // namespace lldm::testing
