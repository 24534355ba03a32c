// SPDX-License-Identifier: MIT
#include "data/inspect_summary.hpp"

#include <algorithm>
#include <iomanip>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

constexpr std::size_t kMaxListed = 5;

void describe_lengths(std::ostringstream& out, const std::string& name,
                      std::vector<std::size_t> lengths) {
  if (lengths.empty()) return;
  std::sort(lengths.begin(), lengths.end());
  // Nearest rank: a length that occurs.
  const auto rank = [&](double p) {
    const auto at = static_cast<std::size_t>(p * static_cast<double>(lengths.size()) + 0.999999);
    return lengths[std::clamp<std::size_t>(at, 1, lengths.size()) - 1];
  };
  out << "  " << std::left << std::setw(10) << name << std::right << std::setw(8) << lengths.front()
      << std::setw(8) << rank(0.5) << std::setw(8) << rank(0.95) << std::setw(8) << lengths.back()
      << '\n';
}

}  // namespace

void InspectSummary::add(const InspectedRow& sample, const InspectSettings& settings) {
  ++num_rows_;
  num_duplicates_ += !contents_.insert(sample.content_hash).second;
  if (sample.prompt_hash != 0)
    num_prompt_duplicates_ += !prompts_.insert(sample.prompt_hash).second;
  for (const auto& part : sample.parts) {
    const auto response = part.tokens.response.size() + (has_canvas(part) ? 1 : 0);
    length(part.name).push_back(response);
    begins_.add(has_canvas(part) ? part.tokens.prompt : part.tokens.response);
    length("total").push_back(part.tokens.prompt.size() + response);
    num_too_long_ += has_canvas(part) && settings.response_length &&
                     response > static_cast<std::size_t>(*settings.response_length);
  }
  if (sample.prompt_hash != 0)
    length("prompt").push_back(sample.parts.front().tokens.prompt.size());
}

void InspectSummary::refuse(std::uint64_t row, const std::string& why) {
  ++num_rows_;
  if (++num_refused_ <= kMaxListed) refused_ += message("\n    row ", row, ": ", escape_text(why));
}

void InspectSummary::write(std::ostringstream& out, const InspectSettings& settings) const {
  out << num_rows_ << " rows; tokens, end-of-text included"
      << "\n                 min  median     p95     max\n";
  for (const auto& [name, lengths] : lengths_) describe_lengths(out, name, lengths);
  out << "  rows that repeat an earlier row: " << num_duplicates_ << '\n';
  if (!prompts_.empty())
    out << "  prompts that repeat an earlier prompt: " << num_prompt_duplicates_ << '\n';
  if (settings.response_length)
    out << "  answers that do not fit response_length = " << *settings.response_length << ": "
        << num_too_long_ << '\n';
  out << "  rows that cannot be encoded: " << num_refused_ << refused_ << '\n';
  if (const std::string problem = begins_.problem(); !problem.empty())
    out << "  begin of text: " << problem << '\n';
}

std::vector<std::size_t>& InspectSummary::length(const std::string& name) {
  for (auto& [known, lengths] : lengths_)
    if (known == name) return lengths;
  return lengths_.emplace_back(name, std::vector<std::size_t>()).second;
}

}  // namespace lldm
