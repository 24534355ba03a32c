// SPDX-License-Identifier: MIT
// What a prompt is compared by.  Internal to src.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lldm::synthesis {

/// The prompt without what an example's layout puts around it, in capitals or not: "Question:",
/// "Problem:", "Q:" or "Context:" before, "Answer:", "Solution:", "A:" or "Let's think step by
/// step" behind it, white space at both ends.
[[nodiscard]] std::string_view undressed_prompt(std::string_view prompt);

/// The text with one space for each run of white space, and none at its ends.
[[nodiscard]] std::string single_spaced(std::string_view text);

/// By what a prompt is looked up among those of benchmarks: undressed, in lower case, without white
/// space (one space stays between two digits), quotes and sentence punctuation.  Letters of every
/// script and all signs of mathematics stay, so "3+2" and "3-2" differ; of punctuation "!" stays,
/// and ".", "," and ":" between two digits, "." before a digit, "'" before "(".
[[nodiscard]] std::string benchmark_key(std::string_view prompt);

/// Characters (not bytes) of a key.
[[nodiscard]] std::size_t key_length(std::string_view key);

}  // namespace lldm::synthesis
