// SPDX-License-Identifier: MIT
// The keys of a [[stage]] table of kind "synthesize".
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/field.hpp"
#include "lldm/synthesis/error_kind.hpp"
#include "lldm/synthesis/pair_rule.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// How a synthesize stage makes pairs.
enum class SynthesisMethod : std::uint8_t {
  sample,    // a model's answers, judged by the task
  inject,    // errors put into right chains
  imported,  // answers made elsewhere, judged by the task
};
constexpr auto choices(std::type_identity<SynthesisMethod>) {
  return std::array{Choice<SynthesisMethod>{"sample", SynthesisMethod::sample},
                    Choice<SynthesisMethod>{"inject", SynthesisMethod::inject},
                    Choice<SynthesisMethod>{"import", SynthesisMethod::imported}};
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
  // Without these a stage is what it was before they were there: its hash too.
  std::optional<std::vector<ErrorKind>> kinds = {};
  std::optional<std::int64_t> per_kind = {};
  std::optional<PairBy> pair_by = {};
  std::optional<double> correct_share_min = {};
  std::optional<double> correct_share_max = {};
  std::optional<std::filesystem::path> answers = {};
  std::optional<bool> allow_benchmarks = {};
  std::optional<std::filesystem::path> benchmarks = {};

  static constexpr auto describe() {
    using S = SynthesizeStage;
    return std::tuple{
        field("name", &S::name, "The stage's name.").required(),
        field("kind", &S::kind, "synthesize.").required(),
        field("from", &S::from,
              "Stage (or model folder) that answers; read by method = \"sample\" alone."),
        field("method", &S::method,
              "sample: answers of the model, graded by the task; inject: errors put into correct "
              "chains; import: answers of a file, graded by the task."),
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
        field("limit", &S::limit, "Use at most so many prompts; 0: all.").at_least(0),
        field(
            "kinds", &S::kinds,
            "method = \"inject\": the kinds of error, each put into every prompt's chain where it "
            "fits (docs/reasoning_pairs.md); without it the task draws one of its own."),
        field("per_kind", &S::per_kind, "kinds: at most so many pairs of one kind per prompt; 1.")
            .range(1, 64),
        field("pair_by", &S::pair_by,
              "What makes one answer better than another: the checker's grade, or the outcome "
              "(correct above incomplete above wrong, of two correct ones the shorter)."),
        field("correct_share_min", &S::correct_share_min,
              "Prompts of whose answers a smaller share is correct make no pair (too hard).")
            .range(0.0, 1.0),
        field("correct_share_max", &S::correct_share_max,
              "Prompts of whose answers a larger share is correct make no pair (too easy).")
            .range(0.0, 1.0),
        field(
            "answers", &S::answers,
            "method = \"import\": JSONL file of answers made elsewhere: {id or prompt, response or "
            "responses}."),
        field("allow_benchmarks", &S::allow_benchmarks,
              "Make pairs of data that models are measured by (MATH-500, GSM8K's test half ...), "
              "to measure with: every pair says so."),
        field("benchmarks", &S::benchmarks,
              "A file of sets that are refused beside the built-in ones, made by lldm data "
              "benchmark of their rows.")};
  }
  void check(config::OptionsCheck& check) const;
  void check_import(config::OptionsCheck& check) const;
  void check_kinds(config::OptionsCheck& check) const;
};

}  // namespace lldm
