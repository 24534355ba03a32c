// SPDX-License-Identifier: MIT
// A preference stage's reference cache: opened, filled before the first step, read by training.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "lldm/score/reference_cache.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/training_options.hpp"
#include "lldm/train/trainer.hpp"

namespace lldm {

/// A plan that a stage will ask its reference for.
struct AskedPlan {
  ScorePlan plan;
  std::uint64_t epoch = 0, row = 0, answer = 0;
};

/// Everything that a stage will ask, in groups that are made when they are needed.
struct AskedPlans {
  std::size_t groups = 0;
  std::function<std::vector<AskedPlan>(std::size_t group)> of;
};

/// What filling came to.
struct FilledPlans {
  std::size_t asked = 0;     // different plans
  std::size_t computed = 0;  // by this process; the others were there, or came from other processes
  std::int64_t evaluated_passes = 0;  // sequences given to the model for them
  double seconds = 0;
};

/// Opens the cache of a stage whose reference is `model`, as it stands now.
/// Errors  as ReferenceCache.
std::shared_ptr<ReferenceCache> open_reference_cache(const RunContext& run, const Work& work,
                                                     const TrainingStage& stage,
                                                     const ModelBundle& reference);

/// Computes what the cache does not hold of `asked`, plan by plan, each in forward passes of its
/// own: how training packs its rows is no part of a stored number.  Processes that fill the same
/// cache share the work.  Saves about once a second: what a killed run computed is kept.
///
/// Errors  Stopped when the observer asks to stop, everything saved; as ReferenceCache::append.
FilledPlans fill_reference_cache(const RunContext& run, const Work& work,
                                 const TrainingSetup& setup, const AskedPlans& asked,
                                 ReferenceCache& cache);

}  // namespace lldm
