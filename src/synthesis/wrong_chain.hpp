// SPDX-License-Identifier: MIT
// What the makers of errors share.  Internal to src/synthesis.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/synthesis/error_kind.hpp"
#include "synthesis/equations.hpp"
#include "synthesis/steps.hpp"

namespace lldm::synthesis {

/// A right chain, read once: what errors are put into.
struct Chain {
  std::string_view prompt;  // the question, with its premises
  std::string_view text;    // annotated (equations.hpp)
  std::vector<Annotation> annotations;
  std::vector<Step> steps;

  [[nodiscard]] std::size_t step_of(const Annotation& annotation) const {
    return step_at(steps, annotation.begin);
  }
};
[[nodiscard]] Chain read_chain(std::string_view prompt, std::string_view text);

/// A chain with one error.
struct WrongChain {
  std::string text;
  std::size_t step = 0;       // of the right chain, from 0: where the error is
  std::string before, after;  // what stood there and what stands there now
  std::string what;           // the error in words, where before and after do not say it
};
using WrongChains = std::vector<WrongChain>;

/// Which values of the right chain became which.
class Changes {
 public:
  void set(double from, double to);
  void forget(double from);
  [[nodiscard]] const double* find(double from) const;

 private:
  std::vector<std::pair<double, double>> list_;
};

/// What follows an error, worked out again from the changed values; nothing where a number cannot
/// be written or an annotation that is touched is not true.
struct CarriedOn {
  std::string text;
  std::size_t equations = 0;  // that were worked out anew
};
[[nodiscard]] std::optional<CarriedOn> carry_on(std::string_view text, Changes changes);

/// One replacement inside a text.
struct Edit {
  std::size_t begin, end;
  std::string text;
};
[[nodiscard]] std::string apply_edit(std::string_view text, const Edit& edit);

/// The text before an annotation's line or the annotation before it, from there up to the
/// annotation, and after it.
struct Place {
  std::string_view before, words, after;
};
[[nodiscard]] Place place_of(const Chain& chain, std::size_t annotation);

/// The makers, one or two kinds each: every wrong chain of the kind, perhaps none, in an order that
/// depends on the chain alone.  Some may still come to the right answer.
[[nodiscard]] WrongChains change_operations(const Chain& chain);
[[nodiscard]] WrongChains change_operands(const Chain& chain);
[[nodiscard]] WrongChains slip_by_one(const Chain& chain);
[[nodiscard]] WrongChains forget_carries(const Chain& chain);
[[nodiscard]] WrongChains change_answer(const Chain& chain);
[[nodiscard]] WrongChains drop_steps(const Chain& chain);
[[nodiscard]] WrongChains swap_steps(const Chain& chain);
[[nodiscard]] WrongChains change_units(const Chain& chain);
[[nodiscard]] WrongChains swap_entities(const Chain& chain);
[[nodiscard]] WrongChains negate_premises(const Chain& chain);
[[nodiscard]] WrongChains change_conclusion(const Chain& chain);

/// All of a kind.
[[nodiscard]] WrongChains spoil(const Chain& chain, ErrorKind kind);

}  // namespace lldm::synthesis
