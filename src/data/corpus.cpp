// SPDX-License-Identifier: MIT
#include "lldm/data/corpus.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/storage/published_folder.hpp"
#include "storage/input_file.hpp"
#include "storage/sealed_folder.hpp"
#include "text/json.hpp"

namespace lldm {

/// A file that is mapped read-only.
struct Corpus::Mapping {
  explicit Mapping(const std::filesystem::path& path) : file(path) {
    if (file.size() == 0) return;
    void* at = ::mmap(nullptr, file.size(), PROT_READ, MAP_SHARED, file.descriptor(), 0);
    if (at == MAP_FAILED)
      throw DataError(message(path.string(), ": cannot be mapped: ", std::strerror(errno)));
    begin = static_cast<const unsigned char*>(at);
    ::madvise(at, file.size(), MADV_RANDOM);  // rows are read in a shuffled order
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (begin) ::munmap(const_cast<unsigned char*>(begin), file.size());
  }

  template <class T>
  [[nodiscard]] T at(std::int64_t index) const {
    T value;
    std::memcpy(&value, begin + static_cast<std::size_t>(index) * sizeof(T), sizeof(T));
    return value;
  }

  InputFile file;
  const unsigned char* begin = nullptr;
};

Corpus::~Corpus() = default;

Corpus::Corpus(const std::filesystem::path& folder) : folder_(folder) {
  if (!std::filesystem::is_regular_file(folder / "corpus.json"))
    throw DataError(
        message(folder.string(),
                ": is no corpus\n  lldm data pack FILE... --tokenizer DIR --out DIR makes "
                "one of text rows"));
  const SealedFolder sealed(folder);
  if (!sealed.has_manifest())
    throw DataError(message(folder.string(), ": ", kManifestName, " is missing\n  pack it again"));
  sealed.check([](const std::string& name) { return name != "tokens.bin"; });
  const nlohmann::json meta =
      parse_json(sealed.read("corpus.json"), (folder / "corpus.json").string());
  try {
    if (const auto format = meta.at("format").get<int>(); format != 1)
      throw DataError(
          message(folder.string(), ": is of corpus format ", format, ", this lldm reads 1"));
    num_tokens_ = meta.at("tokens").get<std::int64_t>();
    num_documents_ = meta.at("documents").get<std::int64_t>();
    token_bytes_ = meta.at("token_bytes").get<int>();
    tokenizer_ = meta.at("tokenizer").at("fingerprint").get<std::string>();
    vocabulary_size_ = meta.at("tokenizer").at("vocabulary_size").get<std::int64_t>();
  } catch (const nlohmann::json::exception& error) {
    throw DataError(message(folder.string(), "/corpus.json: ", error.what()));
  }
  tokens_ = std::make_unique<Mapping>(folder / "tokens.bin");
  ends_ = std::make_unique<Mapping>(folder / "documents.bin");
  const auto holds = [](const Mapping& file, std::int64_t count, int bytes) {
    return count > 0 && file.file.size() ==
                            static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(bytes);
  };
  if ((token_bytes_ != 2 && token_bytes_ != 4) || !holds(*tokens_, num_tokens_, token_bytes_) ||
      !holds(*ends_, num_documents_, 8) || end_of(num_documents_ - 1) != num_tokens_)
    throw DataError(message(folder.string(), ": corpus.json does not say what the files hold"));
}

std::vector<std::int64_t> Corpus::tokens(std::int64_t begin, std::int64_t end) const {
  if (begin < 0 || end < begin || end > num_tokens_)
    throw ShapeError(message("Corpus: tokens [", begin, ", ", end, ") of ", num_tokens_));
  std::vector<std::int64_t> ids;
  ids.reserve(static_cast<std::size_t>(end - begin));
  for (std::int64_t i = begin; i < end; ++i)
    ids.push_back(token_bytes_ == 2 ? tokens_->at<std::uint16_t>(i)
                                    : tokens_->at<std::uint32_t>(i));
  for (const std::int64_t id : ids)
    if (id >= vocabulary_size_)
      throw DataError(message(folder_.string(), "/tokens.bin: id ", id, " of a vocabulary of ",
                              vocabulary_size_, ": the file is damaged"));
  return ids;
}

std::int64_t Corpus::end_of(std::int64_t document) const {
  return static_cast<std::int64_t>(ends_->at<std::uint64_t>(document));
}

void Corpus::verify() const {
  SealedFolder(folder_).check([](const std::string&) { return true; });
}

namespace {
constexpr std::int64_t kKept = 256;  // rows for one entry of the table of first texts
}

CorpusRows::CorpusRows(std::shared_ptr<const Corpus> corpus, bool is_isolated, std::int64_t length)
    : corpus_(std::move(corpus)), is_isolated_(is_isolated), length_(length) {
  if (length < 1) throw ShapeError(message("CorpusRows: length must be at least 1, got ", length));
  if (!is_isolated_) {
    size_ = (corpus_->num_tokens() + length_ - 1) / length_;
    return;
  }
  for (Place place; place.document < corpus_->num_documents(); ++size_) {
    if (size_ % kKept == 0) first_.push_back(place);
    pass_row(place, nullptr);
  }
}

std::int64_t CorpusRows::begin_of(std::int64_t document) const {
  return document == 0 ? 0 : corpus_->end_of(document - 1);
}

std::int64_t CorpusRows::length_at(const Place& place) const {
  return std::min(length_,
                  corpus_->end_of(place.document) - begin_of(place.document) - place.offset);
}

void CorpusRows::pass_row(Place& place, std::vector<CorpusText>* texts) const {
  for (std::int64_t room = length_; place.document < corpus_->num_documents();) {
    const std::int64_t begin = begin_of(place.document) + place.offset, size = length_at(place);
    if (size > room) return;
    if (texts) texts->push_back({place.number, corpus_->tokens(begin, begin + size)});
    room -= size;
    place.offset += size;
    ++place.number;
    if (begin + size == corpus_->end_of(place.document)) ++place.document, place.offset = 0;
  }
}

std::vector<CorpusText> CorpusRows::texts(std::int64_t index) const {
  if (index < 0 || index >= size_)
    throw ShapeError(message("CorpusRows: row ", index, " of ", size_));
  if (!is_isolated_)
    return {{index, corpus_->tokens(index * length_,
                                    std::min((index + 1) * length_, corpus_->num_tokens()))}};
  Place place = first_[static_cast<std::size_t>(index / kKept)];
  for (std::int64_t passed = index % kKept; passed > 0; --passed) pass_row(place, nullptr);
  std::vector<CorpusText> texts;
  pass_row(place, &texts);
  return texts;
}

}  // namespace lldm
