// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lldm/sampler/diffusion_sampler.hpp"
#include "row_state.hpp"

namespace lldm {

/// Where the tokens of a step are chosen.
enum class ChoosesOn : std::uint8_t {
  host,    // by TokenChoice itself, over the logits of the CPU
  device,  // by tensor operations where the logits are; a few figures a candidate are read back
};

/// What the model says about the open rows in one step.
///
/// Packs the canvases (with guidance each one twice), runs one forward and reads the head at the
/// candidates only, in chunks of a bounded number of logits.  Entry r holds the candidates of
/// rows[r], ascending by column.
class CandidateEvaluation {
 public:
  /// Chooses on the host where the model is there, else on its device.
  CandidateEvaluation(const StepModel& model, const SamplerParts& parts, const NoiseSource& noise);
  CandidateEvaluation(const StepModel& model, const SamplerParts& parts, const NoiseSource& noise,
                      ChoosesOn where);

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
  /// Of rows of `hidden`, contiguous float32 or float64 on its device.
  [[nodiscard]] at::Tensor logits_of(const at::Tensor& hidden) const;
  /// Of candidates that stand behind one another among those that were read.
  [[nodiscard]] std::vector<Candidate> choose(std::span<const RowState> rows,
                                              std::span<const Place> places,
                                              const at::Tensor& hidden) const;
  /// The same on the device, [places, kChosenColumns].
  [[nodiscard]] at::Tensor choose_there(std::span<const RowState> rows,
                                        std::span<const Place> places,
                                        const at::Tensor& hidden) const;
  [[nodiscard]] at::Tensor uniforms_of(std::span<const RowState> rows,
                                       std::span<const Place> places) const;

  const StepModel& model_;
  const SamplerParts& parts_;
  const NoiseSource& noise_;
  std::int64_t vocabulary_size_;
  at::Device device_;
  ChoosesOn where_;
};

}  // namespace lldm
