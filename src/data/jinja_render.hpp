// SPDX-License-Identifier: MIT
// Runs a template.  Chat templates come with folders of strangers: nothing but text goes in and
// out, and work and memory are bounded.
#pragma once

#include <string>

#include "data/jinja_parser.hpp"

namespace lldm::jinja {

struct RenderLimits {
  std::size_t max_steps = 1'000'000;             // nodes run
  std::size_t max_bytes = std::size_t{1} << 20;  // of the text, and of any one value
  int max_depth = 200;                           // of expressions and macros in one another
};

/// The text that a template makes of `names` (such as messages and add_generation_prompt).
/// Errors  Failure, with the line: what Jinja refuses too, what is not implemented, or a limit.
[[nodiscard]] std::string render(const Node& root, const Dict& names,
                                 const RenderLimits& limits = {});

}  // namespace lldm::jinja
