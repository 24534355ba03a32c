// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>

#include "lldm/config/field.hpp"
#include "lldm/score/score_set.hpp"

namespace lldm {

/// Whether a preference loss sees scores in nats or in nats per scored token.  It changes what beta
/// means.
enum class Normalise : std::uint8_t { none, response_length };
constexpr auto choices(std::type_identity<Normalise>) {
  return std::array{Choice<Normalise>{"none", Normalise::none},
                    Choice<Normalise>{"response_length", Normalise::response_length}};
}

/// Policy minus reference score per answer, [B, G] float64; divided by the answer's own scored
/// length under response_length.  ShapeError without a reference.
at::Tensor log_ratios(const ScoreSet& scores, Normalise normalise);

/// TRL's metric names over a set of pairs: rewards/{chosen,rejected,accuracies,margins} (beta times
/// the un-normalised log-ratio) and logps/{chosen,rejected}.  A tie is not an accurate pair.
std::map<std::string, Mean> preference_metrics(const ScoreSet& scores, double beta);

}  // namespace lldm
