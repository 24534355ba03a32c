// SPDX-License-Identifier: MIT
#include "tokenizer/near_words.hpp"

#include "lldm/text/nearest_name.hpp"

namespace lldm {

std::string near_words(std::string_view word, std::span<const std::string> vocabulary,
                       std::size_t count) {
  std::string text;
  for (const std::string& near : nearest_names(word, vocabulary, count))
    text += (text.empty() ? "did you mean \"" : ", \"") + near + '"';
  return text.empty() ? "" : text + "?";
}

}  // namespace lldm
