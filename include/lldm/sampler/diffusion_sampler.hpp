// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "lldm/concepts/any_denoiser.hpp"
#include "lldm/concepts/denoiser.hpp"
#include "lldm/concepts/request.hpp"
#include "lldm/sampler/noise_source.hpp"
#include "lldm/sampler/parts.hpp"

namespace lldm {

/// What the sampling loop asks of a model, so that the loop is compiled once.
class StepModel {
 public:
  virtual ~StepModel() = default;
  /// [N], [Q] -> [Q, D]
  [[nodiscard]] virtual at::Tensor hidden_at(const PackedTokens& batch,
                                             const at::Tensor& positions) const = 0;
  [[nodiscard]] virtual at::Tensor logits(const at::Tensor& rows) const = 0;  // [Q, D] -> [Q, V]
  [[nodiscard]] virtual std::vector<NamedParameter> parameters() const = 0;
  [[nodiscard]] virtual std::int64_t vocabulary_size() const = 0;
};

/// The loop of DiffusionSampler::sample over an erased model.
[[nodiscard]] std::vector<SampledText> sample_with(const StepModel& model,
                                                   const SamplerParts& parts,
                                                   std::span<const SampleRequest> requests,
                                                   const NoiseSource& noise, Trace trace);

/// Writes answers by revealing masks: at each step the model reads every open row, the commit rule
/// says which masked positions of the current block it trusts, and the best of them become text.
///
/// Batching  rows are packed without padding, up to parts.batch_size at a time; a finished row
///           leaves and the next one enters.  Only the candidate rows of the current block reach
///           the head.
/// Random    through `noise` alone, keyed by row, answer, step and column: a row's tokens do not
///           depend on the batch it sits in (as far as the model's own rows do not;
///           docs/definitions.md, law 6).
/// Numbers   confidences, guidance and Gumbel noise in float64 from the model's logits; ties break
///           to the lower token id and the lower column.
/// Threads   the commit rule is called by the calling thread, row after row; token choice is
///           parallel.
/// Source    Nie et al. 2025, arXiv:2502.09992; LLaDA generate.py.
/// Tests     golden/llada_generate
template <Denoiser D>
class DiffusionSampler {
 public:
  explicit DiffusionSampler(SamplerParts parts) : parts_(std::move(parts)) {}

  /// Answers in the order of the requests.
  ///
  /// Errors  DataError if a prompt holds an id outside the vocabulary, or the mask under compat =
  ///         "none"; ShapeError if `visible` does not fit its prompt, or a commit rule returns a
  ///         wrong number of confidences or a NaN; Error if a logit is NaN.
  [[nodiscard]] std::vector<SampledText> sample(const D& denoiser,
                                                std::span<const SampleRequest> requests,
                                                const NoiseSource& noise,
                                                Trace trace = Trace::none) const {
    return sample_with(Model(denoiser), parts_, requests, noise, trace);
  }
  [[nodiscard]] const SamplerParts& parts() const { return parts_; }

 private:
  struct Model final : StepModel {
    explicit Model(const D& denoiser) : denoiser_(denoiser) {}
    at::Tensor hidden_at(const PackedTokens& batch, const at::Tensor& positions) const override {
      return lldm::hidden_at(denoiser_, batch, positions);
    }
    at::Tensor logits(const at::Tensor& rows) const override { return denoiser_.logits(rows); }
    std::vector<NamedParameter> parameters() const override { return denoiser_.parameters(); }
    std::int64_t vocabulary_size() const override { return denoiser_.vocabulary_size(); }
    const D& denoiser_;
  };
  SamplerParts parts_;
};
extern template class DiffusionSampler<AnyDenoiser>;

}  // namespace lldm
