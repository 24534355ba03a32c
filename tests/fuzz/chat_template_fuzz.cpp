// SPDX-License-Identifier: MIT
// The chat template of a stranger's folder: run within its limits, or refused in a sentence.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "data/jinja_render.hpp"

using lldm::jinja::Dict;
using lldm::jinja::List;
using lldm::jinja::Value;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto turn = [](const char* role, const char* content) {
    return Value::of(Dict{{{"role", Value::of(role)}, {"content", Value::of(content)}}});
  };
  const Dict names{{{"messages", Value::of(List{turn("system", " be brief "), turn("user", "a\n"),
                                                turn("assistant", "<think>\nb\n</think>\n\nc")})},
                    {"add_generation_prompt", Value::of(true)},
                    {"bos_token", Value::of("<s>")},
                    {"tools", Value::none()}}};
  try {
    static_cast<void>(
        lldm::jinja::render(*lldm::jinja::parse(source), names, {.max_steps = 100'000}));
  } catch (const lldm::jinja::Failure&) {  // a refusal; anything else ends the run
  }
  return 0;
}
