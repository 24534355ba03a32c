// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "data/bad_rows.hpp"
#include "data/line_reader.hpp"
#include "data/published_rows.hpp"
#include "data/row_parser.hpp"
#include "lldm/data/corpus.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "storage/with_room.hpp"

namespace lldm {
namespace {

/// Little-endian numbers to a file, a buffer at a time.
class NumberFile {
 public:
  NumberFile(const std::filesystem::path& path, int bytes)
      : path_(path), file_(real_file_ops(), path, WriteMode::create), bytes_(bytes) {}

  void add(std::uint64_t value) {
    for (int i = 0; i < bytes_; ++i) buffer_ += static_cast<char>(value >> (8 * i));
    ++count_;
    if (buffer_.size() >= kBuffer) flush();
  }
  void close() {
    flush();
    with_room(path_, written_, real_file_ops(), [&] { file_.sync(); });
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  static constexpr std::size_t kBuffer = std::size_t{1} << 20;
  void flush() {
    written_ += buffer_.size();
    with_room(path_, written_, real_file_ops(), [&] { file_.write(buffer_); });
    buffer_.clear();
  }

  std::filesystem::path path_;
  OutputFile file_;
  int bytes_;
  std::string buffer_;
  std::uint64_t count_ = 0, written_ = 0;
};

/// Bad rows of one file; the first ones are kept, all are counted.
struct BadRows {
  std::vector<BadRow> listed;
  std::uint64_t count = 0;

  void add(BadRow row) {
    constexpr std::size_t kMost = 20;
    if (count++ < kMost) listed.push_back(std::move(row));
  }
};

class Packer {
 public:
  Packer(const std::filesystem::path& folder, const Tokenizer& tokenizer, int token_bytes)
      : tokenizer_(tokenizer),
        tokens_(folder / "tokens.bin", token_bytes),
        ends_(folder / "documents.bin", 8) {}

  void add_file(const std::filesystem::path& path, const PackRequest& request) {
    const RowReaderOptions& options = request.reader;
    data::LineReader lines(path, options.max_line_bytes);
    data::UnusedKeys unused;
    BadRows bad;
    while (lines.next()) {
      try {
        const auto row = data::with_columns(data::parse_row(lines), options.columns, unused);
        const std::string text = data::to_text_row(row, lines.number(), unused).text;
        add_text(text);
        if (request.on_text) request.on_text(text, data::place_of(path.filename().string(), lines));
      } catch (const data::RowFault& fault) {
        bad.add(data::bad_row(lines, fault.column, fault.reason));
      } catch (const DataError& error) {
        bad.add(data::bad_row(lines, 0, error.what()));
      }
    }
    if (lines.number() == 0) throw DataError(message(path.string(), ": holds no rows"));
    if (bad.count == 0) return;
    std::string more;
    if (bad.count > bad.listed.size())
      more = message("\n  and ", bad.count - bad.listed.size(), " more");
    throw DataError(message(path.string(), ": ", bad.count, " of ", lines.number(),
                            " rows cannot be used", data::list_bad_rows(path.string(), bad.listed),
                            more, "\n  repair them"));
  }

  void close() {
    tokens_.close();
    ends_.close();
  }
  [[nodiscard]] std::int64_t num_tokens() const {
    return static_cast<std::int64_t>(tokens_.count());
  }
  [[nodiscard]] std::int64_t num_documents() const {
    return static_cast<std::int64_t>(ends_.count());
  }

 private:
  void add_text(const std::string& text) {
    const std::vector<std::int64_t> ids = tokenizer_.encode(text);
    if (ids.empty()) throw data::RowFault{0, "the text has no token"};
    for (const std::int64_t id : ids) tokens_.add(static_cast<std::uint64_t>(id));
    tokens_.add(static_cast<std::uint64_t>(tokenizer_.special().end_of_text));
    ends_.add(tokens_.count());
  }

  const Tokenizer& tokenizer_;
  NumberFile tokens_, ends_;
};

}  // namespace

PackedCounts pack_corpus(const PackRequest& request, const Tokenizer& tokenizer) {
  if (tokenizer.special().end_of_text < 0)
    throw DataError(message("tokenizer \"", tokenizer.type(),
                            "\" has no end-of-text token, which stands between the texts"));
  constexpr std::int64_t kMostShort = std::int64_t{1} << 16;
  const int token_bytes = tokenizer.vocabulary_size() <= kMostShort ? 2 : 4;
  PublishedFolder folder(request.folder);
  Packer packer(folder.path(), tokenizer, token_bytes);
  nlohmann::ordered_json sources = nlohmann::ordered_json::array();
  for (const std::filesystem::path& file : request.files) {
    const std::int64_t before = packer.num_documents();
    packer.add_file(file, request);
    sources.push_back({{"file", to_valid_utf8(file.filename().string())},
                       {"sha256", sha256_file(file)},
                       {"documents", packer.num_documents() - before}});
  }
  packer.close();
  if (request.on_read) request.on_read();
  const nlohmann::ordered_json meta = {{"format", 1},
                                       {"tokens", packer.num_tokens()},
                                       {"documents", packer.num_documents()},
                                       {"token_bytes", token_bytes},
                                       {"end_of_text", tokenizer.special().end_of_text},
                                       {"tokenizer",
                                        {{"type", tokenizer.type()},
                                         {"fingerprint", tokenizer.fingerprint()},
                                         {"vocabulary_size", tokenizer.vocabulary_size()}}},
                                       {"sources", sources}};
  folder.add("corpus.json", meta.dump(2) + "\n");
  folder.publish();
  return {
      packer.num_documents(), packer.num_tokens(),
      static_cast<std::uint64_t>(packer.num_tokens()) * static_cast<std::uint64_t>(token_bytes)};
}

}  // namespace lldm
