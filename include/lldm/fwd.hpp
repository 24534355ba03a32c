// SPDX-License-Identifier: MIT
// Names without their definitions: enough to declare a function that takes or returns them, at a
// hundredth of the compile time.
#pragma once

#include <cstdint>

namespace at {
class Tensor;
}

namespace lldm {

class AnyDenoiser;
class Draws;
class Logger;
class MemoryManager;
class PurposeScope;
class Registry;
class Stream;
class TextDraws;
class Tokenizer;

struct Example;
struct MemoryPlan;
struct PackedTokens;
struct Query;
struct ScorePlan;
struct Services;
struct SpecialTokens;
struct Target;
struct Text;
struct Verdict;

enum class MemoryPurpose : std::uint8_t;
enum class Purpose : std::uint32_t;
enum class Readout : std::uint8_t;

}  // namespace lldm
