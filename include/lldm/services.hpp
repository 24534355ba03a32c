// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "lldm/draws/stream.hpp"

namespace lldm {

class Registry;
class Tokenizer;

/// What a component may ask for when it is made: the one road to everything shared.  Nothing is
/// global.  Memory needs no asking: what LibTorch allocates is counted wherever it happens.
struct Services {
  const Registry& registry;  // makes the components that a component holds
  Draws draws;               // of the stage that the component is made for
  std::shared_ptr<const Tokenizer> tokenizer = nullptr;  // null before a stage has one
};

}  // namespace lldm
