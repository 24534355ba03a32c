// SPDX-License-Identifier: MIT
// What other libraries call the keys of a file: for a hint, never read.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lldm::config {

/// A key of Hugging Face's Trainer, TRL, Axolotl or LLaDA's own scripts.
struct ForeignName {
  std::string_view theirs;
  std::string_view ours;       // the path that `lldm describe` takes
  std::string_view note = {};  // where the meaning differs
};

/// Every name known; a test checks that each of `ours` is a key or a role.
[[nodiscard]] std::span<const ForeignName> foreign_names();

/// `lldm calls it "optimizer.learning_rate"`; "" for a name that is not known.
[[nodiscard]] std::string foreign_hint(std::string_view name);

}  // namespace lldm::config
