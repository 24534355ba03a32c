// SPDX-License-Identifier: MIT
// Rows of JSONL files: which forms there are, and what a bad row is.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lldm/config/field.hpp"
#include "lldm/data/columns.hpp"

namespace lldm {

/// One turn of a conversation.
struct Message {
  std::string role;  // "user", "assistant", "system", or whatever the file says
  std::string content;
  bool operator==(const Message&) const = default;
};

/// A text to model as a whole.
struct TextRow {
  std::uint64_t id = 0;            // line number in its file, or element of its array, from 1
  std::uint64_t content_hash = 0;  // of the text: equal rows of different files have equal hashes
  std::string text;
};

/// A prompt and the response to learn.  A prompt given as one string is one message of role "user".
struct PromptRow {
  std::uint64_t id = 0;
  std::uint64_t content_hash = 0;
  std::vector<Message> prompt;
  std::string response;
};

/// A prompt and two responses, the first better than the second.
struct PreferenceRow {
  std::uint64_t id = 0;
  std::uint64_t content_hash = 0;
  std::vector<Message> prompt;
  std::string chosen;
  std::string rejected;
};

/// A prompt and one response that is wanted or not.
struct UnpairedRow {
  std::uint64_t id = 0;
  std::uint64_t content_hash = 0;
  std::vector<Message> prompt;
  std::string completion;
  bool label = false;  // whether it is wanted
};

/// A prompt and responses in order, the best first.
struct RankedRow {
  std::uint64_t id = 0;
  std::uint64_t content_hash = 0;
  std::vector<Message> prompt;
  std::vector<std::string> answers;
};

/// Rows made in memory (by a task or a sampler), with their content hash.
[[nodiscard]] TextRow make_text_row(std::uint64_t id, std::string text);
[[nodiscard]] PromptRow make_prompt_row(std::uint64_t id, std::vector<Message> prompt,
                                        std::string response);
[[nodiscard]] PreferenceRow make_preference_row(std::uint64_t id, std::vector<Message> prompt,
                                                std::string chosen, std::string rejected);
[[nodiscard]] UnpairedRow make_unpaired_row(std::uint64_t id, std::vector<Message> prompt,
                                            std::string completion, bool label);
[[nodiscard]] RankedRow make_ranked_row(std::uint64_t id, std::vector<Message> prompt,
                                        std::vector<std::string> answers);
/// The prompt of one plain string.
[[nodiscard]] std::vector<Message> user_prompt(std::string text);

/// How the rows of a file are written.  As published elsewhere: {"prompt", "completion"} and
/// alpaca's {"instruction", "input", "output"} are prompt_response; "chosen" and "rejected" as one
/// text each, of turns after "\n\nHuman:" and "\n\nAssistant:" (HH-RLHF), are preference.
enum class RowForm : std::uint8_t {
  text,             // {"text"}
  prompt_response,  // {"prompt", "response"}
  conversation,  // {"conversations" or "messages": [{"role" or "from", "content" or "value"}...]}
  preference,    // {"prompt", "chosen", "rejected"}, strings or message lists
  ranked,        // {"prompt", "answers": ["best", ..., "worst"]}
  unpaired,      // {"prompt", "completion", "label": true or false}
};
inline constexpr std::array kRowForms = {RowForm::text,         RowForm::prompt_response,
                                         RowForm::conversation, RowForm::preference,
                                         RowForm::ranked,       RowForm::unpaired};
[[nodiscard]] std::string_view row_form_name(RowForm form);

/// What happens to a file with bad rows.
enum class OnBadRow : std::uint8_t {
  error,  // nothing is read; all bad rows are told at once
  skip,   // they are left out and counted, up to `kMostBadPercent`
};
constexpr auto choices(std::type_identity<OnBadRow>) {
  return std::array{Choice<OnBadRow>{"error", OnBadRow::error},
                    Choice<OnBadRow>{"skip", OnBadRow::skip}};
}

/// So many of a hundred lines may hold bad rows for `skip` to accept the file.
inline constexpr std::uint64_t kMostBadPercent = 1;

struct RowReaderOptions {
  OnBadRow on_bad_row = OnBadRow::error;
  bool offers_skip = false;  // whether who reads has a key `on_bad_row` that a refusal can name
  bool collects = false;     // every bad row stands in `skipped` and none refuses the file
  std::int64_t max_line_bytes = std::int64_t{64} << 20;  // a longer line is a bad row
  Columns columns = {};              // keys under which the file keeps what the form reads
  std::optional<RowForm> form = {};  // that every row must have; empty: what the first one shows
};

/// A row that was refused.
struct BadRow {
  std::uint64_t line = 0;    // from 1
  std::uint64_t column = 0;  // byte in the line, from 1; 0 where the whole row is meant
  std::string reason;
  std::uint64_t offset =
      0;  // byte of the (unpacked) file, from 0: of `column`, or where the row begins
};

/// The rows of one file and what is to be told about it.
template <class Row>
struct RowFile {
  std::string path;
  RowForm form = RowForm::text;
  std::string published = {};   // as whom the first row is written, and how the file is packed
  std::uint64_t num_lines = 0;  // or elements of its array
  std::vector<std::uint64_t> array_lines = {};  // of an array's elements by id - 1; else empty
  std::vector<Row> rows;
  std::vector<BadRow> skipped;           // non-empty only with OnBadRow::skip or `collects`
  std::vector<std::string> unused_keys;  // keys no form reads, each once, in order of appearance

  /// The line on which the row of this id begins.
  [[nodiscard]] std::uint64_t line_of(std::uint64_t id) const {
    return array_lines.empty() ? id : array_lines.at(id - 1);
  }
  /// One paragraph for the log: form, counts, skipped rows with reasons, unused keys.
  [[nodiscard]] std::string summary() const;
};

/// Reads a JSONL file, one JSON object a line, or a JSON array of objects; either may be packed by
/// gzip.
///
/// The form is detected once per file, from its first good row, and is part of the answer; a row of
/// another form is a bad row.  Bad are also: not JSON, invalid UTF-8, a NUL, a byte-order mark, a
/// key twice, nesting over 64, a wrong type, an empty text, response, chosen or rejected, chosen
/// equal to rejected, a conversation that does not end with the assistant, an empty line before the
/// last row (blank lines behind it are no rows), a torn last line, a line over `max_line_bytes`.
/// Emptiness and equality are judged after Python's `strip()`.  In a conversation the last
/// assistant message is the response and all before it the prompt; ShareGPT's "human" and "gpt"
/// become "user" and "assistant", and a row's "system" the first message.  Tools are refused.
///
/// Errors  DataError: cannot be opened, no rows, or bad rows (the first 20 and the count).
[[nodiscard]] RowFile<TextRow> read_text_rows(const std::filesystem::path& path,
                                              const RowReaderOptions& options = {});
/// As `read_text_rows`, for the forms prompt_response and conversation.
[[nodiscard]] RowFile<PromptRow> read_prompt_rows(const std::filesystem::path& path,
                                                  const RowReaderOptions& options = {});
/// As `read_text_rows`, for the form preference.  Message lists: `chosen` and `rejected` may repeat
/// the prompt's messages before their one answer; without "prompt" these common messages are the
/// prompt.
[[nodiscard]] RowFile<PreferenceRow> read_preference_rows(const std::filesystem::path& path,
                                                          const RowReaderOptions& options = {});

/// As `read_text_rows`, for the form ranked.  Bad are also rows with another number of answers than
/// `answers` (0: any from 2 on), and two equal answers.
[[nodiscard]] RowFile<RankedRow> read_ranked_rows(const std::filesystem::path& path,
                                                  std::int64_t answers,
                                                  const RowReaderOptions& options = {});

/// As `read_text_rows`, for the form unpaired.
[[nodiscard]] RowFile<UnpairedRow> read_unpaired_rows(const std::filesystem::path& path,
                                                      const RowReaderOptions& options = {});

/// The form that a file's first line shows among `accepted` (all forms where it is empty); read
/// with the matching function.  A row with the keys of two accepted forms is an error: nothing is
/// guessed.  With `collects`, of the first row that shows one.  One exception, as published
/// (UltraFeedback): `messages` beside `chosen` and `rejected`
/// repeats the chosen conversation, and the row is a preference row.
/// Errors  DataError if the first line is bad or of no form.
[[nodiscard]] RowForm detect_row_form(const std::filesystem::path& path,
                                      std::vector<RowForm> accepted = {},
                                      const RowReaderOptions& options = {});

}  // namespace lldm
