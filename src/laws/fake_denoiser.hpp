// SPDX-License-Identifier: MIT
// A denoiser without weights: its logits are hashes of the sequence, so that any mistake in what a
// sampler shows to the model changes the tokens.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "lldm/concepts/denoiser.hpp"

namespace lldm::laws {

class FakeDenoiser {
 public:
  struct Settings {
    std::int64_t vocabulary_size = 13;
    std::uint64_t seed = 1;
    /// Logits are multiples of this: a coarse step makes ties, which must break to the lower index.
    double logit_step = 1e-6;
    /// Added to the logit of one token, to make it common; none if -1.
    std::int64_t favoured = -1;
    double favour = 0.0;
    bool is_float32 = true;
  };
  explicit FakeDenoiser(const Settings& settings) : settings_(settings) {}

  /// [N, 1] float64: a 52-bit hash of (visible tokens of the sequence with their columns, own
  /// column).
  at::Tensor hidden(const PackedTokens& batch) const {
    ++num_calls;
    num_sequences += batch.num_sequences();
    at::Tensor out = at::empty({batch.num_tokens(), 1}, at::kDouble);
    const auto* tokens = batch.tokens.const_data_ptr<std::int64_t>();
    const bool* visible = batch.visible.defined() ? batch.visible.const_data_ptr<bool>() : nullptr;
    for (std::size_t b = 0; b + 1 < batch.offsets.size(); ++b) {
      const std::int64_t begin = batch.offsets[b], end = batch.offsets[b + 1];
      std::uint64_t sequence = mix(settings_.seed, static_cast<std::uint64_t>(end - begin));
      for (std::int64_t i = begin; i < end; ++i)
        if (!visible || visible[i])
          sequence = mix(mix(sequence, static_cast<std::uint64_t>(i - begin)),
                         static_cast<std::uint64_t>(tokens[i]));
      for (std::int64_t i = begin; i < end; ++i)
        out.mutable_data_ptr<double>()[i] =
            static_cast<double>(mix(sequence, static_cast<std::uint64_t>(i - begin)) >> 12);
    }
    return out;
  }

  /// [Q, V], in about [-4, 4].
  at::Tensor logits(const at::Tensor& rows) const {
    num_logit_rows += rows.size(0);
    const std::int64_t width = settings_.vocabulary_size;
    at::Tensor out = at::empty({rows.size(0), width}, at::kDouble);
    for (std::int64_t q = 0; q < rows.size(0); ++q)
      for (std::int64_t v = 0; v < width; ++v)
        out.mutable_data_ptr<double>()[q * width + v] =
            logit(static_cast<std::uint64_t>(rows.const_data_ptr<double>()[q]), v);
    return settings_.is_float32 ? out.to(at::kFloat) : out;
  }

  at::Tensor log_probabilities(const at::Tensor& rows, const at::Tensor& targets) const {
    at::Tensor out = at::empty({rows.size(0)}, at::kDouble);
    for (std::int64_t q = 0; q < rows.size(0); ++q) {
      const auto row = static_cast<std::uint64_t>(rows.const_data_ptr<double>()[q]);
      double sum = 0.0;
      for (std::int64_t v = 0; v < settings_.vocabulary_size; ++v) sum += std::exp(logit(row, v));
      out.mutable_data_ptr<double>()[q] =
          logit(row, targets.const_data_ptr<std::int64_t>()[q]) - std::log(sum);
    }
    return out;
  }
  std::vector<NamedParameter> parameters() const { return {}; }
  std::int64_t vocabulary_size() const { return settings_.vocabulary_size; }

  mutable std::int64_t num_calls = 0, num_sequences = 0, num_logit_rows = 0;

 private:
  static std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    std::uint64_t x = (a ^ (b * 0x9e3779b97f4a7c15ULL)) + 0x632be59bd9b4e019ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }
  double logit(std::uint64_t row, std::int64_t token) const {
    const double unit =
        static_cast<double>(mix(row, static_cast<std::uint64_t>(token)) >> 11) * 0x1.0p-53;
    const double value =
        std::round((8.0 * unit - 4.0) / settings_.logit_step) * settings_.logit_step;
    return value + (token == settings_.favoured ? settings_.favour : 0.0);
  }
  Settings settings_;
};
static_assert(Denoiser<FakeDenoiser>);

}  // namespace lldm::laws
