// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "lldm/draws/stream.hpp"
#include "lldm/track/logger.hpp"

namespace lldm {

class MemoryManager;
class Registry;
class Tokenizer;

/// What a component may ask for when it is made: the one road to everything shared.  Nothing is
/// global.
struct Services {
  const Registry& registry;
  MemoryManager& memory;
  Logger& logger;
  Draws draws;                                 // of the stage the component is made for
  std::shared_ptr<const Tokenizer> tokenizer;  // null before a stage has one
  std::string device = "cpu";                  // "cpu" or "cuda"
};

}  // namespace lldm
