// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include "lldm/concepts/any_denoiser.hpp"
#include "lldm/concepts/request.hpp"

namespace lldm {

/// Turns prompts into answers: a free combination canvas x order x commit x revise x cache x stop x
/// guidance.
///
/// A type is a Sampler if
///   1. `sample(denoiser, requests, trace)` gives one answer per request, in their order, each of
///      `response_length()` tokens;
///   2. an answer is a function of its own request, the sampler's settings, its seed and the model:
///      never of the other requests.
/// See  CommitRule - the border "order";  Denoiser - the model it walks with.
template <class S>
concept Sampler = requires(const S& sampler, const AnyDenoiser& denoiser,
                           std::span<const SampleRequest> requests) {
  { sampler.sample(denoiser, requests, Trace::none) } -> std::same_as<std::vector<SampledText>>;
  { sampler.response_length() } -> std::same_as<std::int64_t>;
};

}  // namespace lldm
