// SPDX-License-Identifier: MIT
// The keys of a [[stage]] table of kind "evaluate".
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/field.hpp"
#include "lldm/data/response_length.hpp"
#include "lldm/experiment/data_options.hpp"
#include "lldm/experiment/score_padding.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// A stage that measures models.
struct EvaluateStage {
  std::string name;
  std::string kind;
  std::vector<std::string> models;
  ComponentRef<Role::task> task = {};
  ComponentRef<Role::sampler> sampler = "fixed_length";
  DataRef pairs = {};
  std::string reference;
  ComponentRef<Role::forward_process> forward_process = "masked";
  ComponentRef<Role::score_estimator> score_estimator = {};
  ResponseLength response_length = {};
  ScorePadding score_padding = ScorePadding::include;
  std::int64_t limit = 0;
  std::int64_t show = 3;

  static constexpr auto describe() {
    using S = EvaluateStage;
    return std::tuple{
        field("name", &S::name, "The stage's name.").required(),
        field("kind", &S::kind, "evaluate.").required(),
        field("models", &S::models, "Stages (or model folders) that are measured.").required(),
        field("task", &S::task, "Generate answers to this task's prompts and check them."),
        field("sampler", &S::sampler, "How answers are sampled."),
        field("pairs", &S::pairs,
              "Score these pairs instead: { stage = NAME } or { file = PATH }; gives held-out "
              "preference accuracy and the likelihood bound."),
        field("reference", &S::reference,
              "Stage (or model folder) whose scores of the same noised copies are subtracted, for "
              "pairs: gives every model's reward accuracy and margin; empty: none."),
        field("forward_process", &S::forward_process, "How text is noised, for pairs."),
        field("score_estimator", &S::score_estimator, "How texts are scored, for pairs."),
        field("response_length", &S::response_length, "Answer canvas, for pairs; as in training."),
        field("score_padding", &S::score_padding, "As in training, for pairs."),
        field("limit", &S::limit, "Measure at most so many items; 0: all.").at_least(0),
        field("show", &S::show, "Answers printed in the report.").range(0, 100)};
  }
  void check(config::OptionsCheck& check) const;
};

}  // namespace lldm
