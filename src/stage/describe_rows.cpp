// SPDX-License-Identifier: MIT
#include "stage/describe_rows.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "lldm/data/inspect.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// Tokens of the answer with the one end-of-text behind it; what follows is padding.
std::size_t unpadded(const std::vector<std::int64_t>& response, std::int64_t end_of_text) {
  std::size_t end = response.size();
  while (end > 0 && response[end - 1] == end_of_text) --end;
  return std::min(response.size(), end + 1);
}

/// "text" alone, "response", "chosen" and "rejected", or "answer 2" of a list.
std::string answer_name(const DescribedRows& described, std::size_t row, std::size_t answer) {
  const std::size_t count = described.rows[row].answers.size();
  const SourceRow& source = described.sources[row];
  if (count == 1) return source.prompt.empty() && source.messages.empty() ? "text" : "response";
  if (count == 2) return answer == 0 ? "chosen" : "rejected";
  return message("answer ", answer + 1);
}

void write_tokens(std::ostringstream& out, const DescribedRows& described, const Text& text) {
  const std::size_t kept = unpadded(text.response, described.tokenizer.special().end_of_text);
  out << "    position      id  part      scored  token\n";
  const auto total = static_cast<std::size_t>(text.length());
  const std::size_t shown = std::min(total, static_cast<std::size_t>(described.num_tokens));
  for (std::size_t i = 0; i < shown; ++i) {
    const bool is_prompt = i < text.prompt.size();
    const std::size_t at = is_prompt ? i : i - text.prompt.size();
    const std::int64_t id[] = {is_prompt ? text.prompt[at] : text.response[at]};
    const bool is_scored = !is_prompt && static_cast<std::int64_t>(at) < text.num_scored();
    out << "    " << std::setw(8) << i << std::setw(8) << id[0] << "  " << std::left
        << std::setw(10)
        << (is_prompt   ? "prompt"
            : at < kept ? "response"
                        : "padding")
        << std::setw(8) << (is_scored ? "yes" : "-") << std::right << '"'
        << escape_text(described.tokenizer.decode(id, false)) << "\"\n";
  }
  if (shown < total) out << "    ... and " << total - shown << " more tokens\n";
}

void write_row(std::ostringstream& out, const DescribedRows& described, std::size_t row) {
  const SourceRow& source = described.sources[row];
  const TrainingRow& encoded = described.rows[row];
  out << source.name() << "\n";
  const Tokenizer& tokenizer = described.tokenizer;
  for (std::size_t answer = 0; answer < encoded.answers.size(); ++answer) {
    const Text& text = encoded.answers[answer];
    const std::string name = answer_name(described, row, answer);
    const std::size_t kept = unpadded(text.response, tokenizer.special().end_of_text);
    if (answer == 0 && !text.prompt.empty())
      out << "  prompt \"" << escape_text(tokenizer.decode(text.prompt, false)) << "\"\n";
    out << "  " << name << " \""
        << escape_text(tokenizer.decode(std::span(text.response).first(kept), false)) << "\"\n"
        << "  " << name << ": " << text.length() << " tokens: " << text.prompt.size() << " prompt, "
        << kept << " response, " << text.response.size() - kept << " padding; " << text.num_scored()
        << " scored\n";
    write_tokens(out, described, text);
  }
}

void write_lengths(std::ostringstream& out, const std::string& name,
                   std::vector<std::int64_t> lengths) {
  std::sort(lengths.begin(), lengths.end());
  // Nearest rank: a length that occurs.
  const auto rank = [&](std::size_t percent) {
    return lengths[(lengths.size() * percent + 99) / 100 - 1];
  };
  out << "  " << std::left << std::setw(10) << name << std::right << std::setw(8) << lengths.front()
      << std::setw(8) << rank(50) << std::setw(8) << rank(95) << std::setw(8) << lengths.back()
      << '\n';
}

}  // namespace

std::string describe_training_rows(const DescribedRows& described) {
  std::ostringstream out;
  const auto shown = std::min(described.rows.size(), static_cast<std::size_t>(described.num_rows));
  for (std::size_t row = 0; row < shown; ++row) write_row(out, described, row);
  std::vector<std::int64_t> prompts, responses, scored, totals;
  std::int64_t too_long = 0;
  for (const TrainingRow& row : described.rows)
    for (const Text& text : row.answers) {
      prompts.push_back(static_cast<std::int64_t>(text.prompt.size()));
      responses.push_back(static_cast<std::int64_t>(text.response.size()));
      scored.push_back(text.num_scored());
      totals.push_back(text.length());
      too_long += described.max_length > 0 && text.length() > described.max_length;
    }
  out << described.rows.size() << " rows, " << totals.size() << " texts; tokens of each"
      << "\n                 min  median     p95     max\n";
  write_lengths(out, "prompt", std::move(prompts));
  write_lengths(out, "response", std::move(responses));
  write_lengths(out, "scored", std::move(scored));
  write_lengths(out, "total", std::move(totals));
  if (described.max_length > 0)
    out << "  longer than the model's " << described.max_length << " tokens: " << too_long << '\n';
  return out.str();
}

}  // namespace lldm
