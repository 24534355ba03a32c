// SPDX-License-Identifier: MIT
// The keys of a [[stage]] table of kind "synthesize".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/field.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// How a synthesize stage makes pairs.
enum class SynthesisMethod : std::uint8_t { sample, inject };
constexpr auto choices(std::type_identity<SynthesisMethod>) {
  return std::array{Choice<SynthesisMethod>{"sample", SynthesisMethod::sample},
                    Choice<SynthesisMethod>{"inject", SynthesisMethod::inject}};
}

/// A stage that makes preference pairs.
struct SynthesizeStage {
  std::string name;
  std::string kind;
  std::string from;
  SynthesisMethod method = SynthesisMethod::sample;
  ComponentRef<Role::task> task = {};
  ComponentRef<Role::sampler> sampler = "fixed_length";
  std::int64_t samples_per_prompt = 2;
  std::int64_t pairs_per_prompt = 1;
  bool record_steps = false;
  std::int64_t limit = 0;

  static constexpr auto describe() {
    using S = SynthesizeStage;
    return std::tuple{
        field("name", &S::name, "The stage's name.").required(),
        field("kind", &S::kind, "synthesize.").required(),
        field("from", &S::from,
              "Stage (or model folder) that answers; not read by method = \"inject\"."),
        field("method", &S::method,
              "sample: answers of the model, graded by the task; inject: errors put into correct "
              "chains."),
        field("task", &S::task, "Prompts and their checker.").required(),
        field("sampler", &S::sampler, "How answers are sampled."),
        field("samples_per_prompt", &S::samples_per_prompt, "Answers (or injections) per prompt.")
            .range(1, 1024),
        field("pairs_per_prompt", &S::pairs_per_prompt,
              "Most pairs made of one prompt's answers (best against worst first).")
            .range(1, 1024),
        field("record_steps", &S::record_steps,
              "method = \"sample\": keep the order in which each answer was written, for the "
              "estimator recorded_trajectory."),
        field("limit", &S::limit, "Use at most so many prompts; 0: all.").at_least(0)};
  }
  void check(config::OptionsCheck& check) const;
};

}  // namespace lldm
