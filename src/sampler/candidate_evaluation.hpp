// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lldm/sampler/diffusion_sampler.hpp"
#include "row_state.hpp"

namespace lldm {

/// What the model says about the open rows in one step.
///
/// Packs the canvases (with guidance each one twice), runs one forward and reads the head at the
/// candidates only, in chunks of a bounded number of logits.  Entry r holds the candidates of
/// rows[r], ascending by column.
class CandidateEvaluation {
 public:
  CandidateEvaluation(const StepModel& model, const SamplerParts& parts, const NoiseSource& noise);

  [[nodiscard]] std::vector<std::vector<Candidate>> operator()(std::span<RowState> rows) const;

 private:
  /// One candidate of the step: whose it is, and where its rows lie in the pack, then among those
  /// that were read.
  struct Place {
    std::size_t row;
    std::int64_t column;
    std::int64_t conditional;
    std::int64_t unconditional;  // unused without guidance
  };
  struct Pack {
    PackedTokens batch;
    std::vector<Place> places;
  };
  [[nodiscard]] Pack pack(std::span<const RowState> rows) const;
  [[nodiscard]] at::Tensor host_logits(const at::Tensor& hidden,
                                       const std::vector<std::int64_t>& rows) const;
  [[nodiscard]] std::vector<Candidate> choose(std::span<const RowState> rows,
                                              std::span<const Place> places,
                                              const at::Tensor& hidden) const;

  const StepModel& model_;
  const SamplerParts& parts_;
  const NoiseSource& noise_;
  std::int64_t vocabulary_size_;
  at::Device device_;
};

}  // namespace lldm
