// SPDX-License-Identifier: MIT
// LLaDA's sampler written as its description reads: one row, the whole canvas through the model at
// every step, full logits at every column, no shortcut.  Slow on purpose; DiffusionSampler is
// compared with it.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "lldm/concepts/denoiser.hpp"
#include "lldm/concepts/request.hpp"
#include "lldm/sampler/noise_source.hpp"
#include "lldm/sampler/parts.hpp"

namespace lldm::testing {

struct ReferenceResult {
  std::vector<std::int64_t> tokens;
  std::vector<std::vector<std::int64_t>> trace;
  /// Every canvas before its step, steps without quota included (trace leaves those out without
  /// compat).
  std::int64_t num_steps = 0;
};

template <Denoiser D>
class ReferenceSampler {
 public:
  ReferenceSampler(const D& denoiser, const SamplerSettings& settings, const SpecialTokens& special,
                   const std::string& remasking, const NoiseSource& noise)
      : denoiser_(denoiser),
        s_(settings),
        special_(special),
        remasking_(remasking),
        noise_(noise) {}

  ReferenceResult sample(const SampleRequest& request) const {
    const std::int64_t P = static_cast<std::int64_t>(request.prompt.size());
    const std::int64_t blocks = s_.response_length / s_.block_length;
    const std::int64_t steps = s_.steps / blocks;
    const bool is_llada = s_.compat == SamplerCompat::llada;
    ReferenceResult out;
    std::vector<std::int64_t> x = request.prompt;
    bool stopped = false;
    for (std::int64_t block = 0; block < blocks && !stopped; ++block) {
      const std::int64_t begin = P + block * s_.block_length, end = begin + s_.block_length;
      const std::int64_t wanted = s_.growth == CanvasGrowth::whole ? P + s_.response_length : end;
      while (static_cast<std::int64_t>(x.size()) < wanted) x.push_back(special_.mask);
      std::int64_t masked = 0;
      for (std::int64_t i = begin; i < end; ++i) masked += x[at(i)] == special_.mask;
      for (std::int64_t step = 0; step < steps && !stopped; ++step) {
        std::int64_t quota = masked / steps;
        if (step < masked % steps) quota += 1;
        if (is_llada || quota > 0) out.trace.push_back(x);
        const NoiseKey key{request.row, request.answer, out.num_steps++};
        if (quota > 0) reveal(x, request, key, is_llada ? 0 : begin, end, quota);
        stopped = s_.stop_at_end_of_text && quota > 0 && stop(x, P);
      }
    }
    while (static_cast<std::int64_t>(x.size()) < P + s_.response_length)
      x.push_back(special_.end_of_text);
    out.trace.push_back(x);
    out.tokens.assign(x.begin() + P, x.end());
    return out;
  }

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

  // [T][V]
  std::vector<std::vector<double>> evaluate(const std::vector<std::int64_t>& x,
                                            const std::vector<bool>& visible) const {
    const auto T = static_cast<std::int64_t>(x.size());
    PackedTokens batch{at::empty({T}, at::kLong), {0, T}, at::empty({T}, at::kBool)};
    for (std::int64_t i = 0; i < T; ++i) {
      batch.tokens.mutable_data_ptr<std::int64_t>()[i] = x[at(i)];
      batch.visible.mutable_data_ptr<bool>()[i] = at(i) < visible.size() ? visible[at(i)] : true;
    }
    const at::Tensor logits = denoiser_.logits(denoiser_.hidden(batch)).to(at::kDouble);
    std::vector<std::vector<double>> out(at(T));
    const std::int64_t V = denoiser_.vocabulary_size();
    for (std::int64_t i = 0; i < T; ++i)
      for (std::int64_t v = 0; v < V; ++v)
        out[at(i)].push_back(logits.const_data_ptr<double>()[i * V + v]);
    return out;
  }

  void reveal(std::vector<std::int64_t>& x, const SampleRequest& request, const NoiseKey& key,
              std::int64_t begin, std::int64_t end, std::int64_t quota) const {
    auto logits = evaluate(x, request.visible);
    if (s_.cfg_scale > 0.0) {
      auto bare = x;
      for (std::size_t i = 0; i < request.prompt.size(); ++i) bare[i] = special_.mask;
      const auto un = evaluate(bare, request.visible);
      for (std::size_t i = 0; i < x.size(); ++i)
        for (std::size_t v = 0; v < logits[i].size(); ++v)
          logits[i][v] = un[i][v] + (s_.cfg_scale + 1.0) * (logits[i][v] - un[i][v]);
    }
    const bool is_llada = s_.compat == SamplerCompat::llada;
    Stream order = noise_.order_stream(key);
    std::vector<std::int64_t> x0(x.size());
    std::vector<double> confidence(x.size(), -kInfinity);
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(x.size()); ++i) {
      if (i < begin || i >= end || x[at(i)] != special_.mask) continue;
      auto& row = logits[at(i)];
      if (s_.suppress_end_of_text) row[at(special_.end_of_text)] = -kInfinity;
      if (!is_llada) row[at(special_.mask)] = -kInfinity;
      x0[at(i)] = choose(row, key, i);
      if (s_.discount_end_of_text) {
        if (!is_llada || s_.temperature == 0.0) row[at(special_.end_of_text)] = -kInfinity;
        row[at(special_.end_of_turn)] = -kInfinity;
      }
      confidence[at(i)] = remasking_ == "random" ? order.uniform() : softmax(row, x0[at(i)]);
    }
    std::vector<bool> taken(x.size(), false);
    for (std::int64_t n = 0; n < quota; ++n) {
      std::int64_t best = -1;
      for (std::int64_t i = begin; i < end; ++i)
        if (x[at(i)] == special_.mask && !taken[at(i)] &&
            (best < 0 || confidence[at(i)] > confidence[at(best)]))
          best = i;
      taken[at(best)] = true;
    }
    for (std::size_t i = 0; i < x.size(); ++i)
      if (taken[i]) x[i] = x0[i];
  }

  std::int64_t choose(const std::vector<double>& row, const NoiseKey& key,
                      std::int64_t column) const {
    std::vector<double> u(row.size());
    if (s_.temperature > 0.0) noise_.token_uniforms(key, column, u);
    std::int64_t best = 0;
    double best_value = -kInfinity;
    for (std::size_t v = 0; v < row.size(); ++v) {
      const double value = s_.temperature > 0.0
                               ? std::exp(row[v]) / std::pow(-std::log(u[v]), s_.temperature)
                               : row[v];
      if (value > best_value) {
        best_value = value;
        best = static_cast<std::int64_t>(v);
      }
    }
    return best;
  }

  static double softmax(const std::vector<double>& row, std::int64_t token) {
    double highest = -kInfinity, sum = 0.0;
    for (const double logit : row) highest = std::max(highest, logit);
    for (const double logit : row) sum += std::exp(logit - highest);
    return std::exp(row[at(token)] - highest) / sum;
  }

  bool stop(std::vector<std::int64_t>& x, std::int64_t P) const {
    for (std::size_t i = at(P); i < x.size(); ++i) {
      if (x[i] == special_.mask) return false;
      if (x[i] != special_.end_of_text) continue;
      for (; i < x.size(); ++i) x[i] = special_.end_of_text;
      return true;
    }
    return false;
  }

  const D& denoiser_;
  SamplerSettings s_;
  SpecialTokens special_;
  std::string remasking_;
  const NoiseSource& noise_;
};

}  // namespace lldm::testing
