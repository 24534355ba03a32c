// SPDX-License-Identifier: MIT
// Where a sampler's random numbers come from: never from the batch a row sits in.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lldm/draws/stream.hpp"

namespace lldm {

/// One step of one answer.
struct NoiseKey {
  std::uint64_t row = 0;
  std::uint64_t answer = 0;
  std::int64_t step = 0;  // of the answer, steps without a forward included
};

/// Random numbers of a sampler.  Const members are called from several threads.
class NoiseSource {
 public:
  virtual ~NoiseSource() = default;

  /// The uniforms [V] of the Gumbel noise at one column of the canvas (prompt included).
  virtual void token_uniforms(const NoiseKey& key, std::int64_t column,
                              std::span<double> out) const = 0;
  /// The stream whose first V numbers of `uniform_open` are those uniforms, so that a device can
  /// make them itself; none by default: then they are made here and copied.
  [[nodiscard]] virtual std::optional<Stream> token_stream(const NoiseKey& key,
                                                           std::int64_t column) const;
  /// What the commit rule may draw from in this step.
  [[nodiscard]] virtual Stream order_stream(const NoiseKey& key) const = 0;
  /// Confidences that replace those of the rule, one per column asked for; none by default.
  [[nodiscard]] virtual std::optional<std::vector<double>> recorded_confidences(
      const NoiseKey& key, std::span<const std::int64_t> columns) const;
};

/// Counter-based noise: a pure function of seed, stage, row, answer, step and column.
class PhiloxNoise final : public NoiseSource {
 public:
  explicit PhiloxNoise(const Draws& draws) : draws_(draws) {}
  void token_uniforms(const NoiseKey& key, std::int64_t column,
                      std::span<double> out) const override;
  [[nodiscard]] std::optional<Stream> token_stream(const NoiseKey& key,
                                                   std::int64_t column) const override;
  [[nodiscard]] Stream order_stream(const NoiseKey& key) const override;

 private:
  [[nodiscard]] Stream stream_of(const NoiseKey& key, std::int64_t column) const;

  Draws draws_;
};

/// Replays the numbers of a recorded run: entry k of each list belongs to step k, NoiseKey::row
/// picks b.  An empty list means that the run drew none of that kind; asking for it then is a
/// ShapeError, as is a step, row or column outside the record.
class RecordedNoise final : public NoiseSource {
 public:
  /// token: [B, T, V] float64 each (Gumbel uniforms); confidences: [B, T] float64 each (random
  /// order).
  RecordedNoise(std::vector<at::Tensor> token, std::vector<at::Tensor> confidences);
  void token_uniforms(const NoiseKey& key, std::int64_t column,
                      std::span<double> out) const override;
  [[nodiscard]] Stream order_stream(const NoiseKey& key) const override;
  [[nodiscard]] std::optional<std::vector<double>> recorded_confidences(
      const NoiseKey& key, std::span<const std::int64_t> columns) const override;

 private:
  std::vector<at::Tensor> token_;
  std::vector<at::Tensor> confidences_;
};

}  // namespace lldm
