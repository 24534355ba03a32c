// SPDX-License-Identifier: MIT
// A stranger's tokenizer.json: read and usable, or refused by name.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "fuzz tokenizer_json: " << what << '\n';
  std::abort();
}

/// What a tokenizer promises of any text and of its own ids.
void use(const lldm::TokenizerJson& tokenizer, std::string_view text, lldm::SpecialText special) {
  std::vector<std::int64_t> ids;
  try {
    ids = tokenizer.encode(text, special);
  } catch (
      const lldm::DataError&) {  // a character that the vocabulary lacks, a regex that explodes
    return;
  }
  for (const std::int64_t id : ids)
    require(id >= 0 && id < tokenizer.vocabulary_size(), "an id outside the vocabulary");
  static_cast<void>(tokenizer.decode(ids, special == lldm::SpecialText::plain));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto tokenizer = lldm::TokenizerJson::from_text(
        std::string(reinterpret_cast<const char*>(data), size), {}, "f");
    for (const char* text : {"the  cat's 42\n\tmats", "<s>é漢字 \u0301\U0001F600</s>", ""})
      for (const auto special : {lldm::SpecialText::plain, lldm::SpecialText::recognise})
        use(tokenizer, text, special);
  } catch (const lldm::DataError&) {  // refused; anything else ends the run
  }
  return 0;
}
