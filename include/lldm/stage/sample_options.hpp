// SPDX-License-Identifier: MIT
// The keys of a [[stage]] table of kind "sample".
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/field.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// A stage that writes texts.
struct SampleStage {
  std::string name;
  std::string kind;
  std::string from;
  std::vector<std::string> prompts;
  ComponentRef<Role::task> task = {};
  ComponentRef<Role::sampler> sampler = "fixed_length";
  std::int64_t samples_per_prompt = 1;
  std::int64_t limit = 0;

  static constexpr auto describe() {
    using S = SampleStage;
    return std::tuple{
        field("name", &S::name, "The stage's name.").required(),
        field("kind", &S::kind, "sample.").required(),
        field("from", &S::from, "Stage (or model folder) that answers.").required(),
        field("prompts", &S::prompts, "Prompts, as text."),
        field("task", &S::task, "Prompts of a task, instead of `prompts`."),
        field("sampler", &S::sampler, "How answers are sampled."),
        field("samples_per_prompt", &S::samples_per_prompt, "Answers per prompt.").range(1, 1024),
        field("limit", &S::limit, "Use at most so many prompts; 0: all.").at_least(0)};
  }
  void check(config::OptionsCheck& check) const;
};

}  // namespace lldm
