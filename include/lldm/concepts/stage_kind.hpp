// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/concepts/component.hpp"
#include "lldm/config/value.hpp"

namespace lldm {

struct RunContext;
struct StageFacts;
struct StagePlan;
struct Work;
struct Experiment;
class Registry;
class StageFit;

/// A kind of [[stage]]: `kind = "sft"`.
///
/// A stateless type is a StageKind if it has an `Options` struct (the keys of its table, among them
/// `name` and `kind`) and
///   1. `name()` is the value of `kind`, `description()` one line for people;
///   2. `defaults()` is the table that counts where neither the file nor the stage says anything;
///   3. `file_defaults(own)` names the file's role tables ("sampler", "task") that are defaults of
///      a stage whose own table is `own`; null: all that a stage of this kind may take;
///   4. `facts(options)` says what the rest of the house may know of a stage;
///   5. `run(options, context, work)` does one piece of work, wholly inside `work.folder`, and
///      gives what result.json says.  The same options, inputs and seed give the same result;
///      Stopped, with everything saved, when the observer asks to stop.
/// Laws 1 to 4 hold without any model.  See  experiment/stage.hpp - StageFacts;  stage/ - the
/// built-in kinds.
template <class K>
concept StageKind = OptionsStruct<typename K::Options> &&
                    requires(const typename K::Options& options, const config::Value* own,
                             const RunContext& context, const Work& work) {
                      { K::name() } -> std::same_as<std::string_view>;
                      { K::description() } -> std::same_as<std::string_view>;
                      { K::defaults() } -> std::same_as<config::Value>;
                      { K::file_defaults(own) } -> std::same_as<std::vector<std::string>>;
                      { K::facts(options) } -> std::same_as<StageFacts>;
                      { K::run(options, context, work) } -> std::same_as<nlohmann::ordered_json>;
                    };

/// A StageKind some of whose keys are read under some settings only.
///   6. `unread(own)` names keys of such a table that nobody reads, each with the reason.  Where
///      there is none, the key says nothing: it is no mistake, and the resolved form lacks it.
struct UnreadKey {
  const char* key;
  const char* reason = nullptr;
};
template <class K>
concept SelectiveStageKind = StageKind<K> && requires(const config::Value& own) {
  { K::unread(own) } -> std::same_as<std::vector<UnreadKey>>;
};

/// A StageKind that can tell mistakes between its parts before anything runs.
///   7. `check(options, fit)` reports every one to `fit`.
template <class K>
concept CheckedStageKind =
    StageKind<K> && requires(const typename K::Options& options, StageFit& fit) {
      { K::check(options, fit) } -> std::same_as<void>;
    };

/// A StageKind whose cost is known before it runs.
///   8. `plan(options, experiment, registry)`: steps, forward passes, memory.
template <class K>
concept PlannedStageKind =
    StageKind<K> && requires(const typename K::Options& options, const Experiment& experiment,
                             const Registry& registry) {
      { K::plan(options, experiment, registry) } -> std::same_as<StagePlan>;
    };

}  // namespace lldm
