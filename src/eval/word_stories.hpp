// SPDX-License-Identifier: MIT
// The stories of word problems: a chain told in words.  Internal to src/eval.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/word_chain.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/eval/word_problems.hpp"

namespace lldm::eval {

constexpr std::int64_t kMaxStoryWords = 36;  // a distractor is left out where it would make more

/// The story of a chain and its question.
std::string tell_story(const Chain& chain, const WordProblems::Options& options, Stream& draws);

/// All words of all stories, numbers apart.
std::vector<std::string> story_words();

}  // namespace lldm::eval
