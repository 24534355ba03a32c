// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/stage/evaluate_options.hpp"
#include "lldm/stage/run_context.hpp"

namespace lldm {

/// Held-out preference accuracy of a model by its absolute scores: share of pairs whose chosen
/// answer scores higher (ties one half), in nats and per token, with intervals; beside the trivial
/// rules "shorter wins" and a unigram model of the chosen answers of the other half of the pairs;
/// and the likelihood bound of the chosen answers in nats per character.  With a reference also the
/// reward accuracy and mean reward margin (policy minus reference, chosen minus rejected, nats: the
/// rewards of DPO over beta), of all models under the same draws.
Result evaluate_pairs(const RunContext& run, const Work& work, const EvaluateStage& stage);

}  // namespace lldm
