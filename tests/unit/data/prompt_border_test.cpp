// SPDX-License-Identifier: MIT
#include "data/prompt_border.hpp"

#include <memory>

#include "lldm/tokenizer/load.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using testing::contains;

namespace {

/// Bytes, but "ab" is one token (300).
class Merging final : public Tokenizer {
 public:
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text,
                                                 SpecialText special) const override {
    std::vector<std::int64_t> ids;
    for (std::size_t at = 0; at < text.size(); ++at)
      if (text.substr(at).starts_with("ab"))
        ids.push_back(300), ++at;
      else
        for (const std::int64_t id : bytes_->encode(text.substr(at, 1), special)) ids.push_back(id);
    return ids;
  }
  [[nodiscard]] std::string decode(std::span<const std::int64_t>, bool) const override {
    return "";
  }
  [[nodiscard]] std::int64_t vocabulary_size() const override { return 301; }
  [[nodiscard]] const SpecialTokens& special() const override { return bytes_->special(); }
  [[nodiscard]] std::string_view type() const override { return "merging"; }
  void save(const std::filesystem::path&) const override {}
  [[nodiscard]] std::string fingerprint() const override { return ""; }

 private:
  static std::shared_ptr<const Tokenizer> make() {
    TokenizerOptions options;
    options.type = TokenizerType::bytes;
    return make_tokenizer(options, {});
  }
  std::shared_ptr<const Tokenizer> bytes_ = make();
};

bool spans(const std::string& prompt, const std::string& answer) {
  const Merging tokenizer;
  const Rendered rendered{{{prompt, false}}, {{answer, false}}};
  return spans_border(rendered, encode(rendered, 0, tokenizer).prompt, tokenizer);
}

}  // namespace

TEST_CASE("A token spans a border where both together begin with other tokens", "[data][border]") {
  CHECK(spans("xa", "bx"));
  CHECK_FALSE(spans("xa", "ax"));
  CHECK_FALSE(spans("ab", "ab"));
  CHECK_FALSE(spans("b", "a"));
}

TEST_CASE("Borders that a token spans are counted, with the first", "[data][border]") {
  BorderCount count;
  CHECK(count.problem().empty());
  count.add(false, "rows.jsonl:1");
  CHECK(count.problem().empty());
  count.add(true, "rows.jsonl:2");
  count.add(true, "rows.jsonl:3");
  CHECK_THAT(count.problem(), contains("of 2 of 3 answers (first rows.jsonl:2) a token"));
  CHECK_THAT(count.problem(), contains("prompt_boundary = \"prefix\" makes it an error"));
}
