// SPDX-License-Identifier: MIT
// Names and whole words of a text.  Internal to src/synthesis.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lldm::synthesis {

/// Names in order of appearance, each once: runs of capitalised words ("Ed Wood", "Bank of
/// England") of at least two letters, without the words that only begin a sentence or head a line
/// ("The", "Therefore", "Question").
[[nodiscard]] std::vector<std::string> find_names(std::string_view text);

/// Where `word` stands as a whole: no letter, digit or capitalised neighbour of a longer name at
/// either side.
[[nodiscard]] std::vector<std::size_t> places_of(std::string_view text, std::string_view word);

/// Whether two names can stand for one another: somewhere in the text the same word stands before
/// both ("born in Lunde", "lives in Tarvik"), or both begin a sentence.
[[nodiscard]] bool are_alike(std::string_view text, std::string_view a, std::string_view b);

/// Whether a step draws a conclusion: "So ...", "Therefore ...", "Answer: ...", "#### ...".
[[nodiscard]] bool is_conclusion(std::string_view step);

}  // namespace lldm::synthesis
