// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/score/engine.hpp"

namespace lldm {

/// Tells losses of parts what the parts are of: auxiliary["evaluations"] [B, G] float64, how many
/// evaluations every answer asked for, and auxiliary["times"] [B, G, N] float64, zero-padded, where
/// every plan of the batch has them (ScorePlan::times).  Nothing where the set has no parts.
void note_evaluations(const ScoreBatch& batch, ScoreSet& set);

}  // namespace lldm
