// SPDX-License-Identifier: MIT
// The tree of a template.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/jinja_value.hpp"

namespace lldm::jinja {

enum class NodeKind : std::uint8_t {
  // Expressions.  `text`: the operator or name; `children`: the operands.
  literal,  // `value`
  name,
  list,
  dict,       // key, value, key, value ...
  attribute,  // child . text
  item,       // child [ child ]
  slice,      // child [ start : stop : step ], each null where it is left out
  call,       // child ( arguments ), named ones by `names`
  filter,     // child | text ( arguments )
  test,       // child is text ( arguments )
  unary,      // not, -, +
  binary,
  condition,    // value, condition, other or null
  unsupported,  // parsed, and a failure if it is ever run; `text` says what
  // Statements.
  block,         // a sequence
  written,       // text
  output,        // child
  branch,        // condition, block, condition, block ..., and a block where there is an else
  loop,          // `names` over child 0 with filter child 1 or null, body 2, else 3 or null
  assign,        // `names` = child 0; or the attribute `text` of the namespace `names`
  assign_block,  // `names` = what child 0 writes
  macro,         // `text` with parameters `names`, their defaults or null, then the body
  leave,         // break
  next,          // continue
};

struct Node {
  NodeKind kind = NodeKind::block;
  std::size_t line = 1;
  std::string text = {};
  Value value = {};
  std::vector<std::unique_ptr<Node>> children = {};
  std::vector<std::string> names = {};  // call, filter, test: "" for a positional argument
};
using NodePtr = std::unique_ptr<Node>;

/// Errors  Failure, with the line: what is no template, or nests over 100 deep.
[[nodiscard]] NodePtr parse(std::string_view source);

}  // namespace lldm::jinja
